"""The thread that answers, for others that need something done on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from poise.errors import StateError

WAIT = 30.0
"""Seconds that the thread that answers may take to do what a switch asks of it, some milliseconds of work."""
Found = TypeVar("Found")


class BetweenAnswers:
    """Does things between two answers, once a server answers; before that at once.

    >>> BetweenAnswers().do(lambda: 7)
    7
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = threading.Event()

    def begin(self) -> None:
        """Called on the thread that answers, by its running loop, before anything comes in."""
        self._loop = asyncio.get_running_loop()
        self._begun.set()

    @property
    def begun(self) -> bool:
        """Whether there is a thread that answers."""
        return self._loop is not None

    def wait(self) -> None:
        """Until there is one, for some time."""
        self._begun.wait(WAIT)

    def do(self, act: Callable[[], Found]) -> Found:
        """What `act` gives, or raises. Raises `StateError` where the thread does not come to it within `WAIT`: then it
        does not happen."""
        if self._loop is None:
            return act()
        told: Future[Found] = Future()

        def run() -> None:
            if not told.set_running_or_notify_cancel():
                return  # given up: it must not happen after all
            try:
                told.set_result(act())
            except BaseException as error:
                told.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        try:
            return told.result(WAIT)
        except TimeoutError:
            if not told.cancel():
                return told.result()
            raise StateError(f"the server did not come to the switch within {WAIT:g} s") from None
