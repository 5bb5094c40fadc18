"""From feature columns to one matrix of numbers, in batch and for one row alike: categories become codes.

Code 0 is *another level* (rare in training, or never seen), 1 … are the levels kept; missing is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import pack_into
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError
from poise.features.base import OutputType
from poise.models.base import Examples, Floats
from poise.one_row import OneRow, taken
from poise.table import Column, Table

MOST_LEVELS = 100_000
"""A column keeps at most so many levels, the most frequent; the others are one level."""
_NUMBERS, _OR_MISSING = frozenset({float}), frozenset({float, type(None)})


def level_of(value: float) -> str:
    """The level of a category that is stored as a number: 3.0 is level "3".

    >>> level_of(3.0), level_of(0.5)
    ('3', '0.5')
    """
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """The columns a model reads and, for categories, their levels in the order of their codes 1, 2, …

    >>> inputs = Inputs(("x", "c"), (None, ("a", "b")))
    >>> inputs.encode(Table({"x": Column.numbers([1.5, None]), "c": Column.strings(["b", "new"])})).tolist()
    [[1.5, 2.0], [nan, 0.0]]
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]
    _codes: tuple[dict[str, int] | None, ...] = field(init=False, repr=False)
    _coded: tuple[tuple[int, dict[str, int]], ...] = field(init=False, repr=False)
    """Those of the categories, with their positions."""
    _taken: Callable[[Any], Sequence[Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        codes = tuple(None if of is None else {level: i for i, level in enumerate(of, 1)} for of in self.levels)
        object.__setattr__(self, "_codes", codes)
        object.__setattr__(self, "_coded", tuple((j, of) for j, of in enumerate(codes) if of is not None))
        object.__setattr__(self, "_taken", taken(self.names))

    @classmethod
    def learn(cls, examples: Examples, least: Callable[[int], int]) -> Inputs:
        """Numbers and categories of `examples`; levels with fewer rows than `least(number of levels)` are merged."""
        names = examples.of_type("number", "category")
        types: Mapping[str, OutputType] = examples.types
        levels = tuple(
            _kept(*_counted(examples.features[name]), least) if types[name] == "category" else None for name in names
        )
        return cls(names, levels)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def categories(self) -> list[int]:
        """Positions of the category columns."""
        return [j for j, of in enumerate(self.levels) if of is not None]

    def encode(self, features: Table) -> Floats:
        """The matrix, float64 (n, columns), C order. Raises `DataError` where a column is absent or of another kind."""
        if features.height == 1:
            return one_row(self.one(features))
        out = np.empty((features.height, len(self.names)))
        for j, (name, codes) in enumerate(zip(self.names, self._codes, strict=True)):
            column = _of(features, name)
            out[:, j] = _numbers(name, column) if codes is None else _coded(column, codes)
        return out

    def one(self, features: Table, gaps: Sequence[float] | None = None) -> Sequence[float]:
        """The same of one row, as Python's numbers. Raises as `encode` does.

        gaps: per column what stands for a missing value, in place of NaN.

        >>> Inputs(("c",), (("a", "b"),)).one(Table({"c": Column.strings(["b"])}))
        [2.0]
        """
        try:
            found = features.picked(self.names) if isinstance(features, OneRow) else self._taken(features.row)
        except KeyError as error:
            raise _lacking(error.args[0]) from None
        if self._coded:
            out = list(found)
            for j, codes in self._coded:
                if (value := out[j]) is not None:
                    out[j] = float(codes.get(value if type(value) is str else _level(float(value)), 0))
            found = out
        types = set(map(type, found))
        if types == _NUMBERS:
            return found
        if not types <= _OR_MISSING:
            found = [_number(name, value) for name, value in zip(self.names, found, strict=True)]
        if gaps is None:
            return [math.nan if value is None else value for value in found]
        return [gap if value is None else value for value, gap in zip(found, gaps, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {"names": list(self.names), "levels": [None if of is None else list(of) for of in self.levels]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Inputs:
        """What `to_json` gave."""
        return cls(tuple(content["names"]), tuple(None if of is None else tuple(of) for of in content["levels"]))


def one_row(values: Sequence[float]) -> Floats:
    """One row as a matrix (1, columns).

    >>> one_row([1.0, 2.5]).tolist()
    [[1.0, 2.5]]
    """
    out = np.empty((1, len(values)))
    pack_into(f"{len(values)}d", out.data, 0, *values)  # a third of what it takes NumPy to look at each of them
    return out


def _of(features: Table, name: str) -> Column:
    try:
        return features[name]
    except KeyError:
        raise _lacking(name) from None


def _lacking(name: str) -> DataError:
    return DataError(f"the model reads '{name}', which these rows do not have")


def _number(name: str, value: Any) -> float | None:
    """An instant or a number as a number; nothing stays nothing."""
    if type(value) is str:
        raise _wrong(name)
    return None if value is None else float(value)


def _numbers(name: str, column: Column) -> NDArray[Any]:
    if column.kind == "string":
        raise _wrong(name)
    if column.kind == "time":
        return np.where(column.missing(), np.nan, column.values.astype(np.float64))
    return column.values


def _wrong(name: str) -> DataError:
    return DataError(f"the model reads '{name}' as a number; strings came")


def _level(value: float) -> str:
    return level_of(value) if np.isfinite(value) else repr(value)


def _as_strings(column: Column) -> Column:
    """A category that is stored as numbers, as strings."""
    gone = column.missing()
    distinct, codes = np.unique(column.values[~gone].astype(np.float64), return_inverse=True)
    out = np.full(len(column), -1, np.int32)
    out[~gone] = codes
    return Column.coded(out, [_level(float(v)) for v in distinct])


def _coded(column: Column, codes: dict[str, int]) -> Floats:
    if column.kind != "string":
        column = _as_strings(column)
    values, levels = column.values, column.levels
    assert levels is not None
    if len(levels) > 2 * len(values):  # a large dictionary and few rows: look up only what is there
        return np.array([codes.get(levels[v], 0) if v >= 0 else np.nan for v in values.tolist()], np.float64)
    known = column.recoded(codes, unknown=0).astype(np.float64)
    known[values < 0] = np.nan
    return known


def _counted(column: Column) -> tuple[list[str], NDArray[np.int64]]:
    """The levels that occur, and how often."""
    if column.kind != "string":
        column = _as_strings(column)
    assert column.levels is not None
    counts: dict[str, int] = {}
    rows = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
    for level, count in zip(column.levels.tolist(), rows.tolist(), strict=True):
        if count:
            counts[level] = counts.get(level, 0) + count
    return list(counts), np.fromiter(counts.values(), np.int64, len(counts))


def _kept(levels: list[str], counts: NDArray[np.int64], least: Callable[[int], int]) -> tuple[str, ...]:
    """Levels with enough rows, the most frequent first, ties by name: the same for any order of the rows."""
    ranked = sorted(zip((-counts).tolist(), levels, strict=True))
    floor = least(len(levels))
    return tuple(level for count, level in ranked[:MOST_LEVELS] if -count >= floor)
