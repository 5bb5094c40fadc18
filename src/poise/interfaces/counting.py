"""`python -m poise.interfaces.counting FILE RELEASE_FOLDER NOW`: how often limited actions were taken in this period.

It reads the log of decisions, what the lake has of it and what still waits in the journal, so that a server that was
killed goes on counting where it was. A process of its own, so that a server never loads what reads the lake.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from poise.clock import HOUR
from poise.data import delta
from poise.data.journal_reader import reading
from poise.data.journal_record import Kind
from poise.data.journal_tables import JOURNAL
from poise.data.lake import INSTANT, Lake
from poise.decisions.period import Period, period_of
from poise.errors import PoiseError
from poise.features.function import importable_from
from poise.releases.folder import ReleaseFolder
from poise.settings import Settings
from poise.spec.decision import Decision
from poise.spec.reading import read_text

DECISIONS: tuple[Kind, ...] = ("decisions",)
EARLIER = HOUR
"""Decisions are written up to so long after they were made; each says itself in which period it counts."""


class _Choice(msgspec.Struct):
    """The fields of a record of `poise.serving.decision_log` that are read here."""

    ids: list[str]
    chosen: list[str]
    capacity: dict[str, dict[str, Any]] = {}
    kind: str = ""


def counted(decision: Decision, zone: str, lake: Lake, journal: Path, now: int) -> dict[str, dict[str, int]]:
    """Action -> `used`: how often it was taken in the period that `now` (microseconds) is in, `seen`: of how many
    decisions. Exact: every answered decision is in the journal or in the lake, and none counts twice."""
    periods = {action: period_of(now, one.every, zone) for action, one in decision.capacity.items()}
    found = {action: {"used": 0, "seen": 0} for action in periods}
    waiting = set[str]()
    for choice in _waiting(journal):
        waiting.update(choice.ids)
        _add(found, periods, choice, frozenset())
    for choice in _in_lake(lake, min(period.start for period in periods.values()) - EARLIER):
        _add(found, periods, choice, waiting)
    return found


def _add(
    found: Mapping[str, dict[str, int]], periods: Mapping[str, Period], choice: _Choice, but: Iterable[str]
) -> None:
    mine = [action for number, action in zip(choice.ids, choice.chosen, strict=True) if number not in but]
    for action, period in periods.items():
        if choice.capacity.get(action, {}).get("from") == period.start:
            found[action]["seen"] += len(mine)
            found[action]["used"] += sum(one == action for one in mine)


def _waiting(journal: Path) -> Iterator[_Choice]:
    if not (journal / JOURNAL).exists():
        return
    with closing(reading(journal)) as reader:
        for record in reader.after(0, DECISIONS, 2**62):
            yield from (one for one in map(_decoded, record.rows()) if one.kind == "choice")


def _in_lake(lake: Lake, since: int) -> Iterator[_Choice]:
    if not delta.exists(lake.decisions):
        return
    log = delta.scan(lake.decisions).filter(pl.col("kind") == "choice", pl.col("_at") >= pl.lit(since).cast(INSTANT))
    for line in log.select("decision").collect()["decision"]:
        yield _decoded(line)


def _decoded(line: bytes | str) -> _Choice:
    kind = msgspec.json.decode(line, type=_Kind).kind
    return msgspec.json.decode(line, type=_Choice) if kind == "choice" else _Choice([], [])


class _Kind(msgspec.Struct):
    kind: str = "choice"


def main(file: str, folder: str, now: str) -> int:
    """Print the counts as JSON; the exit code of the error, if there is one."""
    importable_from(Path(file).parent)
    try:
        settings, release = Settings.read(Path(file)), ReleaseFolder.open(Path(folder))
        system = read_text(release.system_file.read_text(encoding="utf-8"), name=str(release.system_file))
        assert system.decision is not None
        made = counted(system.decision, system.timezone, Lake(settings.lake), settings.journal, int(now))
    except PoiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
