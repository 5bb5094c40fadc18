"""The release folder: built beside its place, sealed with a hash of every file, moved in whole, verified at each load.

| file | what |
|---|---|
| `release.json` | name, system, when, of which candidate, the verdict |
| `system.yaml` | the system file as it was read |
| `contract.json` | what callers send and get |
| `models/<objective>/` | text models and arrays; no pickles |
| `judged/<objective>/` | the same as it was judged, where it was learned again afterwards |
| `profile.json` | what it was trained and judged on, for monitoring |
| `evidence.json`, `report.html` | what was measured, for programs and for people |
| `manifest.json` | path -> size and SHA-256 of every other file |

A candidate has the same layout; a release is a candidate that was judged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.errors import PoiseError, StateError, Tampered
from poise.formats import CURRENT, migrate
from poise.releases.plain_json import read_json, to_json

MANIFEST = "manifest.json"
_CHUNK = 1 << 20


@contextmanager
def building(path: Path, *, start: Path | None = None) -> Iterator[Path]:
    """A temporary folder beside `path`; on leaving it is sealed and moved to `path`, or removed if anything failed.

    start: a sealed folder to begin with a verified copy of (a candidate on its way to being a release).
    Raises `StateError` where `path` exists already: a release is never written over.
    """
    _refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        if start is not None:
            _copy(start, work)
        yield work
        seal(work)
        _move(work, path)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def seal(folder: Path) -> str:
    """Write the manifest of `folder`, make its files read-only and flush everything to disk.

    Returns the seal, the SHA-256 of the manifest itself: whoever keeps it elsewhere (the state database does) can tell
    a folder whose files *and* manifest were changed. Raises `StateError` for links and special files.
    """
    listed = {name: _describe(folder / name) for name in _files(folder)}
    text = to_json({"format": CURRENT["manifest"], "files": listed})
    manifest = folder / MANIFEST
    manifest.unlink(missing_ok=True)
    manifest.write_text(text, encoding="utf-8")
    for name in (*listed, MANIFEST):
        os.chmod(folder / name, 0o444)
        _flush(folder / name)
    for inner in (*(p for p in folder.rglob("*") if p.is_dir()), folder):
        os.chmod(inner, 0o755)
        _flush(inner)
    return hashlib.sha256(text.encode()).hexdigest()


def verify(folder: Path, *, seal: str | None = None) -> str:
    """Check every file of `folder` against its manifest, and the manifest against `seal` if given; returns the seal.

    Raises `Tampered`, naming the first file that was changed, removed or added.
    """
    where = str(folder)
    content = migrate("manifest", read_json(folder / MANIFEST), where=where)
    found_seal = _sha256(folder / MANIFEST)
    if seal is not None and found_seal != seal:
        raise Tampered(f"{MANIFEST} is not the one that was sealed", where=where, hint=_REPLACE)
    listed, present = content.get("files"), set(_files(folder, Tampered))
    if not isinstance(listed, dict):
        raise Tampered(f"{MANIFEST} lists no files", where=where, hint=_REPLACE)
    for name in sorted({*listed, *present}):
        if name not in present:
            raise Tampered(f"{name} is missing", where=where, hint=_REPLACE)
        if name not in listed:
            raise Tampered(f"{name} was added after sealing", where=where, hint=_REPLACE)
        if _describe(folder / name) != listed[name]:
            raise Tampered(f"{name} was changed after sealing", where=where, hint=_REPLACE)
    return found_seal


_REPLACE = "restore the folder from a copy, or release again"


@dataclass(frozen=True)
class ReleaseFolder:
    """A verified folder of a release or a candidate. `release` is the content of `release.json`, `seal` its seal."""

    path: Path
    release: dict[str, Any]
    seal: str

    @classmethod
    def open(cls, path: Path, *, seal: str | None = None) -> ReleaseFolder:
        """The folder at `path`, verified. Raises `StateError` where there is none, `Tampered` where it was changed."""
        if not path.is_dir():
            raise StateError(f"there is no release at {path}", hint="`poise history` lists the releases")
        found = verify(path, seal=seal)
        return cls(path, migrate("release", read_json(path / "release.json"), where=str(path)), found)

    @property
    def name(self) -> str:
        """Its name, as it was sealed: `r3`, `c7`."""
        return str(self.release.get("name", self.path.name))

    @property
    def system_file(self) -> Path:
        """The system file as it was read when this was trained."""
        return self.path / "system.yaml"

    def model(self, objective: str) -> Path:
        """Folder of the model of `objective`. Raises `StateError` where this release has none."""
        folder = self.path / "models" / objective
        if not folder.is_dir():
            raise StateError(f"release {self.name} has no model of the objective '{objective}'", where=str(self.path))
        return folder

    def judged_model(self, objective: str) -> Path:
        """Folder of the model of `objective` as it was judged: that of `model`, unless it was learned again since."""
        folder = self.path / "judged" / objective
        return folder if folder.is_dir() else self.model(objective)

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder, e.g. `contract` or `evidence`, brought to the current format of its kind."""
        return migrate(name, read_json(self.path / f"{name}.json"), where=str(self.path / f"{name}.json"))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum((self.path / name).stat().st_size for name in (*_files(self.path), MANIFEST))


def _files(folder: Path, error: type[PoiseError] = StateError) -> list[str]:
    """Relative POSIX paths of all files but the manifest, sorted. Links would let content escape the seal."""
    names = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise error(f"{name} is a link or a special file; a release holds plain files", where=str(folder))
        if path.is_file() and name != MANIFEST:
            names.append(name)
    return sorted(names)


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise Tampered(f"{path.name} cannot be read: {error.strerror}", where=str(path.parent)) from error
    return digest.hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(start: Path, work: Path) -> None:
    """A writable copy of a sealed folder without its manifest."""
    verify(start)
    for name in _files(start):
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(start / name, target)


def _move(work: Path, path: Path) -> None:
    _refuse_existing(path)
    try:
        work.rename(path)  # fails where a non-empty folder came to stand there meanwhile: nothing is written over
    except OSError as error:
        raise StateError(f"{path} could not be put in place: {error.strerror}") from error
    _flush(path.parent)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise StateError(f"{path} exists already; a release is never written over", hint="take the next name")
