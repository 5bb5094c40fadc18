"""What a snapshot of the online state was built from: enough to tell whether it still holds, without Polars.

Beside it stand the known ids of every source, as of the same rows of the lake.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from poise.data.delta_log import APP, commits, newest
from poise.data.known_ids import KnownIds
from poise.formats import CURRENT, migrate
from poise.stores.base import Declaration

BUILT = "built.json"
KEPT_FOR = "kept_for"
"""The file of a journal's folder that says for which snapshot its rows are kept."""
TOKEN = "built"
"""The note of a snapshot that says with which `Built` it goes."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a snapshot was built from.

    declarations: what it keeps. versions: per source the version of its accepted rows. now: where a replay clock
    starts, just after the newest row. seqs: per source the `_seq` of the last row. journal: the id of the journal, ''
    where there is none; positions: per source up to where its rows are in this. token: names the snapshot it goes with.
    """

    declarations: str
    versions: Mapping[str, int]
    now: int
    seqs: Mapping[str, int] = field(default_factory=dict)
    journal: str = ""
    positions: Mapping[str, int] = field(default_factory=dict)
    token: str = ""

    def write(self, folder: Path) -> None:
        """Put it beside the snapshot, in one step; the known ids of earlier ones go."""
        put(folder / BUILT, json.dumps({"format": CURRENT["built"], **asdict(self)}, sort_keys=True))
        for other in folder.glob("ids-*.npy"):
            if not other.name.startswith(f"ids-{self.token}-"):
                other.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Built | None:
        """What stands beside a snapshot; None where there is none, or nothing that can be read: it is built again."""
        path = folder / BUILT
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(written, dict) or not set(cls.__slots__) <= written.keys():
            return None
        content = migrate("built", written, where=str(path))
        return cls(**{name: content[name] for name in cls.__slots__})

    def ids_file(self, folder: Path, source: str) -> Path:
        """Where the known ids of a source are."""
        return ids_file(folder, self.token, source)

    def known_ids(self, folder: Path, expected: Collection[str] = ()) -> dict[str, KnownIds]:
        """The known ids per source that has identities. Raises `StateError` where they cannot be read, or those of an
        expected source are gone: rows that came before would count as new."""
        found = {name: self.ids_file(folder, name) for name in self.versions}
        return {name: KnownIds.load(file) for name, file in found.items() if name in expected or file.exists()}

    def goes_with(self, notes: Mapping[str, str | int]) -> bool:
        """Whether a snapshot with these notes is the one that this describes."""
        return bool(self.token) and notes.get(TOKEN) == self.token

    def position(self, journal: str, source: str) -> int:
        """Up to where the rows of a source in that journal are in the snapshot."""
        return self.positions.get(source, 0) if self.journal == journal else 0

    def holds(self, lake: str, journal: Path | None = None, id: str = "") -> bool:
        """Whether nothing is in the lake that is neither in the snapshot nor still in the journal `id`.

        journal: the folder of the journal that this server holds, None where it has none.
        """
        present = local_versions(lake)
        if self.versions == present:
            return True
        if journal is None or kept_for(journal) != self.declarations or not self.versions.keys() <= present.keys():
            return False
        return all(
            _came_from(Path(lake) / "accepted" / name, self.versions.get(name, -1), version, APP + id)
            for name, version in present.items()
        )


def _came_from(table: Path, after: int, upto: int, app: str) -> bool:
    """Whether every row that a table got since version `after` came from the journal `app`, and none went."""
    since = commits(table, after, upto)
    return since is not None and all(app in commit.positions or commit.keeps_rows for commit in since)


def kept_for(journal: Path) -> str | None:
    """For which snapshot (by what it keeps, `fingerprint`) a journal keeps the rows that are not in it yet."""
    try:
        return (journal / KEPT_FOR).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def keep_for(journal: Path, declarations: str) -> None:
    """Say so, before the first row is dropped."""
    if kept_for(journal) != declarations:
        put(journal / KEPT_FOR, declarations)


def ids_file(folder: Path, token: str, source: str) -> Path:
    """Where the known ids of a source are that go with the snapshot `token`."""
    return folder / f"ids-{token}-{source}.npy"


def put(path: Path, text: str) -> None:
    """Write a small file in one step, on disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def fingerprint(declarations: tuple[Declaration, ...]) -> str:
    """A short hash of what a store keeps: equal declarations, equal fingerprint."""
    text = "\n".join(sorted(map(repr, declarations)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def local_versions(lake: str) -> dict[str, int]:
    """Source -> version of its accepted rows in a lake on this machine's disk, by the names of Delta's log files.

    Empty for a lake elsewhere: then a snapshot is always built anew.
    """
    tables = Path(lake) / "accepted"
    if "://" in lake or not tables.is_dir():
        return {}
    found = {table.name: newest(table) for table in sorted(tables.iterdir())}
    return {name: version for name, version in found.items() if version is not None}
