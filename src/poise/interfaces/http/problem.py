"""Every failure as a problem document (RFC 9457): what was wrong, what came, what is allowed."""

from __future__ import annotations

import logging
import math
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from poise.errors import Overloaded, PoiseError, RequestError, StateError

MEDIA_TYPE = "application/problem+json"
DISK_RETRY = 5
"""Seconds after which to try again where stored state could not be used: a full disk is not mended at once."""
_LOG = logging.getLogger("poise.http")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def problem(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    type: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **more: str | None,
) -> Response:
    """A problem document; members that are None are left out.

    >>> problem(404, "there is no such page").body
    b'{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no such page"}'
    """
    content: dict[str, Any] = {
        "type": type,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    content.update({name: value for name, value in more.items() if value is not None})
    return Response(msgspec.json.encode(content), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def of_error(error: BaseException) -> Response:
    """The problem document of an exception: Poise's own speak for themselves, of others only the id in the log is said.

    >>> of_error(RequestError("17 came", field="carrier", allowed="a string")).status_code
    422
    """
    if not isinstance(error, PoiseError):
        number = secrets.token_hex(4)
        _LOG.error("unexpected error %s", number, exc_info=error)
        return problem(500, f"an unexpected error, logged as {number}")
    headers = _retry(error)
    kind = f"urn:poise:problem:{_CAPITAL.sub('-', error.__class__.__name__).lower()}"
    if isinstance(error, RequestError):
        headers = {"connection": "close"} if error.status == 413 else headers
        more = {"field": error.field, "allowed": error.allowed, "hint": error.hint if error.allowed is None else None}
        return problem(error.status, str(error), title=error.title, type=kind, headers=headers, **more)
    if error.status >= 500 and not isinstance(error, Overloaded):  # those are counted, and too many for a log
        _LOG.warning("%s", error)
    return problem(error.status, error.message, title=error.title, type=kind, headers=headers, hint=error.hint)


def _retry(error: PoiseError) -> dict[str, str]:
    """The header that says when to try again, where that can help."""
    if isinstance(error, Overloaded):
        return {"retry-after": str(math.ceil(error.retry_after))}
    return {"retry-after": str(DISK_RETRY)} if isinstance(error, StateError) and error.status == 503 else {}


def unread(status: int, detail: str, headers: str) -> bytes:
    """The same straight onto the wire, and that nothing follows: of what came no request could be read that an
    application could answer. headers: more of them, each with the end of its line."""
    phrase = HTTPStatus(status).phrase
    body = msgspec.json.encode({"type": "about:blank", "title": phrase, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n{headers}connection: close\r\n\r\n"
    )
    return head.encode() + body
