"""Requests of the hot routes straight from the wire to their handler and back, past ASGI and its task for each request.

Only what is plain goes this way: a POST of a hot route that came in one piece, with headers of which none asks for
anything special. All else, and all that is wrong in a way that only a whole parser should judge, goes the long way. Who
is let in, what is refused, counted, logged and answered is decided by the very objects that do so for ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import cast

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import Overloaded
from poise.interfaces.http import request_id
from poise.interfaces.http.ask import Ask, lines_of
from poise.interfaces.http.events import Kept
from poise.interfaces.http.guard import Guard, Terms
from poise.interfaces.http.observed import ANSWER, CALLER, Observed
from poise.interfaces.http.plain import PlainHead
from poise.serving.answer import Answer
from poise.serving.limits import Limits

_LINE = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_CLOSE = (b"connection", b"close")
Headers = Collection[tuple[bytes, bytes]]
Wire = Callable[[bytes, bool], None]
"""Takes an answer as it goes over the wire, and whether the connection is to be closed after it."""


class Found:
    """A whole request that may go the short way. scope: what ASGI calls it, without `scheme` and `state`."""

    __slots__ = ("body", "head", "scope")

    def __init__(self, head: PlainHead, scope: Scope, body: bytes) -> None:
        self.head, self.scope, self.body = head, scope, body


class Straight:
    """The application, and the short way through it that a protocol may take.

    observed: the whole application; guard: what in it lets callers in; hot: path -> route, which may become more.
    """

    def __init__(self, observed: Observed, guard: Guard, hot: Mapping[str, ASGIApp], limits: Limits) -> None:
        self._app, self._guard, self._hot, self._limits = observed, guard, hot, limits
        self._beside: tuple[Headers, bytes] = (), b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The long way, for everybody."""
        await self._app(scope, receive, send)

    def read(self, data: bytes, before: PlainHead | None = None) -> Found | None:
        """What stands in `data`, where that is one whole request that may go this way.

        before: the head of the request before it on the same connection, which it mostly has too."""
        found = None if before is None else before.body(data)
        if before is None or found is None:
            before = PlainHead.of(data, self._limits)
            if before is None or not isinstance(self._hot.get(before.path), Ask):
                return None
            found = before.body(data)
            if found is None:
                return None
        return Found(before, before.scope(found[0]), found[1])

    def answer(self, found: Found, beside: Headers, write: Wire) -> None:
        """Answer what `read` gave, now or later. beside: headers that every answer of the server has.

        The scope says in its `state` when the request came, by which connection, and in which queue it waits."""
        scope, head = found.scope, found.head
        number = request_id.request_id(scope)
        request_id.current.set(number)  # each callback of the loop has a context of its own
        ask = cast(Ask, self._hot[head.path])
        turn = _Turn(self, ask, scope, number, beside, write)
        if head.terms is None:
            head.terms = Terms(scope)
        try:
            made = self._guard.refusal(scope, head.terms) or ask.begin(scope, found.body)
        except BaseException as error:  # whatever it is, somebody waits for an answer; some would end the loop
            turn.end(ask.refusal(error))
            return
        if isinstance(made, Answer):
            ask.leave()
            turn.end(made)
        elif isinstance(made, Response):
            turn.end(made)
        elif isinstance(made, Kept):
            answer = made.answer
            made.waited.then(lambda error: turn.kept(answer, error))
        else:
            task = asyncio.ensure_future(_told(made))
            task.add_done_callback(turn.done)

    def end(self, turn: _Turn, made: Answer | Response) -> None:
        """Send an answer, then note what it was."""
        scope = turn.scope
        if isinstance(made, Answer):
            scope[ANSWER] = made
            status, body, own, closes = made.status, made.body, lines_of(made), _CLOSE in made.headers
        else:
            status, body, closes = made.status_code, bytes(made.body), _CLOSE in made.raw_headers
            own = _lines(made.raw_headers)
        if self._beside[0] is not turn.beside:  # the server makes them anew once a second
            self._beside = turn.beside, _lines(turn.beside)
        said = _LINE[status], self._beside[1], own, turn.number.encode(), body
        try:
            turn.write(b"%b%b%bx-request-id: %b\r\n\r\n%b" % said, closes)
        finally:
            if CALLER in scope:  # else nobody was let in
                self._guard.count(scope)
            self._app.note(scope, turn.number, status)


class _Turn:
    """A request that is being answered. number: its id."""

    __slots__ = ("_ask", "_way", "beside", "number", "scope", "write")

    def __init__(self, way: Straight, ask: Ask, scope: Scope, number: str, beside: Headers, write: Wire) -> None:
        self._way, self._ask, self.scope, self.number, self.beside, self.write = way, ask, scope, number, beside, write

    def end(self, made: Answer | Response) -> None:
        """This is the answer."""
        self._way.end(self, made)

    def kept(self, answer: Answer, error: BaseException | None) -> None:
        """What an answer waited for has happened, or failed; this may be called from outside of the request."""
        before = request_id.current.set(self.number)
        try:
            self._ask.leave()
            self.end(answer if error is None else self._ask.refusal(error))
        finally:
            request_id.current.reset(before)

    def done(self, task: asyncio.Task[Answer]) -> None:
        """The answer is there, or failed."""
        self._ask.leave()
        error = Overloaded("the server is stopping") if task.cancelled() else task.exception()
        self.end(task.result() if error is None else self._ask.refusal(error))


def _lines(headers: Headers) -> bytes:
    """Headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


async def _told(made: Awaitable[Answer]) -> Answer:
    return await made
