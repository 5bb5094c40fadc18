"""uvicorn's HTTP protocol with the bounds that it leaves open: slow or huge headers, and too many connections."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from poise.interfaces.http.head import Head
from poise.interfaces.http.joined import Joined, Lingering
from poise.interfaces.http.observed import ARRIVED, CONNECTION, WAITING
from poise.interfaces.http.oddities import Oddities
from poise.interfaces.http.plain import PlainHead
from poise.interfaces.http.problem import unread
from poise.interfaces.http.resting import Resting
from poise.interfaces.http.straight import Found, Straight
from poise.interfaces.http.upgrades import StillAsked, left_out
from poise.interfaces.http.waiting import Waiting
from poise.serving.limits import Limits
from poise.serving.telemetry import Telemetry

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
except ImportError:  # the extra `fast` is not installed: the same on pure Python
    from uvicorn.protocols.http.h11_impl import H11Protocol as Base  # type: ignore[assignment]


_QUIET = logging.getLogger("poise.http.uvicorn")  # it warns of what strangers send, as often as they send it
_QUIET.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What all connections of a server have in common; see `guarded`."""

    limits: Limits
    waiting: Waiting
    lingering: Lingering
    oddities: Oddities
    strangers_give_way: Callable[[], bool]
    straight: Straight | None


class Guarded(Base):
    """One connection, within the limits of its server."""

    shared: ClassVar[Shared]
    """Of the server; a class of its own for each server holds it, since uvicorn makes the connections."""

    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _begun = False
    """Whether the parser has read the first letter of a request and not its last (of httptools)."""
    _refused = False
    _straight = False
    """Whether a request is being answered the short way. What comes behind it waits until it is."""
    _plain: PlainHead | None = None
    """The head of the last request that was."""
    _behind = b""
    _ending = False
    _ended = False
    """Whether the caller sends nothing more, and waits for the answers to what it sent."""
    known = False
    """Whether somebody was let in by this connection; the guard says so."""

    def connection_made(self, transport: Any) -> None:
        self.logger = _QUIET
        limits, lingering = self.shared.limits, self.shared.lingering
        self._head = Head(limits.head)
        self._resting = Resting(self.loop, self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self._joined = Joined(transport, self.loop, limits, lingering, self._unread)
        super().connection_made(cast(asyncio.Transport, self._joined))
        self.made = time.monotonic()
        taken = len(self.connections) - lingering.number
        if taken > limits.connections and not (self.shared.strangers_give_way() and self._made_room()):
            self._refuse(503, "too many connections are open", "retry-after: 1\r\n")
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        self._resting.ends()
        if self._refused or self.transport.is_closing():
            self._joined.drop(len(data))
            return
        if self._straight:  # one read at most: nothing more is read until this one is answered
            self._behind += data
            self.flow.pause_reading()
            return
        way = self.shared.straight
        if way is not None and not self._head.size and not self._within() and self._between_requests():
            found = None if self.flow.write_paused else way.read(data, self._plain)
            if found is not None:
                self._go_straight(way, found)
                return
        self._go_the_long_way(data)

    def _go_the_long_way(self, data: bytes) -> None:
        limits, head = self.shared.limits, self._head
        before, in_head = self.cycle, not self._in_body()
        if in_head and not head.fits(data):
            self.shared.oddities.came("head")
            self._refuse(431, f"a request's line and headers have at most {limits.head:,} bytes")
            return
        if in_head and not head.size and not self._within() and len(plain := left_out(data)) < len(data):
            self.shared.oddities.came("upgrade")
            data = plain
        self.app_state.update(self._state())  # copied
        if self._timer is None and self._between_requests():
            self._expect_head()
        super().data_received(data)
        if len(getattr(self, "pipeline", ())) > limits.pipelined:  # of httptools; h11 reads one at a time
            self.transport.abort()
        if self.cycle is not before or not self._between_requests():
            self._stop_expecting()
        if self.cycle is not before:
            head.ended()
        elif in_head:
            head.came(data)

    def _state(self) -> dict[str, Any]:
        """What a request that is read now carries."""
        return {ARRIVED: self.shared.waiting.came(self.loop), WAITING: self.shared.waiting, CONNECTION: self}

    def _go_straight(self, way: Straight, found: Found) -> None:
        """Answer in the next turn of the loop, once all that lies ready to be read is."""
        self._straight, self._plain = True, found.head if found.head.short else None
        self._stop_expecting()
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        found.scope["scheme"] = self.scheme
        found.scope["state"] = self._state()
        self.loop.call_soon(way.answer, found, self.server_state.default_headers, self._end_straight)

    def _end_straight(self, data: bytes, closes: bool) -> None:
        self._straight = False
        if self.transport.is_closing():
            return
        self.server_state.total_requests += 1
        if closes or self._ending or (self._ended and not self._behind):
            said = data if closes else data.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
            self.transport.write(said)  # whoever keeps connections must not ask again by this one
            self.transport.close()
            return
        self._joined.send(data)
        self._resting.begins()
        if self._behind:
            self.flow.resume_reading()
            behind, self._behind = self._behind, b""
            self.data_received(behind)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The caller sends nothing more: what came whole is answered before the connection is closed, and true said.

        Over TLS that cannot be told from a connection that is gone."""
        if self.scheme == "https" or self.transport.is_closing():
            return False
        self._ended = True
        behind = getattr(self, "pipeline", None)  # of httptools
        half = self._in_body()  # of a request, which nobody can answer
        if half and behind:
            behind.popleft()
        elif half or (self._between_requests() and not self._straight):
            self.transport.close()  # once what was answered is written
        return True

    def pause_writing(self) -> None:
        self._stalled = self.loop.call_later(self.shared.limits.patience, self.transport.abort)
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
        self._resting.lost()
        self._joined.lost()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        if self.transport.is_closing():
            self.transport.close()  # for good, though something may be on its way
        elif self._straight:
            self._ending = True
        else:
            super().shutdown()

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():  # what follows would be dropped, or read as another request
            raise StillAsked
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._begun = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # A request that was sent behind this one on the same connection waits for its turn only from now on.
        self.app_state[ARRIVED] = now = self.shared.waiting.now()
        behind = getattr(self, "pipeline", None)  # of httptools; h11 makes the next request only now
        follows = bool(behind)
        if behind:
            behind[-1][0].scope["state"][ARRIVED] = now
        before = self.cycle
        super().on_response_complete()
        if self.cycle is not before:  # h11 has read the next one
            self._head.ended()
        elif self._ended and not follows and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.shared.oddities.came("invalid")
        self._refuse(400, "what came is not HTTP/1.0 or HTTP/1.1")

    def owes_body(self) -> bool:
        """Whether the request that is being answered has not come in whole."""
        return self._in_body() and not getattr(self, "pipeline", ())  # else it is one behind that has not

    def _unsupported_upgrade_warning(self) -> None:
        self.shared.oddities.came("upgrade")  # and answer as if nobody had asked for one

    def _in_body(self) -> bool:
        """Whether what comes next belongs to a body."""
        return self.cycle is not None and self.cycle.more_body  # type: ignore[redundant-expr]

    def _within(self) -> bool:
        """Whether the parser waits for the rest of a request, which may have come behind a whole one."""
        h11 = getattr(self, "conn", None)
        return self._begun if h11 is None else self._in_body() or bool(h11.trailing_data[0])

    def _unread(self) -> bool:
        """Whether more may be on its way than was read."""
        return not self._ended and (self._refused or self._in_body())

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
        self._timer = self.loop.call_later(self.shared.limits.patience, self._too_slow)

    def _stop_expecting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, detail: str, headers: str = "") -> None:
        """Answer what cannot be read, and nothing that comes after it on this connection."""
        self._refused = True
        cycle = self.cycle
        if not self._between_requests() and not self.owes_body():
            cycle.keep_alive = False  # those before it are answered first; the last of these answers closes
            return
        if self._between_requests() or not cycle.response_started:
            self.transport.write(unread(status, detail, headers))
        if not self._between_requests():  # it is the body of this one that cannot be read
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def guarded(
    limits: Limits,
    telemetry: Telemetry,
    strangers_give_way: Callable[[], bool] = lambda: False,
    straight: Straight | None = None,
) -> type[asyncio.Protocol]:
    """The protocol class of a server with these limits.

    A connection whose request line and headers are not complete within `limits.patience` seconds is closed; one that
    sends more than `limits.head` bytes of them gets 431, one above `limits.connections` 503. One that for so long takes
    none of its answers, or asks more than `limits.pipelined` times before it is answered, is cut off. One that is
    answered before its body is in is closed with that answer, so that no part of the body is taken for a request. One
    that sends nothing more is closed once all is answered that came whole.

    telemetry: where is counted what is no HTTP.
    strangers_give_way: whether, where as many are open as may be, the oldest by which nobody was let in is closed for a
    new one: whoever has no token then keeps nobody out who has one.
    straight: the short way through the application, for requests that come plain and in one piece.
    """
    shared = Shared(limits, Waiting(limits), Lingering(), Oddities(telemetry), strangers_give_way, straight)
    return type("Guarded", (Guarded,), {"shared": shared})
