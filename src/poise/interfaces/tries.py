"""When a release that could not be switched to is tried again: what was in the way, a folder or the disk, may pass."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from poise.stores.state_base import LiveRow

FIRST, LONGEST = 2.0, 300.0
"""Seconds until the second try; each pause is twice the one before, and none is longer than this."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A release that failed `times` in a row since it was made live at `since`, for the last time by `why`."""

    since: int
    times: int
    why: str
    due: float


class Tries:
    """Which releases failed, at most those that are wanted.

    >>> tries, row = Tries(), LiveRow("r2", 0, "promote")
    >>> [tries.failed(row, "no disk")[0] for _ in range(9)]
    [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0]
    >>> tries.may(row), tries.may(LiveRow("r2", 1, "promote"))
    (False, True)
    """

    def __init__(self) -> None:
        self._failed: dict[str, Failed] = {}

    def failed(self, row: LiveRow, why: str) -> tuple[float, bool]:
        """Seconds until it is tried again, and whether that is news: the first failure, or another reason."""
        before = self._failed.get(row.release)
        if before is not None and before.since != row.since:
            before = None
        times = 1 if before is None else before.times + 1
        pause = float(min(LONGEST, FIRST * 2 ** min(times - 1, 20)))
        self._failed[row.release] = Failed(row.since, times, why, time.monotonic() + pause)
        return pause, before is None or before.why != why

    def may(self, row: LiveRow) -> bool:
        """Whether to try now: it did not fail since it was made live, or long enough ago."""
        before = self._failed.get(row.release)
        return before is None or before.since != row.since or time.monotonic() >= before.due

    @property
    def due(self) -> bool:
        """Whether any is to be tried again now."""
        now = time.monotonic()
        return any(now >= one.due for one in self._failed.values())

    def keep_only(self, names: Collection[str]) -> None:
        """Forget the others: they answer, or nobody wants them any more."""
        self._failed = {name: one for name, one in self._failed.items() if name in names}
