"""Rows of files that came beside a server, as files that it can read without what reads the lake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poise.data import rows_file
from poise.data.beside import Change
from poise.data.lake import Lake
from poise.data.prints_in_polars import frame_prints
from poise.spec.system import SystemSpec

TAKE_UP = "take up"
"""The act in the history that says from when the answers of a server saw rows of files that came beside it."""
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


def taken_up(change: Change, seen: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Which rows of a change answers saw from when: (after, upto, instant) for those whose `_seq` is above the one and
    not above the other. seen: `_seq` of the last row of each part, in order of arrival, and the instant (microseconds).

    >>> taken_up(Change("orders", (3, 5), ((9, 12), (20, 21)), rewritten=False), [(11, 700), (12, 800), (21, 900)])
    [(9, 11, 700), (11, 12, 800), (20, 21, 900)]
    """
    found: list[tuple[int, int, int]] = []
    before = -1
    for upto, instant in seen:
        after = next(start for start, end in change.seqs if start < upto <= end)
        found.append((max(after, before), upto, instant))
        before = upto
    return found
