"""Rows that have come in and are not yet visible: kept in the order in which they will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
END = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one source in plain arrays: strings are numbers of words, -1 for missing."""

    visible: Ints
    """The instant after which requests see a row."""
    tau: Ints
    known: Ints
    arrival: Ints
    """Counts up over all rows of a store: of two rows of one τ the later wins."""
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.visible)

    def take(self, index: Any) -> Rows:
        """The rows at `index`."""
        columns = {name: values[index] for name, values in self.columns.items()}
        return Rows(self.visible[index], self.tau[index], self.known[index], self.arrival[index], columns)

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """All rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.visible for part in parts]),
            np.concatenate([part.tau for part in parts]),
            np.concatenate([part.known for part in parts]),
            np.concatenate([part.arrival for part in parts]),
            {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        )


class Pending:
    """The waiting rows of one source, as a few runs that are each in order of visibility and at least twice as long as
    the next: however many wait, a row is moved as often as their number can be halved."""

    def __init__(self) -> None:
        self._runs: list[Rows] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, rows: Rows) -> None:
        """Let rows wait."""
        if not len(rows):
            return
        self._runs.append(_sorted(rows))
        while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
            self._runs[-2:] = [_sorted(Rows.joined(self._runs[-2:]))]

    def earliest(self) -> int:
        """When the next row becomes visible."""
        return min((int(run.visible[0]) for run in self._runs), default=END)

    def earliest_known(self) -> int:
        """The least κ of all that wait."""
        return min((int(run.known.min()) for run in self._runs), default=END)

    def pop(self, now: int) -> Rows | None:
        """Take out the rows that are visible at `now`, in no particular order; None where there are none."""
        taken, left = [], []
        for run in self._runs:
            cut = int(np.searchsorted(run.visible, now, side="left"))
            if cut:
                taken.append(run.take(slice(None, cut)))
            if cut < len(run):
                left.append(run.take(slice(cut, None)) if cut else run)
        self._runs = left
        return Rows.joined(taken) if taken else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything, for a snapshot."""
        if not self._runs:
            return {}
        rows = self.all()
        times = {"visible": rows.visible, "tau": rows.tau, "known": rows.known, "arrival": rows.arrival}
        return {**times, **{f"columns.{name}": values for name, values in rows.columns.items()}}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The opposite of `arrays`."""
        if arrays:
            columns = {n.removeprefix("columns."): v for n, v in arrays.items() if n.startswith("columns.")}
            times = arrays["visible"], arrays["tau"], arrays["known"]
            self._runs = [Rows(*times, arrays["arrival"], columns)]

    def all(self) -> Rows:
        """Every waiting row, in order."""
        return _sorted(Rows.joined(self._runs))


def _sorted(rows: Rows) -> Rows:
    """Rows in order of visibility."""
    visible = rows.visible
    return rows if (visible[1:] >= visible[:-1]).all() else rows.take(np.argsort(visible, kind="stable"))
