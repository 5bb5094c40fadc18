"""A snapshot on disk: one file of arrays and one of JSON that names it, replaced in one step.

The JSON is written last, under another name, and then renamed: a reader finds the old snapshot or the new one, whole,
whenever the writer dies.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import PoiseError, StateError
from poise.formats import CURRENT, migrate

NAME = "snapshot.json"


def write(folder: Path, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `content` and `arrays` to `folder`, made where it is absent; an earlier snapshot there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    name = f"arrays-{digest[:16]}.npz"
    _put(folder / name, buffer.getbuffer())
    whole = {"format": CURRENT["snapshot"], "arrays": name, "sha256": digest, **content}
    _put(folder / NAME, json.dumps({**whole, "seal": _seal(whole)}, allow_nan=False).encode())
    for other in folder.glob("arrays-*.npz"):
        if other.name != name:
            other.unlink(missing_ok=True)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The content and the arrays of a snapshot. Raises `StateError` where it is absent, cut off or changed."""
    try:
        content = json.loads((folder / NAME).read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is not an object")
        if content.pop("seal", None) != _seal(content):
            raise ValueError(f"{NAME} is not what was written")
        content = migrate("snapshot", content, where=str(folder / NAME))
        stored = (folder / content["arrays"]).read_bytes()
        if hashlib.sha256(stored).hexdigest() != content["sha256"]:
            raise ValueError("its arrays are not those that were written")
        with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
            return content, {name: arrays[name] for name in arrays.files}
    except PoiseError:
        raise
    except FileNotFoundError as error:
        raise StateError(
            f"there is no whole snapshot: {Path(error.filename).name} is absent", where=str(folder)
        ) from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise StateError(
            f"the snapshot cannot be read: {error}",
            where=str(folder),
            hint="remove the folder; the state is then filled from the lake again",
        ) from error


def _seal(content: Mapping[str, Any]) -> str:
    """A checksum of the JSON itself."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _put(path: Path, data: bytes | memoryview) -> None:
    """Write a file beside its place, sync it, and rename it into place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
