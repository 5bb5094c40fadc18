"""Scanning: a file's columns and rows, lazily, and a sample of them that fits into memory."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from poise.data.files import ENDINGS, format_by_ending
from poise.data.reading_csv import csv_rows
from poise.data.reading_jsonl import jsonl_rows, survey
from poise.errors import DataError, did_you_mean

LEARNED_ROWS = 200_000
MOST_CELLS = 20_000_000
"""Of more rows, or more cells (rows x columns), a sample is read: what a table can tell it tells with these."""
LEAST_SAMPLE = 5_000
_GOLDEN = 2_654_435_761
"""2^32 over the golden ratio: multiples of it are spread evenly, so that a sample has rows from everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """A table that can be read: its columns, its rows lazily, and what was noticed."""

    columns: tuple[str, ...]
    rows: pl.LazyFrame
    notes: tuple[str, ...] = ()
    path: Path | None = None


def scan(data: Path | str | pl.DataFrame) -> Scanned:
    """Open a file by its ending (CSV, Parquet, JSON lines), or a data frame. Raises `DataError`."""
    if isinstance(data, pl.DataFrame):
        return Scanned(tuple(data.columns), data.lazy())
    path = Path(data).expanduser()
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        said = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"the file {path} {said}", hint=did_you_mean(path.name, beside) if beside else None)
    kind = format_by_ending(path)
    if kind is None:
        raise DataError(
            f"the ending of {path.name} tells no format", hint=f"endings that are known: {', '.join(ENDINGS)}"
        )
    try:
        return _scan(path, kind)
    except (pl.exceptions.PolarsError, OSError, ValueError, UnicodeError) as error:
        raise _unreadable(path.name, kind, error) from error


def _unreadable(name: str, kind: str, error: Exception) -> DataError:
    """What is wrong with a file, and what to do about it."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, UnicodeError) or "utf-8" in first.lower() or "utf8" in first.lower():
        how = f"if it is Latin-1, as Excel writes it: iconv -f CP1252 -t UTF-8 {shlex.quote(name)} > utf8.csv"
        return DataError(f"{name} is not text in UTF-8: {first}", hint=how)
    hint = "give every column a name of its own" if "twice" in first else "is it whole, and of that kind?"
    return DataError(f"{name} cannot be read as {kind}: {first}", hint=hint)


def _scan(path: Path, kind: str) -> Scanned:
    if kind == "csv":
        rows, columns, flaws = csv_rows(path, ())
        rows = rows if flaws is None else _without(rows, flaws)
    elif kind == "jsonl":
        found = survey(path)
        rows, columns, flaws = jsonl_rows(path, found), found.names, found.flaws
    else:
        rows = pl.scan_parquet(path, glob=False)
        columns, flaws = tuple(rows.collect_schema().names()), None
    notes: tuple[str, ...] = ()
    if flaws is not None:
        notes = (f"{flaws.height:,} lines are broken (e.g. row {flaws['_position'][0]}: {flaws['_flaw'][0]})",)
    return Scanned(columns, rows, notes, path)


def _without(rows: pl.LazyFrame, flaws: pl.DataFrame) -> pl.LazyFrame:
    """Rows whose lines are whole: values of a line with fields too many or too few may stand in the wrong columns.

    Where most lines are so, as with a separator at the end of each, they are read as far as the header goes."""
    if 2 * flaws.height > rows.select(pl.len()).collect(engine="streaming").item():
        return rows
    whole = ~pl.col("_row").is_in((flaws["_position"] - 1).to_list())
    return rows.with_row_index("_row").filter(whole).drop("_row")


def sampled(found: Scanned, most: int, key: str | None) -> tuple[pl.DataFrame, int, list[str]]:
    """The rows, or an even sample of them (of whole keys where there is a key), how many there were, and notes."""
    try:
        total = int(found.rows.select(pl.len()).collect(engine="streaming").item())
        most = max(min(most, MOST_CELLS // max(len(found.columns), 1)), LEAST_SAMPLE)
        if total <= most:
            return found.rows.collect(engine="streaming"), total, []
        number = (
            pl.int_range(pl.len(), dtype=pl.UInt64)
            if key is None
            else pl.col(key).rank("dense").fill_null(0).cast(pl.UInt64)
        )
        kept = (number * _GOLDEN) % 2**32 < int(most / total * 2**32)
        index = found.rows.select(kept.alias("kept")).collect()["kept"]
        frame = _taken(found, index)
    except pl.exceptions.PolarsError as error:
        raise _unreadable("the table" if found.path is None else found.path.name, "a table", error) from error
    what = "rows" if key is None else f"rows (whole keys of '{key}')"
    return frame, total, [f"{frame.height:,} of {total:,} {what} were drawn evenly, and all figures are about them"]


def _taken(found: Scanned, kept: pl.Series) -> pl.DataFrame:
    """The rows that are kept, batch by batch, so that the others are never together in memory."""
    parts: list[pl.DataFrame] = []
    at = 0
    for batch in found.rows.collect_batches(chunk_size=50_000, maintain_order=True):
        parts.append(batch.filter(kept[at : at + batch.height]))
        at += batch.height
    return pl.concat(parts)
