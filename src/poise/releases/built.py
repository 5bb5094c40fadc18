"""What a snapshot of the online state was built from: enough to tell whether it still holds, without Polars."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poise.formats import CURRENT, migrate
from poise.stores.base import Declaration

BUILT = "built.json"


@dataclass(frozen=True, slots=True)
class Built:
    """What a snapshot was built from. `now` is the largest known time of any row, where a replay clock starts."""

    declarations: str
    versions: Mapping[str, int]
    now: int

    def write(self, folder: Path) -> None:
        """Put it beside the snapshot."""
        content = {
            "format": CURRENT["snapshot"],
            "declarations": self.declarations,
            "versions": dict(self.versions),
            "now": self.now,
        }
        (folder / BUILT).write_text(json.dumps(content, sort_keys=True), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Built | None:
        """What stands beside a snapshot; None where there is none, or nothing that can be read: it is built again."""
        path = folder / BUILT
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(written, dict) or not {"declarations", "versions", "now"} <= written.keys():
            return None
        content = migrate("snapshot", written, where=str(path))
        return cls(content["declarations"], content["versions"], content["now"])


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
    found = {}
    for table in sorted(tables.iterdir()):
        numbers = [int(log.stem) for log in (table / "_delta_log").glob("*.json") if log.stem.isdigit()]
        if numbers:
            found[table.name] = max(numbers)
    return found
