"""JSON lines: one object per line; every value is read as its text, so that a bad one costs its row only."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

FLAWS = {"_position": pl.Int64, "_flaw": pl.String, "_line": pl.String}
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def survey(path: Path) -> tuple[tuple[str, ...], pl.DataFrame | None]:
    """The names of all columns, and the lines that are not JSON objects: `_position`, `_flaw` and `_line`.

    Blank lines are no rows and have no position.
    """
    names: dict[str, None] = {}
    bad: list[tuple[int, str, str]] = []
    for position, line in enumerate(_lines(path), 1):
        try:
            names.update(dict.fromkeys(_OBJECT.decode(line)))
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            bad.append((position, f"the line is not a JSON object: {error}", line.decode("utf-8", "replace").strip()))
    if not names and not bad:
        raise ValueError("empty file")
    return tuple(names), pl.DataFrame(bad, schema=FLAWS, orient="row") if bad else None


def jsonl_rows(path: Path, names: tuple[str, ...], flaws: pl.DataFrame | None) -> pl.LazyFrame:
    """The rows lazily, every column a string; a broken line is a row of missing values, so that positions stay."""
    broken = set() if flaws is None else set(flaws["_position"].to_list())
    source: Path | io.BytesIO = path
    if broken or path.name.endswith(".gz"):
        source = io.BytesIO(b"".join(b"{}\n" if n in broken else line for n, line in enumerate(_lines(path), 1)))
    return pl.scan_ndjson(source, schema={column: pl.String() for column in names})


def _lines(path: Path) -> Iterator[bytes]:
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as stream:
        for line in stream:
            if line.strip():
                yield line
