"""The two routes that answer requests of models: raw ASGI, since every millisecond here is paid by each request."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from poise.errors import Overloaded, RequestError
from poise.interfaces.http.body import Gone, Reader, TooSlow, WrongMedia, read_json_body
from poise.interfaces.http.problem import of_error, problem
from poise.serving.answer import Answer
from poise.serving.caller import ANYBODY_HERE, Asked, Caller, Handler
from poise.serving.limits import Limits

CALLER = "poise.caller"
"""Where in its scope a request carries who sent it; the guard puts it there."""
CONTRACT = b"poise-contract"
"""The header by which a caller says which major version of the contract it was written for."""


class Gate:
    """Counts requests in progress, over all routes that share it, and refuses those above the limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0

    def enter(self) -> None:
        """Raises `Overloaded` where as many as allowed are inside already."""
        if self._inside >= self._most:
            raise Overloaded(f"{self._most} requests are in progress, as many as are allowed at once")
        self._inside += 1

    def leave(self) -> None:
        """One fewer inside."""
        self._inside -= 1


class Ask:
    """One route: reads the body, calls the handler, sends its bytes; every failure is a problem document."""

    def __init__(self, handler: Handler, limits: Limits, gate: Gate, read: Reader = read_json_body) -> None:
        self._handler = handler
        self._limits = limits
        self._gate = gate
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._gate.enter()
            try:
                body = await self._read(scope, receive, self._limits)
                made = self._handler(Asked(body, caller_of(scope), contract_of(scope)))
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
            await of_error(error)(scope, receive, send)
        else:
            await _send(send, answer)


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


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
