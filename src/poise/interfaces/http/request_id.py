"""The id by which one request is found again in logs, in traces and at the caller's."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar

from starlette.types import Scope

HEADER = b"x-request-id"
AT_ONCE = 64
"""New ids that are made together."""
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
    return _NEW.take()


class _New:
    """New ids: the system is asked for the randomness of many at once, which costs it as much as that of one."""

    def __init__(self) -> None:
        self._left: list[str] = []

    def take(self) -> str:
        """The next one, on any thread."""
        try:
            return self._left.pop()
        except IndexError:
            text = os.urandom(AT_ONCE * 8).hex()
            first, *self._left = [text[at : at + 16] for at in range(0, len(text), 16)]
            return first


_NEW = _New()
