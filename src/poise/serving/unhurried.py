"""What is logged of answers that nobody waits for: made once the answers have gone, and on the disk soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

from poise.errors import PoiseError
from poise.serving.answer import Answer

MOST_BUFFERED = 1_000
"""Answers that nobody waits for and that are not on the disk yet: with more, decisions wait as durable ones do."""
LINGER = 0.2
"""Seconds that they may wait for more. One sync of the disk takes as long for many as for one, and whoever asks
meanwhile on the same core waits for it: at 0.2 s that is not one answer in a hundred."""
AT_ONCE = 2**17
"""Bytes of decisions after which they do not wait for more: a larger group keeps the core for milliseconds on end from
whoever asks meanwhile."""


class Unhurried:
    """Takes answers in that nobody waits for, on the thread that answers.

    submit: makes the entry of one, hands it to the writer, and says how long it is; write: writes what was submitted;
    lost: is told why one is not logged.
    """

    def __init__(
        self, submit: Callable[[Answer], int], write: Callable[[], None], lost: Callable[[PoiseError], None]
    ) -> None:
        self._submit, self._write, self._lost = submit, write, lost
        self.count = 0
        """Answers that are not on the disk yet; whoever writes them takes them off."""
        self._last: Answer | None = None
        self._due = False
        self._nobody = Context()
        """In which entries are made: in no request's, for it would be the next one's."""
        self._bytes = 0
        self._later: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Whether too many could be lost by now."""
        return self.count >= MOST_BUFFERED

    @property
    def unmade(self) -> int:
        """How many of them have no entry yet."""
        return int(self._last is not None)

    def keep(self, answer: Answer) -> None:
        """Log an answer once it has gone: after the next turn of the loop, in which the long way sends it, or when the
        next one comes, for of many that wait together nothing would be left in the core's cache."""
        self._nobody.run(self.submit)
        self.count += 1
        self._last = answer
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._next_turn, context=self._nobody)

    def submit(self) -> None:
        """Make the entry that is not made yet and hand it in. One that cannot be logged is lost, and told of."""
        answer, self._last = self._last, None
        if answer is None:
            return
        try:
            size = self._submit(answer)
        except Exception as error:
            self.count -= 1
            self._lost(error if isinstance(error, PoiseError) else PoiseError(f"{type(error).__name__}: {error}"))
        else:
            self._bytes += size if answer.decided else 0

    def written(self) -> None:
        """What was handed in is being written: nothing of it waits for more."""
        if self._later is not None:
            self._later.cancel()
        self._later = None
        self._bytes = 0

    def _next_turn(self) -> None:
        asyncio.get_running_loop().call_soon(self._turns_over)

    def _turns_over(self) -> None:
        self._due = False
        self.submit()
        if self._bytes >= AT_ONCE:
            self._write()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(LINGER, self._write)
