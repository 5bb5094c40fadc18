"""What others write to the lake beside a server: rows of files that are taken in while it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poise.data import delta
from poise.data.delta_log import commits, newest
from poise.data.lake import Lake


@dataclass(frozen=True, slots=True)
class Change:
    """Versions (from, to] of a source's accepted rows, some of which the journal did not bring.

    seqs: rows with `_seq` in these ranges (above the first, up to the second) came by others. rewritten: rows that were
    there before are gone or others, so that only building anew tells what is there.
    """

    source: str
    versions: tuple[int, int]
    seqs: tuple[tuple[int, int], ...]
    rewritten: bool


def others_wrote(lake: Lake, app: str, source: str, known: Mapping[str, int] | None, upto: int | None) -> bool:
    """Whether others than the log `app` wrote rows of a source after its version in `known`, up to version `upto`. No
    where `known` is None, as nobody says what is known."""
    if known is None or upto is None or not delta.local(lake.url):
        return False
    since = commits(Path(lake.table("accepted", source)), known.get(source, -1), upto)
    return since is None or any(app not in one.positions and not one.keeps_rows for one in since)


class Beside:
    """Looks for commits of others, and tells of them until it hears `told`.

    app: names the journal. versions: what is known already, per source.
    """

    def __init__(self, lake: Lake, app: str, versions: Mapping[str, int]) -> None:
        self._lake, self._app = lake, app
        self._known = dict(versions)

    def look(self, source: str) -> Change | None:
        """What others did to a source that was not told yet; None where that is nothing."""
        table = Path(self._lake.table("accepted", source))
        if not delta.local(self._lake.url):
            return None
        known = self._known.get(source, -1)
        now = newest(table, known)
        if now is None or now == known:
            return None
        since = commits(table, known, now)
        if since is None:
            return Change(source, (known, now), (), rewritten=True)
        others = [c for c in since if self._app not in c.positions and not c.keeps_rows]
        if not others:
            self._known[source] = now
            return None
        added = [c.version for c in others if c.appends]
        seqs = [(self._seq(source, version - 1), self._seq(source, version)) for version in added]
        return Change(source, (known, now), tuple(seqs), rewritten=len(added) < len(others))

    def told(self, change: Change) -> None:
        """The server was told of a change."""
        self._known[change.source] = change.versions[1]

    def _seq(self, source: str, version: int) -> int:
        return -1 if version < 0 else self._lake.largest_seq(source, version)
