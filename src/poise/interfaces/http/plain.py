"""The line and headers of a plain request: read once, and known again where the next request has the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from poise.serving.limits import Limits

if TYPE_CHECKING:
    from poise.interfaces.http.guard import Terms

_HEAD = re.compile(rb"POST (/[!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9_-]+:[ \t]*(?:[!-~][ -~]*)?\r\n)+)\r\n")
"""A request's line and headers of letters that stand in every header that is not unusual."""
_LONG_WAY = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"content-encoding", b"trailer", b"te", b"proxy-connection"}
)
"""Headers that change how a request is to be read or answered."""
_MUST_BE = {b"content-type": b"application/json", b"connection": b"keep-alive"}
"""Headers that may stand, in lower case, if they say this and nothing else."""
_LENGTH = b"content-length"
DIGITS = 9
"""Of a length, at most."""
SHORT = 4_000
"""Bytes of a head that a connection remembers; a longer one takes twenty times as much, for each of many of them."""


class PlainHead:
    """What the line and headers of a plain request say; `of` reads them.

    A caller sends the same ones again and again by one connection, and only the digits of `content-length` differ.

    terms: what the guard found out about them, for requests by the same connection.
    """

    __slots__ = ("_after", "_before", "_headers", "_limits", "_place", "_scope", "path", "terms")

    def __init__(
        self, line: bytes, headers: list[tuple[bytes, bytes]], place: int, around: tuple[bytes, bytes], limits: Limits
    ) -> None:
        self.path = line.decode()
        named: dict[str, Any] = {"path": self.path, "raw_path": line, "query_string": b""}
        self._scope = {"type": "http", "method": "POST", **named}
        self._headers, self._place, self._limits = headers, place, limits
        self._before, self._after = around
        self.terms: Terms | None = None

    @property
    def short(self) -> bool:
        """Whether a connection may remember it until its next request."""
        return len(self._before) + len(self._after) <= SHORT

    @classmethod
    def of(cls, data: bytes, limits: Limits) -> PlainHead | None:
        """That of `data`; None where it begins with no head, or with one that is not plain.

        >>> head = PlainHead.of(b"POST /a HTTP/1.1\\r\\nContent-Type: application/json\\r\\n\\r\\n", Limits())
        >>> head is None  # it says no length
        True
        """
        ends = data.find(b"\r\n\r\n", 0, limits.head)  # first, since reading 256 kB of headers takes 30 ms
        found = _HEAD.match(data, 0, ends + 4) if ends > 0 else None
        if found is None:
            return None
        headers: list[tuple[bytes, bytes]] = []
        place, around, typed = -1, (b"", b""), False
        at = found.start(2)
        for line in found[2].split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if name in _LONG_WAY or (name in _MUST_BE and value.lower() != _MUST_BE[name]):
                return None
            if name == _LENGTH:
                if place >= 0 or not value.isdigit() or len(value) > DIGITS:
                    return None
                place, begins = len(headers), at + line.rindex(value)
                around = data[:begins], data[begins + len(value) : ends + 4]
            elif name == b"content-type":
                typed = True
            headers.append((name, value))
            at += len(line) + 2
        return cls(found[1], headers, place, around, limits) if typed and place >= 0 else None

    def body(self, data: bytes) -> tuple[bytes, bytes] | None:
        """The digits of the length and the body, where `data` is one whole request with this head.

        >>> data = b"POST /a HTTP/1.1\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n%b"
        >>> head = PlainHead.of(data % (2, b"{}"), Limits())
        >>> head.body(data % (8, b'{"x": 1}')), head.body(data % (3, b"{}")), head.body(b"x" + data % (2, b"{}"))
        ((b'8', b'{"x": 1}'), None, None)
        """
        begins = len(self._before)
        ends = data.find(b"\r", begins, begins + DIGITS + 1)
        if ends < 0 or not data.startswith(self._before) or not data.startswith(self._after, ends):
            return None
        digits, start = data[begins:ends], ends + len(self._after)
        if not digits.isdigit() or start > self._limits.head:
            return None
        length = int(digits)
        return (digits, data[start:]) if length <= self._limits.body and len(data) == start + length else None

    def scope(self, digits: bytes) -> Scope:
        """What ASGI calls a request with this head and a length of so many bytes."""
        headers = self._headers.copy()
        headers[self._place] = _LENGTH, digits
        return {**self._scope, "headers": headers}
