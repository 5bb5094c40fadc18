"""Requests of the hot routes straight from the wire to their handler and back, past ASGI and its task for each request.

Only what is plain goes this way: a POST of a hot route that came in one piece, with headers of which none asks for
anything special. All else, and all that is wrong in a way that only a whole parser should judge, goes the long way. Who
is let in, what is refused, counted, logged and answered is decided by the very objects that do so for ASGI.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import Overloaded
from poise.interfaces.http import request_id
from poise.interfaces.http.ask import Ask, headers_of
from poise.interfaces.http.events import Kept
from poise.interfaces.http.guard import Guard
from poise.interfaces.http.observed import ANSWER, CALLER, Observed
from poise.serving.answer import Answer
from poise.serving.limits import Limits

_HEAD = re.compile(rb"POST (/[!-~]+) HTTP/1\.1\r\n((?:[A-Za-z0-9_-]+:[ \t]*(?:[!-~][ -~]*)?\r\n)+)\r\n")
"""A request's line and headers of letters that stand in every header that is not unusual."""
_LINE = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_LONG_WAY = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"content-encoding", b"trailer", b"te", b"proxy-connection"}
)
"""Headers that change how a request is to be read or answered."""
_MUST_BE = {b"content-type": b"application/json", b"connection": b"keep-alive"}
"""Headers that may stand, in lower case, if they say this and nothing else."""
_LENGTH = b"content-length"
_CLOSE = (b"connection", b"close")
Wire = Callable[[bytes, bool], None]
"""Takes an answer as it goes over the wire, and whether the connection is to be closed after it."""


class Straight:
    """The application, and the short way through it that a protocol may take.

    observed: the whole application; guard: what in it lets callers in; hot: path -> route, which may become more.
    """

    def __init__(self, observed: Observed, guard: Guard, hot: Mapping[str, ASGIApp], limits: Limits) -> None:
        self._app, self._guard, self._hot, self._limits = observed, guard, hot, limits
        self._beside: tuple[Collection[tuple[bytes, bytes]], bytes] = (), b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The long way, for everybody."""
        await self._app(scope, receive, send)

    def read(self, data: bytes) -> tuple[Scope, bytes] | None:
        """What stands in `data`, scope and body, where that is one whole request that may go this way."""
        ends = data.find(b"\r\n\r\n", 0, self._limits.head)  # first, since reading 256 kB of headers takes 30 ms
        found = _HEAD.match(data, 0, ends + 4) if ends > 0 else None
        if found is None:
            return None
        path = found[1].decode()
        if not isinstance(self._hot.get(path), Ask):
            return None
        headers: list[tuple[bytes, bytes]] = []
        length = typed = -1
        for line in found[2].split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip(b" \t")
            if name in _LONG_WAY or (name in _MUST_BE and value.lower() != _MUST_BE[name]):
                return None
            if name == _LENGTH:
                if length >= 0 or not value.isdigit() or len(value) > 9:
                    return None
                length = int(value)
            elif name == b"content-type":
                typed = 1
            headers.append((name, value))
        if typed < 0 or length > self._limits.body or len(data) != found.end() + length:
            return None
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": found[1], "query_string": b""}
        return {**scope, "headers": headers}, data[found.end() :]

    def answer(self, scope: Scope, body: bytes, beside: Collection[tuple[bytes, bytes]], write: Wire) -> None:
        """Answer what `read` gave, now or later. beside: headers that every answer of the server has.

        The scope says in its `state` when the request came, by which connection, and in which queue it waits."""
        number = request_id.request_id(scope)
        request_id.current.set(number)  # each callback of the loop has a context of its own
        end = partial(self._end, scope, number, beside, write)
        ask = cast(Ask, self._hot[scope["path"]])
        try:
            made = self._guard.refusal(scope) or ask.begin(scope, body)
        except BaseException as error:  # whatever it is, somebody waits for an answer; some would end the loop
            end(ask.refusal(error))
            return
        if isinstance(made, Response):
            end(made)
        elif isinstance(made, Answer):
            ask.leave()
            end(made)
        elif isinstance(made, Kept):
            made.waited.add_done_callback(lambda waited: self._kept(ask, made.answer, waited, end))
        else:
            task = asyncio.ensure_future(_told(made))
            task.add_done_callback(lambda done: self._kept(ask, None, done, end))

    def _kept(self, ask: Ask, answer: Answer | None, waited: asyncio.Future[Any], end: Callable[..., None]) -> None:
        """What an answer waited for has happened, or failed."""
        ask.leave()
        error = Overloaded("the server is stopping") if waited.cancelled() else waited.exception()
        end(ask.refusal(error) if error is not None else answer or waited.result())

    def _end(
        self,
        scope: Scope,
        number: str,
        beside: Collection[tuple[bytes, bytes]],
        write: Wire,
        made: Answer | Response,
    ) -> None:
        """Send an answer, then note what it was."""
        if isinstance(made, Answer):
            scope[ANSWER] = made
            status, body, headers = made.status, made.body, headers_of(made)
        else:
            status, body, headers = made.status_code, bytes(made.body), made.raw_headers
        own = b"".join([b"%b: %b\r\n" % header for header in headers])
        head = b"%b%b%bx-request-id: %b\r\n\r\n" % (_LINE[status], self._lines(beside), own, number.encode())
        try:
            write(head + body, _CLOSE in headers)
        finally:
            if CALLER in scope:  # else nobody was let in
                self._guard.count(scope)
            self._app.note(scope, number, status)

    def _lines(self, beside: Collection[tuple[bytes, bytes]]) -> bytes:
        """The same headers as lines: the server makes them anew once a second."""
        if self._beside[0] is not beside:
            self._beside = beside, b"".join([b"%b: %b\r\n" % header for header in beside])
        return self._beside[1]


async def _told(made: Awaitable[Answer]) -> Answer:
    return await made
