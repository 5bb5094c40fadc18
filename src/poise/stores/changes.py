"""Which keys changed, in the order of the changes: whoever keeps what was read of a key learns when it no longer holds.

Of each kind of key a store keeps the last changes, at most `MOST_KEPT` of them; who asks for older ones hears that
anything may have changed.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.int32]
MOST_KEPT = 100_000
"""Changes of one kind of key that are remembered, 4 bytes each."""


class Changes:
    """The changes of the slots of one kind of key. They are counted by the store, over all of its keys.

    >>> changes = Changes()
    >>> changes.note(1, np.array([4, -1, 4], np.int32)); changes.note(2, np.array([7], np.int32))
    >>> changes.since(0).tolist(), changes.since(1).tolist(), changes.since(2).tolist()
    ([4, 7], [7], [])
    """

    def __init__(self, forgotten: int = 0) -> None:
        self._runs: deque[tuple[int, Slots]] = deque()
        self._kept = 0
        self._forgotten = forgotten

    def note(self, count: int, slots: Slots) -> None:
        """These slots (-1: none) changed, when the store counted `count` changes."""
        found = np.unique(slots[slots >= 0])
        if not len(found):
            return
        self._runs.append((count, found))
        self._kept += len(found)
        while self._kept > MOST_KEPT:
            self._forgotten, gone = self._runs.popleft()
            self._kept -= len(gone)

    def forget(self, count: int) -> None:
        """Anything may have changed when the store counted `count`."""
        self._runs.clear()
        self._kept, self._forgotten = 0, count

    def since(self, count: int) -> Slots | None:
        """The slots that changed after the change that was counted `count`; None where that is no longer known."""
        if count < self._forgotten:
            return None
        found = [slots for number, slots in self._runs if number > count]
        return found[0] if len(found) == 1 else np.unique(np.concatenate([np.empty(0, np.int32), *found]))
