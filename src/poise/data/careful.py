"""The careful judge: rows that the quick one is not sure of, judged by Polars as lines of a JSON-lines file are.

This is the one place where reception meets Polars; it is loaded when the first such row comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.data.history import to_column
from poise.data.identity import Identity
from poise.data.judge import BROKEN, Judge
from poise.data.lake import Lake
from poise.data.lines import batch_of
from poise.data.prints import Prints
from poise.data.prints_in_polars import frame_prints
from poise.data.reading import POSITION
from poise.spec.system import SystemSpec
from poise.table import Table

Reasons = tuple[tuple[str, ...], tuple[str, ...]]
"""Why a row was refused: codes, and a sentence for each."""


class Unheld:
    """Stands in stored content where the lake has no such column: anything is equal to it."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class Carefully:
    """n rows, judged. `good` are the places of m rows that passed, `refused` the reasons of those that did not.

    table: declared and derived columns of the m rows. contents: their declared values. prints: their hashes.
    """

    good: NDArray[np.int64]
    refused: dict[int, Reasons]
    table: Table
    contents: list[tuple[Any, ...]]
    prints: Prints | None


class Careful:
    """The careful judge of one source."""

    def __init__(self, system: SystemSpec, name: str) -> None:
        self._judge = Judge(system, name)
        self._source = system.sources[name]

    def judge(self, rows: Sequence[bytes], now: int) -> Carefully:
        """Judge n JSON objects, each on one line; `now` in microseconds."""
        try:
            good, refused = self._judged(rows, range(len(rows)), now)
        except pl.exceptions.PolarsError:
            good, refused = self._one_by_one(rows, now)
        table = Table({name: to_column(good[name]) for name in self._judge.columns}, good.height)
        positions = good[POSITION].to_numpy().copy()
        return Carefully(positions, refused, table, self._contents(good), frame_prints(self._source, good))

    def stored(self, lake: str, identities: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...] | None]:
        """The newest content that the lake at `lake` (URL or folder) holds under each of n identities, or None.

        Instants are in microseconds.
        """
        names, columns = self._source.identity, tuple(self._source.columns)
        empty = self._judged([], [], 0)[0].select(names)
        ids = pl.DataFrame(list(identities), schema=dict.fromkeys(names), orient="row")
        ids = ids.select(_cast(ids[name], empty.schema[name]) for name in names)
        found = Identity(Lake(lake), self._judge.name, self._source, columns, "").stored(ids)
        if found is None:
            return [None] * len(identities)
        held = [column for column in columns if column in found.columns]
        contents = dict(zip(_values(found.select(names)), _values(found.select(held)), strict=True))
        return [self._whole(contents.get(identity), held) for identity in identities]

    def _judged(
        self, rows: Sequence[bytes], positions: Sequence[int], now: int
    ) -> tuple[pl.DataFrame, dict[int, Reasons]]:
        columns = dict.fromkeys(self._source.in_file.values())
        judged = self._judge.judge(batch_of(b"\n".join(rows), positions, columns), now)
        told = judged.refused.select(POSITION, "reasons", "why").iter_rows()
        return judged.good, {position: (tuple(codes), tuple(why)) for position, codes, why in told}

    def _one_by_one(self, rows: Sequence[bytes], now: int) -> tuple[pl.DataFrame, dict[int, Reasons]]:
        """Where one row makes the whole batch unreadable: each by itself, so that it is found."""
        good, refused = [self._judged([], [], now)[0]], dict[int, Reasons]()
        for position, row in enumerate(rows):
            try:
                one, why = self._judged([row], [position], now)
            except pl.exceptions.PolarsError as error:
                sentence = f"the line is not a JSON object: {str(error).splitlines()[0]}"
                refused[position] = ((BROKEN,), (sentence,))
                continue
            good.append(one)
            refused.update(why)
        return pl.concat(good), refused

    def _contents(self, good: pl.DataFrame) -> list[tuple[Any, ...]]:
        return _values(good.select(list(self._source.columns)))

    def _whole(self, content: tuple[Any, ...] | None, held: list[str]) -> tuple[Any, ...] | None:
        if content is None or len(held) == len(self._source.columns):
            return content
        values = dict(zip(held, content, strict=True))
        return tuple(values.get(column, Unheld()) for column in self._source.columns)


def _cast(values: pl.Series, kind: pl.DataType) -> pl.Series:
    return values.cast(pl.Int64).cast(kind) if isinstance(kind, pl.Datetime) else values.cast(kind)


def _values(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as Python values, instants in microseconds."""
    instants = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    return rows.with_columns(pl.col(name).dt.timestamp("us") for name in instants).rows()
