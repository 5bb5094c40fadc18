"""The page under `/`: what this server is, where to read more, and a request to try."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{system}: Poise</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem }}
pre {{ padding: 1rem; overflow: auto; border: 1px solid #8888; border-radius: 4px }}
</style></head><body>
<h1>{system}</h1>
<p>{purpose}</p>
<p>This is a Poise server. Release <strong>{release}</strong> answers, on the <strong>{clock}</strong> clock.</p>
<h2>Try it</h2>
<pre>{curl}</pre>
<h2>Read</h2>
<ul>
<li><a href="/v1/requirements">Requirements</a>: who requires what of this release, and what was measured</li>
<li><a href="/v1/releases">Releases</a> and <a href="/v1/history">history</a>: what was live when, and why</li>
<li><a href="/openapi.json">OpenAPI 3.1</a>: requests, answers and errors</li>
<li><a href="/health/ready">Health</a></li>
</ul>
</body></html>
"""
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def curl(address: str, route: str, example: Mapping[str, Any], *, asks_token: bool = False) -> str:
    """A command that asks the server at `address` for an answer to `example`, fit for a POSIX shell. asks_token: it
    takes the token from the variable POISE_TOKEN.

    >>> print(curl("http://127.0.0.1:8080", "/v1/predict", {"carrier": "UA"}))
    curl -s http://127.0.0.1:8080/v1/predict -H 'content-type: application/json' -d '{"carrier": "UA"}'
    """
    body = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
    token = ' -H "authorization: Bearer $POISE_TOKEN"' if asks_token else ""
    return f"curl -s {address}{route} -H 'content-type: application/json'{token} -d '{body}'"


def front_page(described: Mapping[str, Any], address: str) -> Response:
    """The page for `described`: system, purpose, release, clock, and the route and the body of an example request."""
    texts = {name: escape(str(described[name])) for name in ("system", "purpose", "release", "clock")}
    command = curl(address, described["route"], described["example"])
    return HTMLResponse(_PAGE.format(**texts, curl=escape(command)), headers=_HEADERS)
