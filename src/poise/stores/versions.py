"""Earlier values of a column by key, for events that point to another source: a joined key as of the event's κ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled_locked, compiled_part

Ints = NDArray[np.int64]
NEVER = int(np.iinfo(np.int64).min)


class Versions:
    """Per slot a chain of versions, newest first, of those only that were the newest of their key at some time.

    A version holds from the instant at which it became visible. Versions that were replaced before the horizon given to
    `prune` are dropped when room runs out.
    """

    def __init__(self) -> None:
        self.head = np.full(16, -1, np.int32)
        self.size = 0
        self.before = np.zeros(16, np.int32)
        self.times = np.zeros((16, 3), np.int64)
        """When a version became visible, its τ, its arrival."""
        self.code = np.zeros(16, np.int64)
        self.gone = np.zeros(16, np.bool_)
        self.horizon = NEVER
        """Values as of an earlier instant than this cannot be told any more."""

    def reserve(self, slots: int) -> None:
        """Room for this many slots."""
        if slots > len(self.head):
            more = max(slots, 2 * len(self.head)) - len(self.head)
            self.head = np.concatenate([self.head, np.full(more, -1, np.int32)])

    def is_full(self, more: int) -> bool:
        """Whether `more` versions do not fit."""
        return self.size + more > len(self.code)

    def add(self, slots: NDArray[np.int32], times: Ints, code: Ints, gone: NDArray[np.bool_]) -> None:
        """Take versions in. `times` has shape (n, 3): visible from, τ, arrival."""
        if self.is_full(len(slots)):
            self._fit(self.size + len(slots))
        at = slice(self.size, self.size + len(slots))
        self.times[at], self.code[at], self.gone[at] = times, code, gone
        _link(slots, self.size, self.head, self.before, self.times)
        self.size += len(slots)

    def as_of(self, slots: NDArray[np.int32], time: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The code that held just before each instant, shape (n,), and where there was none."""
        found = np.full(len(slots), -1, np.int64)
        _as_of(slots, time, self.head, self.before, self.times, found)
        gone = (found < 0) | self.gone[found]
        return np.where(gone, 0, self.code[found]), gone

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a snapshot."""
        size = self.size
        return {
            "head": self.head,
            "before": self.before[:size],
            "times": self.times[:size],
            "code": self.code[:size],
            "gone": self.gone[:size],
            "horizon": np.array([self.horizon]),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        self.head, self.before, self.times = (arrays[name].copy() for name in ("head", "before", "times"))
        self.code, self.gone = arrays["code"].copy(), arrays["gone"].copy()
        self.size, self.horizon = len(self.code), int(arrays["horizon"][0])

    def prune(self, horizon: int) -> None:
        """Drop what was replaced before `horizon`."""
        kept, before = np.empty(self.size, np.int64), np.full(self.size, -1, np.int32)
        head = np.full(len(self.head), -1, np.int32)
        count = _living(self.head, self.before, self.times, horizon, kept, head, before)
        kept, before, self.head = kept[:count], before[:count], head
        if len(kept) < self.size:
            self.horizon = max(self.horizon, horizon)
        self.before, self.times, self.code, self.gone = before, self.times[kept], self.code[kept], self.gone[kept]
        self.size = len(kept)

    def _fit(self, size: int) -> None:
        more = max(size, 2 * self.size, 16) - len(self.code)
        self.before = np.concatenate([self.before, np.zeros(more, np.int32)])
        self.times = np.concatenate([self.times, np.zeros((more, 3), np.int64)])
        self.code = np.concatenate([self.code, np.zeros(more, np.int64)])
        self.gone = np.concatenate([self.gone, np.zeros(more, np.bool_)])


@compiled_part
def _newer(times, a, b):  # type: ignore[no-untyped-def]
    """Whether row a replaces row b once it is visible."""
    return times[a, 1] > times[b, 1] or (times[a, 1] == times[b, 1] and times[a, 2] > times[b, 2])


@compiled_locked
def _link(slots, first, head, before, times):  # type: ignore[no-untyped-def]
    """Put the versions from `first` on in their chains, where visibility and newness both fall from the head on."""
    for row in range(len(slots)):
        slot, fresh = slots[row], first + row
        if slot < 0:
            continue
        above, below = -1, head[slot]
        while below >= 0 and times[below, 0] > times[fresh, 0]:
            if _newer(times, below, fresh):
                above = below  # stays the newest later on
            elif above >= 0:
                before[above] = before[below]  # became visible later but is older: never the newest now
            else:
                head[slot] = before[below]
            below = before[below]
        if below >= 0 and times[below, 0] == times[fresh, 0] and not _newer(times, below, fresh):
            below = before[below]  # visible at the same instant and older
        if below >= 0 and _newer(times, below, fresh):
            continue  # a newer one was visible already
        before[fresh] = below
        if above >= 0:
            before[above] = fresh
        else:
            head[slot] = fresh


@compiled_locked
def _as_of(slots, time, head, before, times, found):  # type: ignore[no-untyped-def]
    for row in range(len(slots)):
        if slots[row] >= 0:
            version = head[slots[row]]
            while version >= 0 and times[version, 0] >= time[row]:
                version = before[version]
            found[row] = version


@compiled_locked
def _living(head, before, times, horizon, kept, new_head, new_before):  # type: ignore[no-untyped-def]
    """How many versions to keep, which, and the chains among them: down to the first that was visible before the
    horizon."""
    count = 0
    for slot in range(len(head)):
        version, above = head[slot], -1
        while version >= 0:
            kept[count] = version
            if above >= 0:
                new_before[above] = count
            else:
                new_head[slot] = count
            above = count
            count += 1
            version = -1 if times[version, 0] < horizon else before[version]
    return count
