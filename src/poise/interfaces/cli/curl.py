"""A command that can be pasted: a real request to a running server."""

from __future__ import annotations

import json
import shlex

from poise.serving.answer import Answerer


def curl_of(address: str, answerer: Answerer) -> str:
    """A `curl` with a row that was really asked for.

    The row is of the judged rows, so that its ids exist.
    """
    described = answerer.described()
    body = json.dumps(described["example"], ensure_ascii=False)
    header = "-H 'content-type: application/json'"
    return f"  curl -s {address}{described['route']} {header} -d {shlex.quote(body)}"
