"""Reading a file in batches of rows as they came, in order, each with its number in the file.

Every format gives the same `Batch`; nothing is typed here. CSV and JSON lines come as strings, so that a bad value
costs one row and never the file. A file is read once for all sources that share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl
from deltalake.exceptions import DeltaError

from poise.data import delta
from poise.data.files import SourceFile
from poise.data.reading_csv import csv_rows
from poise.data.reading_jsonl import jsonl_rows, survey
from poise.errors import DataError, did_you_mean

POSITION = "_position"
"""The row's number in its file, from 1; a CSV's header is not counted."""
FLAW = "_flaw"
"""What is wrong with the line as a whole (a sentence), where it is: too many fields, not JSON."""
LINE = "_line"
"""The text of such a line."""
BATCH = 1_000_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read: its column names, the rows lazily, and the lines that are broken as a whole."""

    file: SourceFile
    columns: tuple[str, ...]
    rows: pl.LazyFrame
    flaws: pl.DataFrame | None
    """`_position`, `_flaw` (what is wrong) and `_line` (as it came) of broken lines, or None where there are none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file as they came, with `_position`, and with `_flaw` and `_line` where lines of it are broken.

    `text` says that they come from a CSV, where the empty string and `NA` are missing.
    """

    frame: pl.DataFrame
    text: bool


def opened(name: str, file: SourceFile, wanted: Iterable[str]) -> Opened:
    """Open `file` for source `name`; `wanted` are the columns to look for. Raises `DataError` if it cannot be read."""
    try:
        return _open(file, list(wanted))
    except (pl.exceptions.PolarsError, OSError, ValueError, UnicodeError, DeltaError) as error:
        raise unreadable(name, file, error) from error


def require(name: str, found: Opened, columns: Iterable[str]) -> None:
    """Raise `DataError` where the file lacks one of the `columns` that source `name` declares."""
    absent = [column for column in columns if column not in found.columns]
    if absent:
        listed = ", ".join(f"'{column}'" for column in absent)
        noun = "column" if len(absent) == 1 else "columns"
        hint = did_you_mean(absent[0], found.columns)
        raise DataError(f"source '{name}': {found.file.shown} has no {noun} {listed}", where=_where(name), hint=hint)


def batches(name: str, found: Opened, wanted: Iterable[str], size: int = BATCH) -> Iterator[Batch]:
    """The rows of an opened file, `size` at a time, with the columns `wanted` only."""
    lazy = found.rows.select(*dict.fromkeys(wanted)).with_row_index(POSITION, offset=1)
    lazy = lazy.with_columns(pl.col(POSITION).cast(pl.Int64))
    try:
        for frame in lazy.collect_batches(chunk_size=size, maintain_order=True):
            if frame.height:
                yield Batch(_with_flaws(frame, found.flaws), found.file.format == "csv")
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise unreadable(name, found.file, error) from error


def unreadable(name: str, file: SourceFile, error: Exception) -> DataError:
    """The sentence for a file that cannot be read; the library's own first line is kept."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    message = f"source '{name}': {file.shown} cannot be read as {file.format}: {first}"
    hints = {
        "utf": "files must be UTF-8; convert it, e.g. with iconv",
        "empty": "the file is empty",
    }
    hint = next((text for word, text in hints.items() if word in first.lower()), "is its 'format:' right, is it whole?")
    return DataError(message, where=_where(name), hint=hint)


def _open(file: SourceFile, wanted: list[str]) -> Opened:
    path = str(file.path)
    if file.format == "csv":
        rows, columns, flaws = csv_rows(file.path, wanted)
        return Opened(file, columns, rows, flaws)
    if file.format == "jsonl":
        found = survey(file.path)
        return Opened(file, found.names, jsonl_rows(file.path, found), found.flaws)
    rows = pl.scan_delta(delta.table(path)) if file.format == "delta" else pl.scan_parquet(path, glob=False)
    return Opened(file, tuple(rows.collect_schema().names()), rows, None)


def _with_flaws(frame: pl.DataFrame, flaws: pl.DataFrame | None) -> pl.DataFrame:
    if flaws is None or not flaws.height:
        return frame
    return frame.join(flaws, on=POSITION, how="left", maintain_order="left")


def _where(name: str) -> str:
    return f"sources.{name}.path"
