"""CSV: every field is read as the string it came as. Lines of the wrong number of fields are found beforehand.

The separator is the one of `,`, `;`, tab and `|` that makes most of the declared columns out of the header.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import polars as pl

SEPARATORS = (",", ";", "\t", "|")


def header(path: Path, wanted: Iterable[str]) -> tuple[list[str], str]:
    """The column names of the first line, and the separator. Raises `ValueError` for an empty file."""
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
        first = stream.readline()
    lines = [next(csv.reader([first], delimiter=separator), []) for separator in SEPARATORS]
    if not any(lines):
        raise ValueError("empty file, not even a header")
    best = max(range(len(SEPARATORS)), key=lambda i: (len(set(wanted) & set(lines[i])), len(lines[i]), -i))
    return lines[best], SEPARATORS[best]


def csv_rows(path: Path, wanted: Iterable[str]) -> tuple[pl.LazyFrame, tuple[str, ...], pl.DataFrame | None]:
    """The rows lazily (every column a string), the names of all columns, and the broken lines."""
    names, separator = header(path, wanted)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the header names the column '{twice[0]}' twice")
    rows = pl.scan_csv(
        path,
        separator=separator,
        infer_schema=False,
        empty_string_is_null=False,
        truncate_ragged_lines=True,
        glob=False,
    )
    return rows, tuple(rows.collect_schema().names()), _flaws(path, separator, len(names))


def _flaws(path: Path, separator: str, width: int) -> pl.DataFrame | None:
    """The rows whose lines have too many or too few fields: `_position`, `_flaw` and the `_line` itself.

    Fields are counted per line with quoted parts taken out. In a file where a quoted field spans lines, rows and lines
    do not go together, so there the count is not made: short lines read as missing values.
    """
    if width == 1:
        return None
    line = pl.col("_line")
    lines = pl.scan_lines(path, name="_line", row_index_name="_position", glob=False)
    spans = (line.str.count_matches('"', literal=True) % 2 == 1).any()
    if lines.select(spans).collect(engine="streaming").item():
        return None
    fields = line.str.replace_all(r'"[^"]*"', "").str.count_matches(separator, literal=True) + 1
    bad = lines.filter((fields != width) & (pl.col("_position") > 0)).select(
        pl.col("_position").cast(pl.Int64),
        fields.alias("_flaw"),
        line,
    )
    # Worded in one chunk: pl.format panics where a filtered column keeps an empty chunk (Polars 2.1).
    worded = pl.format("the line has {} fields and the header {}", pl.col("_flaw"), pl.lit(width))
    found = bad.collect(engine="streaming").rechunk().with_columns(worded.alias("_flaw"))
    return found if found.height else None
