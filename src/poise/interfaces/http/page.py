"""The command that asks a server for an answer, as people copy it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def curl(address: str, route: str, example: Mapping[str, Any], *, asks_token: bool = False) -> str:
    """A command that asks the server at `address` for an answer to `example`, fit for a POSIX shell. asks_token: it
    takes the token from the variable POISE_TOKEN.

    >>> print(curl("http://127.0.0.1:8080", "/v1/predict", {"carrier": "UA"}))
    curl -s http://127.0.0.1:8080/v1/predict -H 'content-type: application/json' -d '{"carrier": "UA"}'
    """
    body = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
    token = ' -H "authorization: Bearer $POISE_TOKEN"' if asks_token else ""
    return f"curl -s {address}{route} -H 'content-type: application/json'{token} -d '{body}'"
