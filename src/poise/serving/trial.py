"""A release on trial in a server: one that answers a share of the callers beside the live one, or only scores with it.

Whoever answers a request asks `answer`, which asks one of the two releases, and notes what came of it. What is noted is
looked at elsewhere, off the path of answers; it is bounded, and what does not fit is counted.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poise.errors import NotNow, PoiseError, RequestError
from poise.serving.sticky import UNITS, Sticky

if TYPE_CHECKING:
    from poise.serving.answer import Answer, Answerer

Handle = Callable[["Answerer"], "Answer"]
"""Answers one request by a release."""
MOST_SEEN = 4_096
"""Answers that wait to be looked at."""
MOST_WAITING = 16
"""Requests that wait to be scored by a shadow."""
BUDGET = 0.1
"""Of the time of the thread that answers, what a shadow may take."""
LATE = 0.005
"""Seconds by which a shadow's turn may come late: where it comes later, there is too much to do, and what waits is
dropped."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one request. unit: the caller's number. canary: whether the release on trial was asked. failed:
    an error that is not the caller's. body: of the answer; beside: of a shadow, that of the live release."""

    unit: int
    canary: bool
    seconds: float
    failed: bool
    body: bytes | None
    beside: bytes | None = None
    beside_seconds: float = 0.0


class Trial(ABC):
    """A release beside the live one of its contract."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.major = answerer.loaded.contract.major
        self._seen: deque[Seen] = deque(maxlen=MOST_SEEN)
        self.dropped = 0
        """What was not looked at, or not scored, since there was too much to do."""

    @property
    def release(self) -> str:
        """The release on trial."""
        return self.answerer.release

    @abstractmethod
    def answer(self, live: Answerer, body: bytes, handle: Handle) -> Answer:
        """The answer to a request that `live` answers for others. Raises what answering raises."""

    def take(self) -> list[Seen]:
        """What was seen since the last call. From any thread."""
        taken = []
        while self._seen:
            taken.append(self._seen.popleft())
        return taken

    def _note(self, seen: Seen) -> None:
        self.dropped += len(self._seen) == MOST_SEEN
        self._seen.append(seen)


class Canary(Trial):
    """Answers a share of the callers. Where it fails, the live release answers in its place, and the failure counts."""

    def __init__(self, answerer: Answerer, sticky: Sticky, share: float) -> None:
        super().__init__(answerer)
        answerer.counting = True
        self.share = share
        self._sticky, self._below = sticky, int(share * UNITS)

    def answer(self, live: Answerer, body: bytes, handle: Handle) -> Answer:
        """By the release on trial, if the caller is one of its share."""
        unit = self._sticky.unit(body)
        began = time.perf_counter()
        if unit < self._below:
            return self._tried(unit, live, handle, began)
        try:
            made = handle(live)
        except Exception as error:
            if not callers_fault(error):
                self._note(Seen(unit, False, time.perf_counter() - began, True, None))
            raise
        self._note(Seen(unit, False, time.perf_counter() - began, False, made.body))
        return made

    def _tried(self, unit: int, live: Answerer, handle: Handle, began: float) -> Answer:
        try:
            made = handle(self.answerer)
        except Exception as error:
            took = time.perf_counter() - began
            if not callers_fault(error):
                self._note(Seen(unit, True, took, True, None))
                return handle(live)
            instead = handle(live)  # raises the same where the request is at fault
            self._note(Seen(unit, True, took, True, None))
            return instead
        self._note(Seen(unit, True, time.perf_counter() - began, False, made.body))
        return made


class Shadow(Trial):
    """Scores a share of the requests once they are answered, between two answers, and answers nothing.

    It takes at most a tenth of the time of the thread that answers: the answers must not wait for it.
    """

    def __init__(self, answerer: Answerer, share: float) -> None:
        super().__init__(answerer)
        answerer.counting = False  # it takes nothing
        self.share = share
        self._owed = 0.0
        self._waiting: deque[tuple[Handle, bytes, float]] = deque()
        self._free = 0.0
        """When the next one may be scored, of the loop's clock."""

    def answer(self, live: Answerer, body: bytes, handle: Handle) -> Answer:
        """By the live release."""
        began = time.perf_counter()
        made = handle(live)
        self._owed += self.share
        if self._owed >= 1:
            self._owed -= 1
            self._offer(handle, made.body, time.perf_counter() - began)
        return made

    def _offer(self, handle: Handle, beside: bytes, seconds: float) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append((handle, beside, seconds))
        if len(self._waiting) == 1:
            self._later(asyncio.get_running_loop())

    def _later(self, loop: asyncio.AbstractEventLoop) -> None:
        due = max(loop.time(), self._free)
        loop.call_at(due, self._turn, loop, due)

    def _turn(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """On the thread that answers, between two answers."""
        if loop.time() - due > LATE:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            return
        handle, beside, beside_seconds = self._waiting.popleft()
        began = time.perf_counter()
        try:
            made: Answer | None = handle(self.answerer)
        except NotNow:  # it asks for a time that was gone past since
            self.dropped += 1
            return self._go_on(loop, began)
        except Exception:  # counted as failed, whatever it was: the live release answered the same request
            made = None
        took = time.perf_counter() - began
        self._note(Seen(0, True, took, made is None, None if made is None else made.body, beside, beside_seconds))
        self._go_on(loop, began)

    def _go_on(self, loop: asyncio.AbstractEventLoop, began: float) -> None:
        self._free = loop.time() + (time.perf_counter() - began) * (1 / BUDGET - 1)
        if self._waiting:
            self._later(loop)


def callers_fault(error: Exception) -> bool:
    """Whether a request is at fault, and not what answers it."""
    return isinstance(error, RequestError) or (isinstance(error, PoiseError) and error.status < 500)
