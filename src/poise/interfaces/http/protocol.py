"""uvicorn's HTTP protocol with the bounds that it leaves open: slow or huge headers, and too many connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import msgspec

from poise.interfaces.http.observed import ARRIVED, CONNECTION, WAITING
from poise.interfaces.http.problem import MEDIA_TYPE
from poise.interfaces.http.waiting import Waiting
from poise.serving.limits import Limits

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
except ImportError:  # the extra `fast` is not installed: the same on pure Python
    from uvicorn.protocols.http.h11_impl import H11Protocol as Base  # type: ignore[assignment]


class Joined:
    """A transport that writes in one piece what it is given within one turn of the loop: uvicorn hands in the head of
    an answer and its body one after the other, and each would be a call of the system and a packet of its own.

    patience: seconds after which a closed connection ends whose other side has not taken what was written."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._transport, self._loop, self._patience = transport, loop, patience
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send `data` soon."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._patience, self._transport.abort)

    def _flush(self) -> None:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


_PHRASES = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


def guarded(limits: Limits, strangers_give_way: Callable[[], bool] = lambda: False) -> type[asyncio.Protocol]:
    """The protocol class of a server with these limits.

    A connection whose request line and headers are not complete within `limits.patience` seconds is closed; one that
    sends more than `limits.head` bytes of them gets 431, one above `limits.connections` 503. One that for so long takes
    none of its answers, or asks more than `limits.pipelined` times before it is answered, is cut off.

    strangers_give_way: whether, where as many are open as may be, the oldest by which nobody was let in is closed for a
    new one: whoever has no token then keeps nobody out who has one.
    """

    waiting = Waiting(limits)

    class Guarded(Base):
        _timer: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None
        _head = 0
        known = False
        """Whether somebody was let in by this connection; the guard says so."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(cast(asyncio.Transport, Joined(transport, self.loop, limits.patience)))
            self.made = time.monotonic()
            if len(self.connections) > limits.connections and not (strangers_give_way() and self._made_room()):
                self._refuse(503, "too many connections are open", "retry-after: 1\r\n")
            else:
                self._expect_head()

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            self.app_state.update({ARRIVED: waiting.came(self.loop), WAITING: waiting, CONNECTION: self})  # copied
            if self._timer is None and self._between_requests():
                self._expect_head()
            super().data_received(data)
            if len(getattr(self, "pipeline", ())) > limits.pipelined:  # of httptools; h11 reads one at a time
                self.transport.abort()
            if self.cycle is not before or not self._between_requests():
                self._stop_expecting()
            else:
                self._head += len(data)
                if self._head > limits.head and not self.transport.is_closing():
                    self._refuse(431, f"a request's line and headers have at most {limits.head:,} bytes")

        def pause_writing(self) -> None:
            self._stalled = self.loop.call_later(limits.patience, self.transport.abort)
            super().pause_writing()

        def resume_writing(self) -> None:
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_expecting()
            if self._stalled is not None:
                self._stalled.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            # A request that was sent behind this one on the same connection waits for its turn only from now on.
            self.app_state[ARRIVED] = now = waiting.now()
            behind = getattr(self, "pipeline", None)  # of httptools; h11 makes the next request only now
            if behind:
                behind[-1][0].scope["state"][ARRIVED] = now
            super().on_response_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, msg)

        def _made_room(self) -> bool:
            """Whether a stranger had a place to give."""
            others = cast(set[Guarded], self.connections - {self})
            open_ones = (one for one in others if not one.known and not one.transport.is_closing())
            oldest = min(open_ones, key=lambda one: one.made, default=None)
            if oldest is not None:
                oldest.transport.abort()
            return oldest is not None

        def _between_requests(self) -> bool:
            return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

        def _expect_head(self) -> None:
            self._timer = self.loop.call_later(limits.patience, self._too_slow)

        def _stop_expecting(self) -> None:
            self._head = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _too_slow(self) -> None:
            self._timer = None
            if not self.transport.is_closing():
                self.transport.close()

        def _refuse(self, status: int, detail: str, headers: str = "") -> None:
            """A problem document straight onto the wire: no request exists yet that an application could answer."""
            body = msgspec.json.encode(
                {"type": "about:blank", "title": _PHRASES[status], "status": status, "detail": detail}
            )
            head = (
                f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: {MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\n{headers}connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()

    return Guarded
