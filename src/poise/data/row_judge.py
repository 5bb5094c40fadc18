"""The judge of rows that come one group at a time: quickly where that is sure, else carefully. One for each source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise import registry
from poise.data.prints import Prints, table_prints
from poise.data.quick import Quick
from poise.spec.source import ColumnType
from poise.spec.strings_in_numpy import distinct
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column, Table

Places = NDArray[np.int64]
Reasons = tuple[tuple[str, ...], tuple[str, ...]]
"""Why a row was refused: codes, and a sentence for each."""


@dataclass(frozen=True, slots=True, eq=False)
class RowsJudged:
    """n rows of one source, judged; m of them are good.

    good: their places among the n, ascending. table: their declared and derived columns. prints: their hashes, None for
    a log without `id`. refused: place -> reasons. The others are not of this source, by its `where`, or `forgotten`.
    """

    good: Places
    table: Table
    prints: Prints | None
    refused: Mapping[int, Reasons]
    _parsed: Sequence[Any]
    _careful: Mapping[int, tuple[Any, ...]]
    _types: Mapping[str, ColumnType]
    _identity: tuple[str, ...]
    forgotten: frozenset[int] = frozenset()
    """The places of rows that are left out, as they are of people who were forgotten."""

    def without(self, good: NDArray[np.bool_], refused: Iterable[int]) -> RowsJudged:
        """The same with some of the good rows, (m,), and some of the refused ones left out."""
        gone = frozenset([*self.good[good].tolist(), *refused])
        kept, table = ~good, self.table
        prints = None if self.prints is None else Prints(self.prints.keys[kept], self.prints.prints[kept])
        left = {place: reasons for place, reasons in self.refused.items() if place not in gone}
        table = _taken(table, kept) if len(self.good) else table
        return replace(self, good=self.good[kept], table=table, prints=prints, refused=left, forgotten=gone)

    def content(self, row: int) -> tuple[Any, ...]:
        """The declared values of good row `row` (of m), instants in microseconds: equal where the content is."""
        place = int(self.good[row])
        if place in self._careful:
            return self._careful[place]
        values = msgspec.structs.astuple(self._parsed[place])
        kinds = zip(self._types.items(), values, strict=False)
        return tuple(self._instant(name, row) if kind == "time" else value for (name, kind), value in kinds)

    def identity(self, row: int) -> tuple[Any, ...]:
        """The values that identify good row `row` (of m)."""
        values = dict(zip(self._types, self.content(row), strict=False))
        return tuple(values[name] if name in values else self._instant(name, row) for name in self._identity)

    def _instant(self, name: str, row: int) -> int | None:
        value = int(self.table[name].values[row])
        return None if value == MISSING_TIME else value


class RowJudge:
    """Judges rows of source `name`.

    >>> judge = example_judge()
    >>> found = judge.judge([b'{"order": "a", "price": 1}', b'{"order": "b", "price": -1}'], 0)
    >>> found.good.tolist(), found.refused[1][0]
    ([0], ('range:price',))
    """

    def __init__(self, system: SystemSpec, name: str) -> None:
        self._system, self.name, self.source = system, name, system.sources[name]
        self.quick = Quick(system, name)

    @cached_property
    def careful(self) -> Any:
        """The judge that has the last word; it loads Polars."""
        return registry.get("judge", "careful")(self._system, self.name)

    def parse(self, rows: Sequence[bytes]) -> list[Any | None]:
        """What the quick judge can read of n JSON objects. Raises `msgspec.DecodeError` for what is no JSON."""
        decode = self.quick.row
        return [None] * len(rows) if decode is None else [decode.decode(row) for row in rows]

    def judge(self, rows: Sequence[bytes], now: int, parsed: Sequence[Any | None] | None = None) -> RowsJudged:
        """Judge n JSON objects, each on one line; `now` in microseconds. `parsed` is what `parse` gave for them."""
        if parsed is None:
            parsed = self.parse(rows)
        places = np.array([place for place, row in enumerate(parsed) if row is not None], np.int64)
        settled = np.zeros(len(rows), np.bool_)
        table: Table | None = None
        if len(places):
            quickly = self.quick.judge([row for row in parsed if row is not None], now)
            settled[places] = quickly.good | quickly.other
            table, places = _taken(quickly.table, quickly.good), places[quickly.good]
        if settled.all():
            table = table or Table({})
            prints = table_prints(self.source, self.quick.types, table) if len(table) else None
            return self._judged(places, table, prints, {}, parsed, {})
        return self._carefully(rows, now, parsed, places, table, np.flatnonzero(~settled))

    def _carefully(
        self,
        rows: Sequence[bytes],
        now: int,
        parsed: Sequence[Any],
        places: Places,
        table: Table | None,
        open_: Places,
    ) -> RowsJudged:
        """With the careful judge's word on the rows at `open_`; those at `places` are good."""
        told = self.careful.judge([rows[place] for place in open_.tolist()], now)
        good = open_[told.good]
        contents = dict(zip(good.tolist(), told.contents, strict=True))
        refused = {int(open_[place]): reasons for place, reasons in told.refused.items()}
        if table is None or not table.height:
            return self._judged(good, told.table, told.prints, refused, parsed, contents)
        if not len(good):
            return self._judged(
                places, table, table_prints(self.source, self.quick.types, table), refused, parsed, contents
            )
        every = np.concatenate([places, good])
        order = np.argsort(every, kind="stable")
        whole = Table({name: _joined(table[name], told.table[name]) for name in table}).take(order)
        prints = table_prints(self.source, self.quick.types, table)
        if prints is not None:
            keys = np.concatenate([prints.keys, told.prints.keys])[order]
            prints = Prints(keys, np.concatenate([prints.prints, told.prints.prints])[order])
        return self._judged(every[order], whole, prints, refused, parsed, contents)

    def _judged(
        self,
        good: Places,
        table: Table,
        prints: Prints | None,
        refused: Mapping[int, Reasons],
        parsed: Sequence[Any],
        careful: Mapping[int, tuple[Any, ...]],
    ) -> RowsJudged:
        types, identity = self.quick.types, self.source.identity
        return RowsJudged(good, table, prints, refused, parsed, careful, types, identity)


def example_judge() -> RowJudge:
    """The judge of a small source of orders with a price, for examples."""
    source = {
        "path": "orders.jsonl",
        "id": "order",
        "columns": {"order": "string", "price": {"type": "float", "min": 0}},
    }
    objective = {"type": "binary", "per": "orders", "label": {}}
    content = {"format": 1, "system": "shop", "purpose": "an example", "sources": {"orders": source}}
    return RowJudge(SystemSpec.model_validate({**content, "objectives": {"o": objective}}), "orders")


def _taken(table: Table, rows: NDArray[np.bool_]) -> Table:
    return table if rows.all() else table.take(rows)


def _joined(above: Column, below: Column) -> Column:
    """Two columns of one kind, one under the other."""
    if above.kind != "string":
        return Column(above.kind, np.concatenate([above.values, below.values]))
    assert above.levels is not None and below.levels is not None
    moved = np.where(below.values >= 0, below.values + len(above.levels), -1)
    levels = np.concatenate([above.levels, below.levels])
    return distinct(Column.coded(np.concatenate([above.values, moved]), levels))
