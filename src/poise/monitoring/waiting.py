"""What the journal has acknowledged and the lake does not have yet: answers after it cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poise.data import delta
from poise.data.delta_log import APP
from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL
from poise.data.lake import Lake

EVERYTHING = 2**62


@dataclass(frozen=True, slots=True)
class Waiting:
    """rows, answers: how many wait. begins: source -> position, instant (microseconds) of its first row that does."""

    rows: int
    answers: int
    begins: Mapping[str, tuple[int, int]]

    def before(
        self, sources: frozenset[str], position: NDArray[np.int64], written: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which answers may have seen rows of `sources` that are not in the lake yet, shape (n,): those that were
        written after such a row. What an answer sees was on disk before it."""
        found = np.zeros(len(position), np.bool_)
        for source in sources & self.begins.keys():
            first, at = self.begins[source]
            found |= (position > first) & (written >= at)
        return found


NOTHING = Waiting(0, 0, {})


def waiting(folder: Path, lake: Lake, versions: Mapping[str, int]) -> Waiting:
    """What the journal in `folder` has beyond the lake of `versions`; nothing where there is no journal."""
    if not (folder / JOURNAL).exists():
        return NOTHING
    reader = reading(folder)
    try:
        app = APP + reader.id
        upto = {name: delta.position(lake.table("accepted", name), app, at) for name, at in versions.items()}
        answered = delta.position(lake.decisions, app)
        begins: dict[str, tuple[int, int]] = {}
        rows = answers = 0
        for record in reader.after(0, ("events", "decisions"), EVERYTHING):
            if record.kind == "decisions":
                answers += record.count if record.first > answered else 0
            elif record.last > upto.get(record.source, 0):
                rows += record.last - max(record.first - 1, upto.get(record.source, 0))
                begins.setdefault(record.source, (record.first, record.at))
        return Waiting(rows, answers, begins)
    finally:
        reader.close()
