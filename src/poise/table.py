"""Typed columns in arrays: the form in which stations pass rows, in batch and online alike.

Three kinds of storage carry all column types of the system file:

| kind | values | missing | column types |
|---|---|---|---|
| number | float64 | NaN | int, float, bool (0 and 1), durations (microseconds) |
| time | int64, microseconds since the epoch in UTC | `MISSING_TIME` | time |
| string | int32 codes into `levels` | -1 | string, category, text |

NumPy, and msgspec for a record that is cheap to make: a server that answers requests imports this and never Polars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "time", "string"]
MISSING_TIME = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Column:
    """One column of n rows. `levels` is an object array of `str`, present only for kind `string`.

    >>> Column.strings(["b", None, "b"]).to_list()
    ['b', None, 'b']
    >>> Column.numbers([1.0, None]).missing().tolist()
    [False, True]
    """

    kind: Kind
    values: NDArray[Any]
    levels: NDArray[Any] | None

    def __init__(self, kind: Kind, values: NDArray[Any], levels: NDArray[Any] | None = None) -> None:
        # An answer makes a hundred columns: written to their places, which takes a third of what a frozen class takes.
        _set_kind(self, kind)
        _set_values(self, values)
        _set_levels(self, levels)

    @classmethod
    def numbers(cls, values: Iterable[float | None] | NDArray[Any]) -> Column:
        """Numbers; None becomes missing."""
        if isinstance(values, np.ndarray):
            return cls("number", values.astype(np.float64, copy=False))
        return cls("number", np.array([np.nan if v is None else v for v in values], np.float64))

    @classmethod
    def times(cls, values: Iterable[int | None] | NDArray[Any]) -> Column:
        """Instants in microseconds since the epoch; None becomes missing."""
        if isinstance(values, np.ndarray):
            return cls("time", values.astype(np.int64, copy=False))
        return cls("time", np.array([MISSING_TIME if v is None else v for v in values], np.int64))

    @classmethod
    def strings(cls, values: Iterable[str | None]) -> Column:
        """Strings, dictionary-encoded in order of first appearance; None becomes missing."""
        values = list(values)
        words = [v for v in dict.fromkeys(values) if v is not None]
        if len(words) == len(values):  # all different, as the items of a list are
            return cls.coded(np.arange(len(words), dtype=np.int32), words)
        seen: dict[str, int] = {}
        codes = [-1 if v is None else seen.setdefault(v, len(seen)) for v in values]
        return cls.coded(np.array(codes, np.int32), list(seen))

    @classmethod
    def coded(cls, codes: NDArray[Any], levels: Sequence[str] | NDArray[Any]) -> Column:
        """Strings that are encoded already: `codes` index `levels`, -1 is missing."""
        array = np.empty(len(levels), object)
        array[:] = levels
        return cls("string", codes.astype(np.int32, copy=False), array)

    @classmethod
    def absent(cls, kind: Kind, height: int) -> Column:
        """A column of `height` missing values."""
        if kind == "number":
            return cls("number", np.full(height, np.nan))
        if kind == "time":
            return cls("time", np.full(height, MISSING_TIME, np.int64))
        return cls.coded(np.full(height, -1, np.int32), [])

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> NDArray[np.bool_]:
        """True where the value is missing, shape (n,)."""
        if self.kind == "number":
            return np.asarray(np.isnan(self.values), np.bool_)
        return np.asarray(self.values == (MISSING_TIME if self.kind == "time" else -1), np.bool_)

    def gone(self) -> int:
        """How many values are missing.

        >>> Column.strings(["b", None]).gone(), Column.times([None]).gone()
        (1, 1)
        """
        if len(self.values) != 1:
            return int(np.count_nonzero(self.missing()))
        value = self.values.item(0)  # features are mostly asked for in one row, which is not worth array work
        if self.kind == "number":
            return int(value != value)
        return int(value == (MISSING_TIME if self.kind == "time" else -1))

    @property
    def only(self) -> Any:
        """The value of a column of one row as `to_list` has it, None where it is missing.

        >>> Column.numbers([1.5]).only, Same("number", 2.5).only, Same("time", MISSING_TIME).only
        (1.5, 2.5, None)
        """
        value = _first(self)
        return None if value != value or (self.kind == "time" and value == MISSING_TIME) else value

    def take(self, index: NDArray[Any]) -> Column:
        """The rows at `index` (positions or a boolean mask), in that order. A position of -1 gives missing."""
        if index.dtype == np.bool_ or not len(index) or index.min() >= 0:
            return Column(self.kind, self.values[index], self.levels)
        out = Column.absent(self.kind, len(index)).values
        found = index >= 0
        out[found] = self.values[index[found]]
        return Column(self.kind, out, self.levels)

    def to_list(self) -> list[Any]:
        """Python values with None for missing; instants stay integers."""
        gone = self.missing()
        if self.kind == "string":
            assert self.levels is not None
            return [None if g else self.levels[v] for v, g in zip(self.values, gone, strict=True)]
        return [None if g else v for v, g in zip(self.values.tolist(), gone, strict=True)]

    def listed(self, index: NDArray[np.intp]) -> list[Any]:
        """The values at these positions as `to_list` gives them, for a few of many rows."""
        values = self.values[index].tolist()
        if self.kind == "number":
            return [None if value != value else value for value in values]
        if self.kind == "time":
            return [None if value == MISSING_TIME else value for value in values]
        assert self.levels is not None
        return [None if code < 0 else self.levels[code] for code in values]

    def recoded(self, index_of: Mapping[str, int], unknown: int = -1) -> NDArray[np.int32]:
        """Codes of a `string` column under another dictionary; strings it lacks get `unknown`, missing stays -1."""
        assert self.levels is not None
        lookup = np.fromiter((index_of.get(v, unknown) for v in self.levels), np.int32, len(self.levels))
        if not len(lookup):
            return np.full(len(self.values), -1, np.int32)
        return np.where(self.values >= 0, lookup[self.values], np.int32(-1)).astype(np.int32, copy=False)


_set_kind, _set_values, _set_levels = (vars(Column)[name].__set__ for name in ("kind", "values", "levels"))


class Same(Column):
    """A column of one value, n times: what one row says, or a request of all its rows. Arrays are made of it only where
    somebody asks for them: one row of thirty columns costs a request more as arrays than its models do.

    value: a float (NaN where missing), microseconds (`MISSING_TIME`) or a string (None), by `kind`.

    >>> price = Same("number", 3.5, 2)
    >>> price.value, len(price), price.values.tolist(), Same("string", None).to_list()
    (3.5, 2, [3.5, 3.5], [None])
    """

    __slots__ = ("_arrays", "height", "value")

    value: Any
    height: int
    _arrays: tuple[NDArray[Any], NDArray[Any] | None] | None

    def __init__(self, kind: Kind, value: Any, height: int = 1) -> None:
        _set_kind(self, kind)
        _set_value(self, value)
        _set_height(self, height)
        _set_arrays(self, None)

    @property
    def values(self) -> NDArray[Any]:
        """As of any column, made when first asked for."""
        return self._made()[0]

    @property
    def levels(self) -> NDArray[Any] | None:
        """As of any column."""
        return self._made()[1]

    @classmethod
    def of(cls, column: Column) -> Same:
        """The one value of a column of one row."""
        return column if isinstance(column, Same) else cls(column.kind, _first(column))

    @classmethod
    def holding(cls, value: str | float | int | None) -> Same:
        """One value, of the kind that its type says: a string, a number (float) or an instant (int). Nothing is a
        missing string.

        >>> Same.holding("b").kind, Same.holding(1.0).kind, Same.holding(1).kind, Same.holding(None).only
        ('string', 'number', 'time', None)
        """
        kind: Kind = "number" if isinstance(value, float) else "time" if isinstance(value, int) else "string"
        return cls(kind, value)

    def repeated(self, height: int) -> Same:
        """The same value in so many rows."""
        return Same(self.kind, self.value, height)

    def __len__(self) -> int:
        return self.height

    @property
    def only(self) -> Any:
        """The value, None where there is none."""
        value = self.value
        return None if value != value or (value == MISSING_TIME and self.kind == "time") else value

    @property
    def is_missing(self) -> bool:
        """Whether there is no value."""
        return self.only is None

    def missing(self) -> NDArray[np.bool_]:
        """True in all rows, or in none."""
        return np.full(self.height, self.is_missing)

    def gone(self) -> int:
        """How many values are missing."""
        return self.height if self.is_missing else 0

    def take(self, index: NDArray[Any]) -> Column:
        """The rows at `index`, as of any column."""
        if index.dtype == np.bool_:
            return Same(self.kind, self.value, int(index.sum()))
        return super().take(index) if len(index) and index.min() < 0 else Same(self.kind, self.value, len(index))

    def to_list(self) -> list[Any]:
        """The value so many times."""
        return [self.only] * self.height

    def listed(self, index: NDArray[np.intp]) -> list[Any]:
        """The value once for each position."""
        value = self.value
        if value != value or (self.kind == "time" and value == MISSING_TIME):
            value = None
        return [value] * len(index)

    def _made(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        made = self._arrays
        if made is None:
            made = self._as_arrays()
            _set_arrays(self, made)
        return made

    def _as_arrays(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        if self.kind != "string":
            return np.full(self.height, self.value, np.float64 if self.kind == "number" else np.int64), None
        levels = np.empty(0 if self.value is None else 1, object)
        levels[:] = self.value
        return np.full(self.height, len(levels) - 1, np.int32), levels


_set_value, _set_height, _set_arrays = (vars(Same)[name].__set__ for name in ("value", "height", "_arrays"))


def _first(column: Column) -> Any:
    """The value in the first row, as `Same` has it."""
    value = column.values.item(0)
    if column.kind != "string":
        return value
    assert column.levels is not None
    return None if value < 0 else column.levels[value]


class Table(Mapping[str, Column]):
    """Columns of one height, by name, in order. Immutable.

    >>> t = Table({"x": Column.numbers([1.0, 2.0])})
    >>> t.height, t.take(np.array([1]))["x"].to_list()
    (2, [2.0])
    """

    __slots__ = ("_columns", "_row", "height")

    _row: dict[str, Any] | None

    def __init__(self, columns: Mapping[str, Column], height: int | None = None) -> None:
        self._columns, self._row = dict(columns), None
        heights = set(map(len, self._columns.values()))
        if len(heights) > 1:
            raise ValueError(f"columns of different heights: { {k: len(c) for k, c in self._columns.items()} }")
        self.height = heights.pop() if heights else (height or 0)

    @classmethod
    def of(cls, columns: dict[str, Column], height: int) -> Table:
        """A table of columns that are of this height, and that nobody changes: neither is looked at again.

        >>> Table.of({"x": Same("number", 1.0, 2)}, 2)["x"].to_list()
        [1.0, 1.0]
        """
        made = Table.__new__(Table)
        made._columns, made._row, made.height = columns, None, height
        return made

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def row(self) -> Mapping[str, Any]:
        """The values of a table of one row, as `to_list` gives them. Made when first asked for.

        >>> Table({"x": Column.numbers([1.5]), "c": Column.strings([None])}).row
        {'x': 1.5, 'c': None}
        """
        if self._row is not None:
            return self._row
        made = dict[str, Any]()
        for name, column in (self._columns if type(self) is Table else self).items():
            value = column.value if type(column) is Same else Same.of(column).value
            gone = value != value or (column.kind == "time" and value == MISSING_TIME)
            made[name] = None if gone else value
        self._row = made  # once it is whole: another thread may ask for it meanwhile
        return made

    def missing(self, names: Iterable[str]) -> dict[str, int]:
        """In how many rows each of these columns has no value; those without any such row are left out.

        >>> Table({"x": Column.numbers([1.0, None]), "c": Column.strings(["a", "b"])}).missing(["x", "c"])
        {'x': 1}
        """
        return {name: count for name in names if (count := self[name].gone())}

    def select(self, names: Iterable[str]) -> Table:
        """These columns, in this order."""
        return Table.of({name: self._columns[name] for name in names}, self.height)

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """This table with more (or replaced) columns."""
        return Table({**self._columns, **columns}, self.height)

    def take(self, index: NDArray[Any]) -> Table:
        """The rows at `index` (positions or a boolean mask)."""
        height = int(index.sum()) if index.dtype == np.bool_ else len(index)
        return Table({name: column.take(index) for name, column in self._columns.items()}, height)

    def listed(self, index: NDArray[np.intp]) -> dict[str, list[Any]]:
        """The rows at these positions as lists of Python values, None for missing.

        >>> Table({"x": Column.numbers([1.0, None, 3.0])}).listed(np.array([1, 0]))
        {'x': [None, 1.0]}
        """
        if self.height == 1 and len(index) == 1:
            return {name: [value] for name, value in self.row.items()}
        return {name: column.listed(index) for name, column in self._columns.items()}


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The rows of one source with both times, sorted by (τ, order of arrival).

    `kind`: `table` (the first version of a key holds for all earlier times), `history` (changes in time) or `log`.
    `time` is τ and `known` is κ, int64 microseconds, shape (n,); a table's τ is when its version was accepted,
    of a row's first version before all.
    `first` (tables only) is True where the row is the first version of its key.
    """

    source: str
    kind: Literal["table", "history", "log"]
    time: NDArray[np.int64]
    known: NDArray[np.int64]
    rows: Table
    first: NDArray[np.bool_] | None = None

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.time)


class Requests(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Rows to answer: what the caller sends (or sent), and T, the instant of each (int64 microseconds, shape (n,)).

    `time` holds `MISSING_TIME` where the system has no time at all. `id` names the rows of the `per` source.
    """

    rows: Table
    time: NDArray[np.int64]
    id: Column | None = None

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.time)

    def take(self, index: NDArray[Any]) -> Requests:
        """The requests at `index` (positions or a boolean mask)."""
        return Requests(self.rows.take(index), self.time[index], None if self.id is None else self.id.take(index))
