"""Rows of files that came beside a server, as files that it can read without what reads the lake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poise.data import rows_file
from poise.data.beside import Change
from poise.data.lake import Lake
from poise.data.prints_in_polars import frame_prints
from poise.spec.system import SystemSpec

PART = 10_000
"""Rows per file, at most: what the server takes in between two answers, which wait for that long."""


def clear(folder: Path) -> None:
    """Delete the files that a process which ended has left in `folder`, whole ones and drafts."""
    for pattern in ("lake-*.npz", ".lake-*.npz.*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def write_parts(
    lake: Lake, system: SystemSpec, change: Change, columns: Sequence[str], folder: Path
) -> list[tuple[Path, int]]:
    """Write the rows of a change to files in `folder`, in order of arrival, with `columns` and the prints of their
    identities; the files, each with the `_seq` of its last row. `poise.data.rows_file.read` reads one."""
    spec, paths = system.sources[change.source], []
    wanted = [*columns, *spec.identity, *(spec.columns if spec.kind == "table" else ())]
    for after, upto in change.seqs:
        for start in range(after, upto, PART):
            end = min(start + PART, upto)
            path = folder / f"lake-{change.source}-{start + 1}-{end}.npz"
            rows = lake.history(system, change.source, columns, change.versions[1], after=start, upto=end)
            frame = lake.read(change.source, list(dict.fromkeys(wanted)), change.versions[1], after=start, upto=end)
            prints = frame_prints(spec, frame)
            rows_file.write(path, rows, None if prints is None else prints.prints)
            paths.append((path, end))
    return paths
