"""How long a connection may be quiet after an answer before it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Resting:
    """Calls `close` once a connection has been quiet for `seconds`.

    There is one timer for as long as answers follow each other: one for each would cost more than reading a request.
    """

    __slots__ = ("_close", "_loop", "_seconds", "_since", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, close: Callable[[], None]) -> None:
        self._loop, self._seconds, self._close = loop, seconds, close
        self._timer: asyncio.TimerHandle | None = None
        self._since: float | None = None

    def begins(self) -> None:
        """All that came is answered."""
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)

    def ends(self) -> None:
        """More came."""
        self._since = None

    def lost(self) -> None:
        """The connection is no more."""
        self._since = None
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        left = self._since + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._close()
