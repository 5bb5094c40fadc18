"""The id by which one request is found again in logs, in traces and at the caller's."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from starlette.types import Scope

HEADER = b"x-request-id"
_FIT = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
current: ContextVar[str | None] = ContextVar("poise_request", default=None)
"""The id of the request that is being answered, None outside of one."""


def request_id(scope: Scope) -> str:
    """What the caller (or a proxy) called the request; a new id where it said nothing, or what does not fit a log.

    >>> request_id({"headers": [(b"x-request-id", b"shop-17")]})
    'shop-17'
    >>> len(request_id({"headers": [(b"x-request-id", b'two words')]}))
    16
    """
    for name, value in scope["headers"]:
        if name == HEADER and _FIT.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)
