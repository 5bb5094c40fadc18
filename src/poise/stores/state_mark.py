"""Whether an SQLite file was written to, told in microseconds: opening it to ask takes a hundred times as long."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy.engine.url import make_url

SETTLED = 0.1
"""Seconds after a write from which on the times of files tell it from a later one: they move in steps of some ms."""
Mark = tuple[tuple[int, int, int] | None, ...]


def file_of(url: str) -> Path | None:
    """The SQLite file of a database address, None for what is no file.

    >>> file_of("sqlite:////var/lib/shop/state.db"), file_of("postgresql://shop")
    (PosixPath('/var/lib/shop/state.db'), None)
    """
    address = make_url(url)
    name = address.database
    if address.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def mark_of(file: Path | None) -> Mark | None:
    """A mark that stays the same as long as nobody writes to the file or its write-ahead log.

    None where that cannot be told: the file is gone, or was written to just now.
    """
    if file is None:
        return None
    found: list[tuple[int, int, int] | None] = []
    for path in (str(file), f"{file}-wal"):
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            found.append(None)
        except OSError:
            return None
        else:
            if abs(time.time() - seen.st_mtime) < SETTLED:
                return None
            found.append((seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return tuple(found) if found[0] is not None else None
