"""Reading: a file or a data frame as a case. What is large is sampled before anything else is done with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.assessment.case import Case, Declared, Obstacle, ReadColumn
from poise.assessment.copies import copies_of
from poise.assessment.date_text import parts_of
from poise.assessment.empty_too import empty_too
from poise.assessment.kinds import Kind, kind_of
from poise.assessment.scanning import LEARNED_ROWS, sampled, scan
from poise.assessment.targets import Target, target_of
from poise.data.instants import UTC
from poise.errors import DataError, did_you_mean
from poise.features.base import OutputType
from poise.spec.objective import ProblemType
from poise.table import MISSING_TIME, Column, Table

LEAST_ROWS = 30
"""Fewer rows with a target tell nothing about rows that are not among them."""


def read_case(
    data: Path | str | pl.DataFrame,
    target: str,
    *,
    time: str | None = None,
    key: str | None = None,
    problem: ProblemType | None = None,
    costs: Mapping[str, Any] | None = None,
    sensitive: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    answers: Mapping[str, Any] | None = None,
    rows: int = LEARNED_ROWS,
    name: str | None = None,
) -> Case:
    """A table as a case: CSV, Parquet, JSON lines or a data frame.

    target: the column to predict; time: when each row was asked about; key: rows of one key stay together.
    problem: what kind of thing is predicted, where its values do not say; rows: the most that are learned from.
    Raises `DataError` for a file or a column that cannot be read.
    """
    found = scan(data)
    for role, column in (("target", target), ("time", time), ("key", key)):
        if column is not None and column not in found.columns:
            raise DataError(f"there is no column '{column}' for the {role}", hint=did_you_mean(column, found.columns))
    if len({target, time, key} - {None}) < 1 + (time is not None) + (key is not None):
        raise DataError("target, time and key must be different columns")
    frame, total, notes = sampled(found, rows, key)
    made = _case(frame, _Roles(target, time, key), target_of(frame[target], problem))
    return replace(
        made,
        name=name or (_stem(Path(data).name) if isinstance(data, Path | str) else "table"),
        columns={name: made.columns[name] for name in found.columns},
        notes=(*found.notes, *notes, *made.notes),
        rows_in=total,
        declared=Declared(costs or {}, sensitive, answers or {}, known),
        path=found.path,
    )


def _stem(name: str) -> str:
    return Path(name.removesuffix(".gz")).stem


@dataclass(frozen=True, slots=True)
class _Roles:
    """Columns that are no inputs."""

    target: str
    time: str | None
    key: str | None


def _case(frame: pl.DataFrame, roles: _Roles, truth: Target) -> Case:
    """The case of the rows that were read; what the file says beside them is still to come."""
    columns: dict[str, ReadColumn] = {roles.target: _read_column(roles.target, truth.kind, frame.height)}
    notes = list(truth.notes)
    kept, asked, said = _usable(frame, roles, truth, columns)
    notes += said
    values = truth.values[kept[truth.has]]
    without_target = frame.filter(~pl.Series(truth.has))
    frame = frame.filter(pl.Series(kept)) if not kept.all() else frame
    others = [name for name in frame.columns if name not in (roles.target, roles.time, roles.key)]
    table, types, more = _inputs(frame, others, asked if roles.time else None)
    columns |= more
    notes += [f"'{c.name}': {c.note}" for c in more.values() if c.note]
    groups = None
    if roles.key is not None:
        columns[roles.key] = _key(frame[roles.key])
        groups = _codes(frame[roles.key])
    obstacle = truth.obstacle or _obstacle(values, truth, types, roles.target)
    twins, said_of_them = (None, None) if groups is not None or obstacle else copies_of(table.select(types), values)
    return Case(
        name="table",
        target_name=roles.target,
        problem=truth.problem,
        table=table,
        types=types,
        target=values,
        classes=truth.classes,
        time=asked,
        groups=groups,
        copies=twins,
        time_name=roles.time,
        key_name=roles.key,
        columns=columns,
        notes=tuple(filter(None, [*notes, said_of_them])),
        obstacle=obstacle,
        empty_too=empty_too(without_target.select(name for name, column in more.items() if column.inputs)),
        merged=truth.merged,
    )


def _usable(
    frame: pl.DataFrame, roles: _Roles, truth: Target, columns: dict[str, ReadColumn]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], list[str]]:
    """Which rows have a target and a time, the times of those, and words on the others; tells `columns` of the time."""
    kept, notes = truth.has.copy(), []
    if not kept.all():
        notes.append(f"{int((~kept).sum()):,} of {len(kept):,} rows have no '{roles.target}' and are left out")
    if roles.time is None:
        return kept, np.full(int(kept.sum()), MISSING_TIME, np.int64), notes
    asked, columns[roles.time] = _time(frame[roles.time])
    lacking = kept & (asked == MISSING_TIME)
    if lacking.any():
        notes.append(f"{int(lacking.sum()):,} rows have no '{roles.time}' and are left out")
    kept &= ~lacking
    return kept, asked[kept], notes


def _key(column: pl.Series) -> ReadColumn:
    why = "rows of one key stay together; it is not learned from"
    return ReadColumn(column.name, "id", "string", dropped=why, distinct=column.n_unique())


def _read_column(name: str, kind: Kind | None, height: int) -> ReadColumn:
    assert kind is not None
    gone = 1 - kind.values.count() / max(height, 1)
    of = "number" if kind.kind in ("id", "constant", "number") and kind.values.dtype == pl.Float64 else kind.kind
    return ReadColumn(name, of, kind.type, kind.format, missing=gone, distinct=kind.values.n_unique(), note=kind.note)


def _time(column: pl.Series) -> tuple[NDArray[np.int64], ReadColumn]:
    """The time of each row. Whole numbers are taken as years, seconds or milliseconds since 1970 by their size."""
    kind = kind_of(column)
    values, note = kind.values, kind.note
    if values.dtype == pl.Float64 and values.count():
        values, note = _from_numbers(column.name, values)
    elif values.dtype != UTC and not isinstance(values.dtype, pl.Datetime):
        raise _no_time(column)
    out = values.cast(pl.Datetime("us", "UTC")).cast(pl.Int64).fill_null(MISSING_TIME).to_numpy().astype(np.int64)
    read = ReadColumn(
        column.name,
        "time",
        "time",
        kind.format,
        note=note,
        missing=float((out == MISSING_TIME).mean()),
        distinct=values.n_unique(),
        dropped="rows are ordered by it; it is not learned from",
    )
    return out, read


def _no_time(column: pl.Series) -> DataError:
    """What is wrong with a column that was named as the time, shown by a value of each of two spellings."""
    spellings: dict[str, str] = {}
    for value in map(str, column.drop_nulls().head(1_000).to_list()):
        spellings.setdefault(re.sub(r"\d", "0", value), value)
    if not spellings:
        return DataError(f"the time '{column.name}' has no values")
    shown = " and ".join(f"'{value}'" for value in list(spellings.values())[:2])
    said = f"the time '{column.name}' holds no instants in one spelling, e.g. {shown}"
    return DataError(said, hint="ISO 8601 throughout, e.g. 2026-03-01 or 2026-03-01T12:00")


def _from_numbers(name: str, values: pl.Series) -> tuple[pl.Series, str]:
    there = values.drop_nulls().to_numpy()
    low, high = float(there.min()), float(there.max())
    if low >= 1700 and high <= 2300:
        days = [
            None if v is None else np.datetime64(f"{int(v)}-01-01", "us").astype(np.int64) for v in values.to_list()
        ]
        return pl.Series(name, days, pl.Int64).cast(UTC), "taken as years"
    if low >= 19000101 and high <= 22001231:
        text = values.cast(pl.Int64).cast(pl.String)
        return text.str.to_date("%Y%m%d", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone(
            "UTC"
        ), "taken as yyyymmdd"
    for unit, factor in (("seconds", 1e6), ("milliseconds", 1e3), ("microseconds", 1.0)):
        if low * factor >= 3e7 * 1e6 and high * factor <= 1e10 * 1e6:
            return (values * factor).cast(pl.Int64).cast(UTC), f"taken as {unit} since 1970"
    return (values * 86_400e6).cast(pl.Int64).cast(UTC), "numbers taken as steps of a day: only their order is meant"


def _inputs(
    frame: pl.DataFrame, names: list[str], asked: NDArray[np.int64] | None
) -> tuple[Table, dict[str, OutputType], dict[str, ReadColumn]]:
    """What models see of each column, and ids that repeat: `types` has only the former."""
    table: dict[str, Column] = {}
    types: dict[str, OutputType] = {}
    read: dict[str, ReadColumn] = {}
    for name in names:
        kind = kind_of(frame[name])
        made = {} if kind.dropped else _columns(name, kind, asked)
        table |= made
        outputs: OutputType = kind.kind if kind.kind in ("category", "text") else "number"
        types |= dict.fromkeys(made, outputs)
        if kind.kind == "id" and kind.values.dtype == pl.String and not kind.unique:
            table |= _columns(name, kind, asked)  # rows of one may know each other: PA06 tries it as a key
        missing = 1 - kind.values.count() / max(frame.height, 1)
        distinct = kind.values.n_unique() if not kind.values.dtype.is_nested() else 0
        read[name] = ReadColumn(
            name, kind.kind, kind.type, kind.format, tuple(made), kind.dropped, kind.note, missing, distinct
        )
    return Table(table, frame.height), types, read


def _columns(name: str, kind: Kind, asked: NDArray[np.int64] | None) -> dict[str, Column]:
    if kind.kind == "time":
        instants = kind.values.cast(pl.Int64).fill_null(MISSING_TIME).to_numpy().astype(np.int64)
        return parts_of(name, instants, asked)
    if kind.values.dtype == pl.String:
        levels = kind.values.drop_nulls().unique(maintain_order=True)
        place = pl.DataFrame({"x": levels, "code": np.arange(len(levels), dtype=np.int32)})
        coded = pl.DataFrame({"x": kind.values})
        codes = coded.join(place, on="x", how="left", maintain_order="left")["code"].fill_null(-1).to_numpy()
        return {name: Column.coded(codes, levels.to_list())}
    return {name: Column.numbers(kind.values.fill_null(np.nan).to_numpy().astype(np.float64))}


def _codes(column: pl.Series) -> NDArray[np.int64]:
    """The number of each row's key, (n,); a row without a key stands alone."""
    codes = column.rank("dense").cast(pl.Int64)
    alone = pl.Series(-1 - np.arange(len(codes)))
    return codes.zip_with(codes.is_not_null(), alone).to_numpy().astype(np.int64)


def _obstacle(values: NDArray[Any], truth: Target, types: Mapping[str, OutputType], target: str) -> Obstacle | None:
    if len(values) < LEAST_ROWS:
        return Obstacle(
            f"only {len(values):,} rows have a '{target}': too few to learn from some and test on others",
            "collect data first",
            f"at least {LEAST_ROWS} rows with a '{target}', better some hundred",
        )
    if not types:
        return Obstacle(
            f"no column beside '{target}' can be learned from",
            "collect data first",
            "columns that differ from row to row",
        )
    if truth.problem == "binary":
        least = int(min(values.sum(), len(values) - values.sum()))
        if least < 2:
            return Obstacle(
                f"only {least} of {len(values):,} rows is of the rarer kind",
                "collect data first",
                "more rows of the rarer kind, at least some ten",
            )
    return None
