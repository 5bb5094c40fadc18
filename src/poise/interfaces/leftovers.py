"""Where an id still stands in the files of a home: in bytes as they are, and in those that Parquet packs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

SHORTEST = 4
"""Characters of an id that is looked for among bytes: a shorter one stands in any file by chance."""
_CHUNK = 1 << 22


def still_named(home: Path, lake: Path, id: str) -> list[str]:
    """The files under `home` and `lake` that hold `id`, as paths within them; a release may have learned its name.

    >>> import tempfile; folder = tempfile.TemporaryDirectory(); at = Path(folder.name)
    >>> _ = (at / "a.json").write_text('{"id": "user-17"}')
    >>> pl.DataFrame({"x": ["user-17"]}).write_parquet(at / "b.parquet")
    >>> still_named(at, at / "lake", "user-17"), still_named(at, at / "lake", "user-18")
    (['a.json', 'b.parquet'], [])
    >>> folder.cleanup()
    """
    return sorted(
        file.relative_to(root).as_posix()
        for root in ([home] if lake.is_relative_to(home) else [home, lake])
        for file in _files(root)
        if _in_values(file, id) or (len(id) >= SHORTEST and _in_bytes(file, id.encode()))
    )


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def _in_values(file: Path, id: str) -> bool:
    """Whether a Parquet file has a text that is the id, or holds it in JSON."""
    if file.suffix != ".parquet" or file.parent.name == "_delta_log":
        return False
    texts = pl.read_parquet(file, glob=False).select(pl.col(pl.String))
    told = pl.any_horizontal((pl.all() == id) | pl.all().str.contains(f'"{id}"', literal=True))
    return bool(texts.width) and bool(texts.select(told.any()).item())


def _in_bytes(file: Path, id: bytes) -> bool:
    kept = b""
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            if id in kept + chunk:
                return True
            kept = chunk[-len(id) :]
    return False
