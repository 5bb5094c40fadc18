"""Lines for the history that are written later where the state database takes none now: what happened has happened."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from poise.clock import Clock
from poise.errors import PoiseError
from poise.stores.state import State

_LOG = logging.getLogger("poise.switch")
MOST = 100
"""Lines that wait; with more the oldest are lost to the history, and said in the log."""
AGAIN = 1.0
"""Seconds between two tries to write them."""


class HistoryLines:
    """Lines in the order in which they happened. Any thread may add; `write` waits for the database.

    `details` of a line hold `happened`, when it did (microseconds), as it may be written later.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: deque[tuple[str, str, str, Mapping[str, Any]]] = deque()
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether lines wait and it is time to try."""
        return bool(self._waiting) and time.monotonic() >= self._next

    def add(self, act: str, subject: str, why: str, details: Mapping[str, Any]) -> None:
        """Remember a line."""
        with self._lock:
            self._waiting.append((act, subject, why, {**details, "happened": Clock().now()}))
            if len(self._waiting) > MOST:
                _LOG.error("the history will not tell '%s' of %s: too many lines wait", *self._waiting.popleft()[:2])

    def write(self) -> None:
        """Write what waits. A database that takes nothing is told in the log, once, and tried again."""
        with self._writing:
            while self._waiting:
                act, subject, why, details = line = self._waiting[0]
                try:
                    self._state.note(act, subject, why=why, details=details)
                except PoiseError as error:
                    if not self._next:
                        _LOG.warning("the history is told later that %s is a '%s': %s", subject, act, error)
                    self._next = time.monotonic() + AGAIN
                    return
                with self._lock:
                    if self._waiting and self._waiting[0] is line:
                        self._waiting.popleft()
            self._next = 0.0
