"""The online state of a system, built from the lake: what a server needs to answer without reading it.

A snapshot belongs to what features declare and to the versions of the tables it was built from; both stand in its
`built.json`, so that a server can tell whether it still holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poise.data.lake import Lake
from poise.formats import CURRENT, migrate
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration, JoinedKey, OnlineStore, RowDeclaration
from poise.table import History

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
        """What stands beside a snapshot; None where there is none."""
        path = folder / BUILT
        if not path.exists():
            return None
        content = migrate("snapshot", json.loads(path.read_text(encoding="utf-8")), where=str(path))
        return cls(content["declarations"], content["versions"], content["now"])


def fingerprint(declarations: tuple[Declaration, ...]) -> str:
    """A short hash of what a store keeps: equal declarations, equal fingerprint."""
    text = "\n".join(sorted(map(repr, declarations)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def columns_of(declarations: tuple[Declaration, ...]) -> dict[str, set[str]]:
    """Source -> the columns of it that a store must be shown."""
    found: dict[str, set[str]] = {}
    for one in declarations:
        columns = found.setdefault(one.source, set())
        if isinstance(one, RowDeclaration):
            columns.update(one.key, one.columns)
            continue
        columns.update(column for _, column in one.take if column is not None)
        for part in one.by:
            if isinstance(part, JoinedKey):
                columns.update(part.by)
                found.setdefault(part.source, set()).update([*part.key, part.column])
            else:
                columns.add(part)
    return found


def build(
    system: SystemSpec, lake: Lake, declarations: tuple[Declaration, ...], store: OnlineStore, folder: Path
) -> Built:
    """Fill `store` from the lake, save it to `folder`, and say what it was built from.

    The store is advanced to just after the newest row of any source.
    """
    columns = columns_of(declarations)
    every = lake.versions()
    store.declare(declarations)
    now = 0
    for source in sorted(set(columns) & set(every)):
        history = lake.history(system, source, sorted(columns[source]), every[source])
        store.observe(history)
        now = max(now, newest(history))
    marks = [lake.watermark(system, source) for source in every if system.sources[source].time]
    now = max([now, *(mark for mark in marks if mark is not None)]) + 1
    store.advance(now)
    store.save(folder)
    built = Built(fingerprint(declarations), every, now)
    built.write(folder)
    return built


def newest(history: History) -> int:
    """The largest time at which a row of `history` became known; 0 where it has none."""
    return int(max(history.time.max(initial=0), history.known.max(initial=0)))
