"""How models are written: JSON and NumPy arrays, never pickles; the same content gives the same bytes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import StateError
from poise.formats import CURRENT, migrate


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` and its format, in a fixed layout. Floats keep every bit (the shortest that reads alike)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"format": CURRENT["model"], **content}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that `write_json` wrote, brought to the current format.

    Raises `StateError` where it is absent, not an object, or of a newer format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(f"the model's file cannot be read: {error}", where=path.name) from error
    if not isinstance(content, dict):
        raise StateError("the model's file holds no JSON object", where=path.name)
    return migrate("model", content, where=path.name)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as a compressed `.npz`; entries carry no time stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())})  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read arrays that `write_arrays` wrote, without pickles. Raises `StateError` where that fails."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StateError(f"the model's arrays cannot be read: {error}", where=path.name) from error
