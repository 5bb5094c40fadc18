"""Typed rows in a file that NumPy alone reads: how rows get from a process that reads the lake to one that answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import Hashes
from poise.table import Column, History, Table


def write(path: Path, rows: History, prints: Hashes | None) -> None:
    """Write `rows` with the prints of their identities, shape (n,), or None where they have none.

    Raises `OSError` where the disk does not take it; then nothing is left of it.
    """
    arrays: dict[str, NDArray[Any]] = {"time": rows.time, "known": rows.known}
    if rows.first is not None:
        arrays["first"] = rows.first
    if prints is not None:
        arrays["prints"] = prints
    kinds = {}
    for number, (name, column) in enumerate(rows.rows.items()):
        kinds[name] = column.kind
        arrays[f"values{number}"] = column.values
        if column.levels is not None:
            arrays[f"levels{number}"] = _bytes(json.dumps(column.levels.tolist()))
    arrays["about"] = _bytes(json.dumps({"source": rows.source, "kind": rows.kind, "columns": kinds}))
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # a full disk is not filled further by what did not fit


def read(path: Path) -> tuple[History, Hashes | None]:
    """What `write` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        columns = {}
        for number, (name, kind) in enumerate(about["columns"].items()):
            values = arrays[f"values{number}"]
            if kind == "string":
                columns[name] = Column.coded(values, json.loads(arrays[f"levels{number}"].tobytes()))
            else:
                columns[name] = Column(kind, values)
        first = arrays.get("first")
        prints = arrays.get("prints")
        table = Table(columns, len(arrays["time"]))
        return History(about["source"], about["kind"], arrays["time"], arrays["known"], table, first), prints


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)
