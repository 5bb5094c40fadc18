"""JSON lines: one object per line; every value is read as its text, so that a bad one costs its row only."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from poise.data.beyond import may_be_beyond, mended, readable

FLAWS = {"_position": pl.Int64, "_flaw": pl.String, "_line": pl.String}
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds: the names of all columns, and the lines that are not JSON objects.

    flaws: `_position`, `_flaw` and `_line` of those, or None. instead: by position what is read in place of a line that
    Polars cannot read; nothing in place of one that is broken, so that positions stay.
    """

    names: tuple[str, ...]
    flaws: pl.DataFrame | None
    instead: Mapping[int, bytes]


def survey(path: Path) -> Survey:
    """Look at every line. Blank lines are no rows and have no position. Raises `ValueError` where there is none."""
    names: dict[str, None] = {}
    bad: list[tuple[int, str, str]] = []
    instead: dict[int, bytes] = {}
    for position, line in enumerate(_lines(path), 1):
        try:
            names.update(dict.fromkeys(_OBJECT.decode(line)))
            if may_be_beyond(line) and readable(line):
                instead[position] = mended(line) + b"\n"
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
            bad.append((position, f"the line is not a JSON object: {error}", line.decode("utf-8", "replace").strip()))
            instead[position] = b"{}\n"
    if not names and not bad:
        raise ValueError("empty file")
    return Survey(tuple(names), pl.DataFrame(bad, schema=FLAWS, orient="row") if bad else None, instead)


def jsonl_rows(path: Path, found: Survey) -> pl.LazyFrame:
    """The rows lazily, every column a string; a broken line is a row of missing values."""
    source: Path | io.BytesIO = path
    if found.instead or path.name.endswith(".gz"):
        source = io.BytesIO(b"".join(found.instead.get(n, line) for n, line in enumerate(_lines(path), 1)))
    return pl.scan_ndjson(source, schema={column: pl.String() for column in found.names})


def _lines(path: Path) -> Iterator[bytes]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as stream:
        for line in stream:
            if line.strip():
                yield line
