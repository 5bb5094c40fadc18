"""The two routes that answer requests of models: raw ASGI, since every millisecond here is paid by each request."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from poise.errors import Overloaded, RequestError
from poise.interfaces.http.body import Gone, Reader, TooSlow, Uploads, WrongMedia, read_json_body
from poise.interfaces.http.observed import ANSWER, CALLER, WAITING, arrived
from poise.interfaces.http.problem import of_error, problem
from poise.interfaces.http.waiting import Waiting
from poise.serving.answer import Answer
from poise.serving.caller import ANYBODY_HERE, Asked, Caller, Handler
from poise.serving.limits import Limits
from poise.serving.telemetry import Telemetry

CONTRACT = b"poise-contract"
"""The header by which a caller says which major version of the contract it was written for."""


UPLOADS = 32_000_000
"""Bytes of bodies that may be on their way through one gate."""


class Gate:
    """Counts requests that are being answered, over all routes that share it, and refuses those above the limit.

    name: of what it counts, for `/metrics`. patient: whether those are let in too that waited too long for their turn.
    """

    def __init__(self, name: str, most: int, telemetry: Telemetry, *, patient: bool = True) -> None:
        self._most, self._telemetry, self._patient = most, telemetry, patient
        self._inside = 0
        self.uploads = Uploads(UPLOADS)
        telemetry.watch("in_progress", lambda: {(name,): self._inside})

    def wait(self, scope: Scope) -> None:
        """Before the body is read. Raises `Overloaded` where the request waited too long for its turn."""
        waiting: Waiting | None = None if self._patient else scope.get("state", {}).get(WAITING)
        if waiting is not None:
            self._telemetry.stage("wait", waiting.check(arrived(scope)))

    def enter(self) -> None:
        """Raises `Overloaded` where as many as allowed are inside already."""
        if self._inside >= self._most:
            text = f"{self._most} requests are being answered, as many as are allowed at once"
            raise Overloaded(text, reason="in_progress")
        self._inside += 1

    def leave(self) -> None:
        """One fewer inside."""
        self._inside -= 1

    def shed(self, reason: str) -> None:
        """A request was refused since too much was to be done."""
        self._telemetry.count("shed", reason)


class Ask:
    """One route: reads the body, calls the handler, sends its bytes; every failure is a problem document."""

    def __init__(self, handler: Handler, limits: Limits, gate: Gate, read: Reader = read_json_body) -> None:
        self._handler = handler
        self._limits = limits
        self._gate = gate
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._gate.wait(scope)
            body = await self._read(scope, receive, self._limits, self._gate.uploads)
            made = self._made(scope, body)
            try:
                answer = made if isinstance(made, Answer) else await made
            finally:
                self._gate.leave()
        except Gone:
            return
        except TooSlow:
            text = f"the body did not come in within {self._limits.patience:g} s"
            await problem(408, text, headers={"connection": "close"})(scope, receive, send)
        except WrongMedia as error:
            await problem(415, str(error), allowed="application/json")(scope, receive, send)
        except Exception as error:  # the server stays up whatever a handler does; of_error logs what nobody foresaw
            await self.refusal(error)(scope, receive, send)
        else:
            scope[ANSWER] = answer
            await _send(send, answer)

    def begin(self, scope: Scope, body: bytes) -> Answer | Awaitable[Answer]:
        """The same of a body that is in already, without ASGI. Raises whatever the handler raises, or `Overloaded`.

        Whoever called says `leave` once it has the answer; where this raises, nothing is to be left."""
        self._gate.wait(scope)
        return self._made(scope, body)

    def leave(self) -> None:
        """An answer that `begin` began is there, or will not come."""
        self._gate.leave()

    def refusal(self, error: BaseException) -> Response:
        """The problem document of what went wrong, which is counted where there was too much to do."""
        if isinstance(error, Overloaded):
            self._gate.shed(error.reason)
        return of_error(error)

    def _made(self, scope: Scope, body: bytes) -> Answer | Awaitable[Answer]:
        self._gate.enter()
        try:
            began = time.perf_counter()
            made = self._handler(Asked(body, caller_of(scope), contract_of(scope)))
            _took(scope, time.perf_counter() - began)
        except BaseException:
            self._gate.leave()
            raise
        return made


def _took(scope: Scope, seconds: float) -> None:
    """Tell the queue how long an answer kept the loop busy."""
    waiting: Waiting | None = scope.get("state", {}).get(WAITING)
    if waiting is not None:
        waiting.took(seconds)


def caller_of(scope: Scope) -> Caller:
    """Who sent the request; an application without a guard around it answers programs of its own."""
    caller: Caller = scope.get(CALLER, ANYBODY_HERE)
    return caller


def contract_of(scope: Scope) -> int | None:
    """What the header says, None where it is not there.

    Raises `RequestError` for anything but one whole number from 1."""
    said = [value for name, value in scope["headers"] if name == CONTRACT]
    if not said:
        return None
    text = said[0].strip()
    if len(said) > 1 or not text.isdigit() or len(text) > 9 or int(text) < 1:
        came = b", ".join(said)[:40].decode("ascii", "replace")
        raise RequestError(f"'{came}' came", field="header poise-contract", allowed="a whole number from 1, once")
    return int(text)


def headers_of(answer: Answer) -> list[tuple[bytes, bytes]]:
    """The headers that go with an answer."""
    return [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]


def lines_of(answer: Answer) -> bytes:
    """The same headers as lines of a message.

    >>> lines_of(Answer(200, b"{}"))
    b'content-type: application/json\\r\\ncontent-length: 2\\r\\ncache-control: no-store\\r\\n'
    """
    more = b"".join([b"%b: %b\r\n" % header for header in answer.headers])
    said = answer.content_type.encode(), len(answer.body), more
    return b"content-type: %b\r\ncontent-length: %d\r\ncache-control: no-store\r\n%b" % said


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": headers_of(answer)})
    await send({"type": "http.response.body", "body": answer.body})
