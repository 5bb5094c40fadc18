"""The transport of one connection: it writes in one piece what belongs together, and hangs up so that what was written
is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from poise.serving.limits import Limits

LINGERING = 64
"""Connections of a server that may be read off at once after their answer; others are closed with it."""


class Lingering:
    """How many connections of a server are being read off."""

    def __init__(self) -> None:
        self.number = 0


class Joined:
    """A transport that writes in one piece what it is given within one turn of the loop: uvicorn hands in the head of
    an answer and its body one after the other, and each would be a call of the system and a packet of its own.

    A system that closes a connection on which something lies unread resets it, and the other side may never see what
    was written before. So where `unread` says that more may be on its way, this says that nothing more will be written,
    and reads on for up to `limits.patience` seconds and `limits.unread` bytes, which it drops. Otherwise a closed
    connection ends after so many seconds whose other side has not taken what was written.
    """

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        lingering: Lingering,
        unread: Callable[[], bool],
    ) -> None:
        self._transport, self._loop, self._lingering, self._unread = transport, loop, lingering, unread
        self._patience, self._left = limits.patience, limits.unread
        self._parts: list[bytes] = []
        self._closing = self._paused = False
        self._reading_off: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Send `data` soon; nothing once this is closed, as with every transport."""
        if self.is_closing():
            return
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def send(self, data: bytes) -> None:
        """Send a whole answer now, behind what waits to be sent."""
        if self._parts:
            self._parts.append(data)
            self._flush()
        elif not self._transport.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing more will be sent."""
        return self._closing or bool(self._transport.is_closing())

    def close(self) -> None:
        """Send what was written, then close, having read off what is on its way; called once more, close at once."""
        first, self._closing = not self._closing, True
        self._flush()
        if first and self._lingering.number < LINGERING and not self._transport.is_closing() and self._unread():
            self._read_off()
        else:
            self._end()

    def drop(self, size: int) -> None:
        """So many bytes came that nobody reads."""
        self._left -= size
        if self._left < 0:
            self._transport.abort()

    def lost(self) -> None:
        """The connection is no more."""
        self._closing = True
        self._parts = []
        self._stop_reading_off()

    def pause_reading(self) -> None:
        """Read nothing for now."""
        if not self.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _read_off(self) -> None:
        self._lingering.number += 1
        self._reading_off = self._loop.call_later(self._patience, self._transport.abort)
        self.resume_reading()
        if self._transport.can_write_eof():  # not over TLS, where the answer's own length has to do
            try:
                self._transport.write_eof()
            except OSError:  # the other side has just gone
                self._transport.abort()

    def _end(self) -> None:
        self._stop_reading_off()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._patience, self._transport.abort)

    def _stop_reading_off(self) -> None:
        if self._reading_off is not None:
            self._reading_off.cancel()
            self._reading_off = None
            self._lingering.number -= 1

    def _flush(self) -> None:
        data, self._parts = b"".join(self._parts), []
        if data and not self._transport.is_closing():  # a caller may hang up between an answer and its sending
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
