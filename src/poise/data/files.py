"""Finding what a source's `path` means: one file, a folder or a pattern; each file's format and fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from deltalake import DeltaTable

from poise.errors import DataError, did_you_mean
from poise.spec.source import FileFormat, Source

ENDINGS: dict[str, FileFormat] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonl.gz": "jsonl",
}
"""Which format a file has, by its ending; `.json` is not there, since it is mostly one document, not lines."""


class NoFile(DataError):
    """There is nothing where a source's path leads."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. `path` is absolute; `shown` is as the system file would write it."""

    path: Path
    format: FileFormat
    shown: str


def files_of(name: str, source: Source, base: Path) -> tuple[list[SourceFile], list[str]]:
    """The files of source `name`, in order of their names, and the names of files that were passed over.

    Relative paths are relative to `base`, the folder of the system file. Hidden files (`.x`, `_x`) are passed over in
    silence. Raises `NoFile` where nothing is found, `DataError` where the format cannot be told.
    """
    path = base / Path(source.path).expanduser()
    where = f"sources.{name}.path"
    if has_magic(source.path) and not path.exists():
        found = [Path(p) for p in sorted(glob(str(path), recursive=True)) if Path(p).is_file()]
        if not found:
            raise NoFile(f"source '{name}': no file matches {source.path} in {base}", where=where)
        return _with_formats(name, source, found, base)
    if not path.exists():
        beside = (
            sorted(p.name for p in path.parent.iterdir() if not p.name.startswith(".")) if path.parent.is_dir() else []
        )
        hint = did_you_mean(path.name, beside) if beside else f"the folder {path.parent} does not exist either"
        raise NoFile(f"source '{name}': there is no file {source.path} in {base}", where=where, hint=hint)
    if source.format == "delta" or (path / "_delta_log").is_dir():
        return [SourceFile(path, "delta", source.path)], []
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
        if not found:
            raise NoFile(f"source '{name}': the folder {source.path} has no files", where=where)
        return _with_formats(name, source, found, base)
    kind = source.format or format_by_ending(path)
    if kind is None:
        hint = f"write 'format: csv' beside it; endings that are known: {', '.join(ENDINGS)}"
        raise DataError(f"source '{name}': the ending of {source.path} tells no format", where=where, hint=hint)
    return [SourceFile(path, kind, source.path)], []


def format_by_ending(path: Path) -> FileFormat | None:
    """The format of a file by its ending, or None.

    >>> format_by_ending(Path("a/orders.csv.gz"))
    'csv'
    """
    name = path.name.lower()
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)


def fingerprint(file: SourceFile) -> str:
    """What the file's content is, for telling an unchanged one at once: SHA-256, or a Delta table's id and version."""
    if file.format == "delta":
        table = DeltaTable(str(file.path))
        return f"delta:{table.metadata().id}:{table.version()}"
    with file.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _with_formats(name: str, source: Source, found: list[Path], base: Path) -> tuple[list[SourceFile], list[str]]:
    files: list[SourceFile] = []
    passed: list[str] = []
    for path in found:
        kind = source.format or format_by_ending(path)
        shown = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
        if kind is None or kind == "delta":
            passed.append(shown)
        else:
            files.append(SourceFile(path, kind, shown))
    if not files:
        hint = f"endings that are known: {', '.join(ENDINGS)}; or write 'format:'"
        raise DataError(f"source '{name}': no file of {source.path} has a known format", hint=hint)
    return files, passed
