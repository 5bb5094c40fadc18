"""Whether the disk takes what comes in; told without filling the log of a machine that is in trouble already."""

from __future__ import annotations

import logging
import time

from poise.errors import PoiseError

_LOG = logging.getLogger("poise.serving")
SAID_EVERY = 10.0
"""Seconds between two warnings of the same kind."""
TRIED_EVERY = 1.0
"""Seconds after which a write is tried although nothing came in: who asks for health first may send nothing else."""


class WriteTrouble:
    """What failed last, until a write succeeds; for the thread that answers.

    >>> trouble = WriteTrouble()
    >>> trouble.failed(PoiseError("the disk is full")), trouble.lasts
    (None, True)
    >>> trouble.wrote(); trouble.lasts
    False
    """

    def __init__(self) -> None:
        self.lasts = False
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def failed(self, error: PoiseError) -> None:
        """The disk did not take a group."""
        self.lasts = True
        self.warn("what comes in cannot be written", error)

    def wrote(self) -> None:
        """It took one."""
        if self.lasts:
            self.lasts = False
            _LOG.warning("what comes in can be written again")

    def warn(self, what: str, error: PoiseError) -> None:
        """A warning of this kind, at most one per `SAID_EVERY`; the next one tells of how many nothing was said."""
        now = time.monotonic()
        if now - self._said.get(what, -SAID_EVERY) < SAID_EVERY:
            self._unsaid[what] = self._unsaid.get(what, 0) + 1
            return
        self._said[what] = now
        unsaid = self._unsaid.pop(what, 0)
        _LOG.warning("%s: %s%s", what, error, f" ({unsaid} times more since this was said last)" if unsaid else "")
