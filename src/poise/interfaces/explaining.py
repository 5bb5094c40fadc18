"""Explaining answers of one system: finds a decision in the journal or the lake, and the release that made it.

Run as a module it is the process that a server asks, one JSON object per line: `python -m poise.interfaces.explaining
poise.yaml`. It may read the lake and compute for a second, which a process that answers may not.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import chain
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
from poise.decisions.weights import applied
from poise.errors import PoiseError, RequestError, StateError
from poise.features.function import importable_from
from poise.interfaces.asked_process import answering_lines
from poise.interfaces.behind import stand_back
from poise.interfaces.newest import newest
from poise.interfaces.stored import system_of
from poise.releases.folder import ReleaseFolder
from poise.serving.explain import Record, Release, row_asked
from poise.serving.explain_answer import explain
from poise.settings import Settings
from poise.stores.state import State

EVERYTHING = 2**62
KEPT = 2
"""So many releases stay loaded: the live one, and one that somebody asks about."""
DECISIONS: tuple[Kind, ...] = ("decisions",)
ID_LENGTH = 26
_DIGIT = {digit: value for value, digit in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}
"""What the digits of a decision's id count; the first ten are its time in milliseconds."""


class NoSuchDecision(RequestError):
    """Neither the journal nor the lake has this decision (HTTP 404)."""

    status = 404
    title = "There is no such decision"


class Explaining:
    """Explains decisions of the system of one file."""

    def __init__(self, file: Path) -> None:
        importable_from(file.parent)
        self.system = system_of(file)
        self._settings = Settings.read(file)
        self._state = State(self._settings.state_url, self.system.system, zone=self.system.timezone)
        self._releases: OrderedDict[str, Release] = OrderedDict()

    def decision(self, number: str, item: Any = None) -> dict[str, Any]:
        """Why the decision with this id was made; of a list also one item, by its impression id or its own.

        Raises `NoSuchDecision`, `NoSuchCandidate`, `NotExplained` where a model cannot be taken apart,
        `Tampered` or `StateError` where the release cannot be read.
        """
        number, _, place = number.partition(".")
        record = self._find(number)
        only = row_asked(record, item)
        if record["kind"] == "choice":
            only = record["ids"].index(number)
        elif place:
            only = _shown_at(record, place)
        return self.record(record, only)

    def newest(self, most: int) -> dict[str, Any]:
        """The newest decisions, at most so many, the newest first."""
        return {"decisions": newest(self._settings, self.system.timezone, most)}

    def record(
        self, record: Record, only: int | None = None, weights: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """Why the answer of a record was what it was; weights: default those of its version."""
        release = self._release(record["release"])
        decision = release.system.decision
        if decision is None or record["kind"] == "predictions":
            return explain(release, record, {}, only)
        return explain(release, record, applied(decision, weights or self._weights(record["weights"])), only)

    def _find(self, number: str) -> dict[str, Any]:
        if len(number) == ID_LENGTH and _DIGIT.keys() >= set(number):
            lines = (_in_journal(self._settings.journal, number), _in_lake(Lake(self._settings.lake), number))
            for line in chain.from_iterable(lines):
                record: dict[str, Any] = msgspec.json.decode(line)
                if number in (record.get("ids") or ()):
                    return record
        raise NoSuchDecision(
            f"there is no decision '{number[:60]}'",
            field="decision_id",
            hint="decisions are kept from their answer on, until `poise forget` deletes them; predictions have no id",
        )

    def _release(self, name: str) -> Release:
        if name not in self._releases:
            row = self._state.release(name)
            folder = ReleaseFolder.open(self._settings.folder_of(row.folder), seal=row.seal)
            self._releases[name] = Release(folder)
            if len(self._releases) > KEPT:
                self._releases.popitem(last=False)
        self._releases.move_to_end(name)
        return self._releases[name]

    def _weights(self, version: int | None) -> Mapping[str, float]:
        """The values of a version; before anybody set any, the file's."""
        for row in self._state.weight_versions():
            if row.version == version:
                return row.values
        return {}


def _shown_at(record: Record, place: str) -> int:
    shown = record["shown"]
    if not place.isdigit() or not 1 <= int(place) <= len(shown):
        raise NoSuchDecision(f"this decision showed {len(shown)} items; there is no place '{place[:20]}'")
    return int(shown[int(place) - 1])


def _in_journal(folder: Path, number: str) -> Iterator[bytes]:
    if not (folder / JOURNAL).exists():
        return
    with closing(reading(folder)) as journal:
        sought = number.encode()
        for found in journal.after(0, DECISIONS, EVERYTHING):
            if sought in found.body:
                yield from (line for line in found.rows() if sought in line)


def _in_lake(lake: Lake, number: str) -> Iterator[bytes]:
    """Lines that hold `number`: first of the day after its time, by which most files are left out, then of all."""
    if not delta.exists(lake.decisions):
        return
    made = 1000 * sum(_DIGIT[digit] << 5 * place for place, digit in enumerate(reversed(number[:10])))
    log = delta.scan(lake.decisions)
    hit = pl.col("decision").str.contains(number, literal=True)
    first, last = (pl.lit(made + hours * HOUR).cast(INSTANT) for hours in (-1, 24))
    near = log.filter((pl.col("_at") >= first) & (pl.col("_at") <= last) & hit)
    yield from (line.encode() for line in near.select("decision").collect()["decision"])
    yield from (line.encode() for line in log.filter(hit).select("decision").collect()["decision"])


def answer(explaining: Explaining, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The explanation of a question: `decision_id` (and `item`), or a `record` and the `weights` it goes with; or the
    `newest` decisions, so many."""
    if "newest" in asked:
        return explaining.newest(asked["newest"])
    if "record" not in asked:
        return explaining.decision(asked["decision_id"], asked.get("item"))
    told = explaining.record(asked["record"], weights=asked.get("weights"))
    told.pop("decision_id", None)  # nobody was decided about
    for row in told["rows"]:
        row.pop("decision_id", None)
    return told


def main(file: Path) -> None:
    """Answer line by line until there are no more, behind what answers requests."""
    stand_back()
    try:
        explaining = Explaining(file)
    except PoiseError as error:
        raise StateError(f"explanations cannot be made: {error}") from error
    answering_lines(partial(answer, explaining), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
