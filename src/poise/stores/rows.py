"""The newest row per key: a table's current version, a history's value as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled_locked
from poise.table import Kind

Values = NDArray[Any]
Ints = NDArray[np.int64]
KINDS: Mapping[str, Kind] = {"d": "number", "l": "time", "q": "time", "i": "string"}
"""Of what NumPy calls the values as they are kept."""


class NewestRows:
    """One row per slot: the one with the greatest (τ, arrival). Values of one type stand side by side in a block, so
    that those of a row come from one place."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.tau = np.full(16, np.iinfo(np.int64).min, np.int64)
        self.arrival = np.full(16, -1, np.int64)
        self.values: dict[str, Values] = {}
        """Each column's values by slot, block by block; none before the first rows have come."""
        self.blocks: tuple[Values, ...] = ()
        """Per type of values (slots, columns of that type): the same values."""
        self.kinds: tuple[Kind, ...] = ()
        """Of the values of each block."""
        self.order: tuple[str, ...] = ()
        """The columns of all blocks, one after the other."""

    def reserve(self, slots: int) -> None:
        """Room for this many slots."""
        size = len(self.tau)
        if slots > size:
            more = max(slots, 2 * size) - size
            self.tau = np.concatenate([self.tau, np.full(more, np.iinfo(np.int64).min, np.int64)])
            self.arrival = np.concatenate([self.arrival, np.full(more, -1, np.int64)])
            names = list(self.values)
            self._lay_out(
                [np.concatenate([block, np.zeros((more, block.shape[1]), block.dtype)]) for block in self.blocks], names
            )

    def add(self, slots: NDArray[np.int32], tau: Ints, arrival: Ints, values: Mapping[str, Values]) -> None:
        """Take rows in; a row that is not newer than what its slot holds changes nothing."""
        rows = np.empty(len(slots), np.int64)
        winners = rows[: _winners(slots, tau, arrival, self.tau, self.arrival, rows)]
        if not self.values:
            self._make({name: values[name].dtype for name in self.columns})
        for name in self.columns:
            self.values[name][slots[winners]] = values[name][winners]

    def read(self, slots: NDArray[np.int32], name: str) -> Values:
        """A column's values for slots that are all known (0 and up)."""
        return self.values[name][slots]

    def arrays(self) -> dict[str, Values]:
        """Everything, for a snapshot."""
        values = {f"values.{name}": held for name, held in self.values.items()}
        return {"tau": self.tau, "arrival": self.arrival, **values}

    def restore(self, arrays: dict[str, Values]) -> None:
        """The opposite of `arrays`."""
        self.tau, self.arrival = arrays["tau"].copy(), arrays["arrival"].copy()
        found = {name.removeprefix("values."): held for name, held in arrays.items() if name.startswith("values.")}
        self._make({name: held.dtype for name, held in found.items()})
        for name, held in found.items():
            self.values[name][:] = held

    def _make(self, types: Mapping[str, np.dtype[Any]]) -> None:
        """Blocks of zeros for columns of these types."""
        order = {
            dtype: [name for name, one in types.items() if one == dtype] for dtype in dict.fromkeys(types.values())
        }
        blocks = [np.zeros((len(self.tau), len(names)), dtype) for dtype, names in order.items()]
        self._lay_out(blocks, [name for names in order.values() for name in names])

    def _lay_out(self, blocks: Sequence[Values], names: Sequence[str]) -> None:
        """Hold these blocks, whose columns have these names one after the other."""
        self.blocks, self.order = tuple(blocks), tuple(names)
        self.kinds = tuple(KINDS[block.dtype.char] for block in blocks)
        columns = [block[:, at] for block in blocks for at in range(block.shape[1])]
        self.values = dict(zip(names, columns, strict=True))


@compiled_locked
def _winners(slots, tau, arrival, newest_tau, newest_arrival, rows):  # type: ignore[no-untyped-def]
    """How many rows were their slot's newest when they came; `rows` takes them. Of several for one slot the last is the
    newest; NumPy assigns in order, so it stays."""
    count = 0
    for row in range(len(slots)):
        slot = slots[row]
        if slot < 0:
            continue
        newer = tau[row] > newest_tau[slot] or (tau[row] == newest_tau[slot] and arrival[row] > newest_arrival[slot])
        if newer or newest_arrival[slot] < 0:
            newest_tau[slot], newest_arrival[slot] = tau[row], arrival[row]
            rows[count] = row
            count += 1
    return count
