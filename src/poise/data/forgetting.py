"""The rows of one person in a lake: found in every version of every table, and taken out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from poise.data import delta
from poise.data.delta_without import ASIDE, Gone, held_at, holding, take_out
from poise.data.lake import Lake
from poise.data.person import Person, written
from poise.data.reading import POSITION
from poise.errors import StateError
from poise.spec.system import SystemSpec

PLACE = ["_ingest", POSITION]


@dataclass(frozen=True, slots=True)
class Hold:
    """What one table holds of the person: which rows go, and in which of its files they are, and how many."""

    url: str
    gone: Gone
    files: Mapping[str, int]

    @property
    def now(self) -> int:
        """Rows of theirs in the newest version."""
        version = delta.version(self.url) if self.files else None
        return 0 if version is None else held_at(self.url, self.files, version) or 0


@dataclass(frozen=True, slots=True)
class Found:
    """Everything of the person in a lake. tables: accepted/orders, raw/orders, …, decisions."""

    person: Person
    tables: Mapping[str, Hold]

    @property
    def rows(self) -> dict[str, int]:
        """Table -> rows of theirs that it has now, those tables that have some."""
        return {name: hold.now for name, hold in self.tables.items() if hold.files}

    def learned(self, versions: Mapping[str, int]) -> int | None:
        """How many of their rows a training run read that recorded these versions; None where nobody can tell."""
        total = 0
        for source, version in versions.items():
            hold = self.tables.get(f"accepted/{source}")
            if hold is None or not hold.files:
                continue
            held = held_at(hold.url, hold.files, version)
            if held is None:
                return None
            total += held
        return total


def find(system: SystemSpec, lake: Lake, person: Person) -> Found:
    """What of `person` is in the lake, in any version. Reads every file. Raises `StateError` for a remote lake."""
    if not delta.local(lake.url):
        raise StateError("only a lake in a folder can be rewritten", hint=f"the lake is at {lake.url}")
    tables: dict[str, Hold] = {}
    ids: set[str] = set()
    for name, column in person.columns.items():
        source = system.sources[name]
        came = source.in_file.get(column, column)
        accepted = _hold(lake.table("accepted", name), _whose(column, person.id))
        refused = _hold(lake.table("quarantine", name), _refused(came, person))
        places = pl.concat([_of(hold, PLACE) for hold in (accepted, refused)]).unique()
        raw = _hold(lake.table("raw", name), _came(came, person.id, places))
        tables |= {f"accepted/{name}": accepted, f"quarantine/{name}": refused, f"raw/{name}": raw}
        if system.decision is not None and system.decision.per == name:
            ids |= _answers(accepted, [*(source.id or ()), system.decision.list_])
    known = replace(person, decisions=frozenset(ids))
    tables["decisions"] = _hold(lake.decisions, _decided(known))
    return Found(known, tables)


def forget(lake: Lake, found: Found) -> None:
    """Take it all out. For whoever holds the lake; a repeat after a kill finishes it."""
    aside = Path(lake.url) / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    for name, hold in found.tables.items():
        if hold.files:
            take_out(hold.url, hold.gone, hold.files, aside / name)
    shutil.rmtree(aside, ignore_errors=True)


def _hold(url: str, gone: Gone) -> Hold:
    return Hold(url, gone, holding(url, gone))


def _of(hold: Hold, columns: list[str]) -> pl.DataFrame:
    """Some columns of the rows that go, of every version."""
    frames = [pl.read_parquet(Path(hold.url) / name, glob=False) for name in hold.files]
    picked = [frame.filter(hold.gone(frame)).select(columns) for frame in frames if set(columns) <= set(frame.columns)]
    return pl.concat([pl.DataFrame(schema={"_ingest": pl.String(), POSITION: pl.Int64()}).select(columns), *picked])


def _answers(hold: Hold, columns: list[str | None]) -> set[str]:
    """The ids of answers that rows carry: whole, or before the dot that stands before a place (`01J….2`)."""
    found: set[str] = set()
    for name in hold.files:
        frame = pl.read_parquet(Path(hold.url) / name, glob=False)
        for column in columns:
            if column is not None and frame.schema.get(column) == pl.String:
                values = frame.filter(hold.gone(frame))[column].drop_nulls().to_list()
                found |= {*values, *(value.rpartition(".")[0] for value in values if "." in value)}
    return found


def _whose(column: str, id: str) -> Gone:
    """Rows whose `column` is the id, whatever its type."""

    def gone(frame: pl.DataFrame) -> pl.Series:
        if column not in frame.columns:
            return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        values = frame[column]
        if values.dtype.is_float():
            return pl.Series([written(value) == id for value in values], dtype=pl.Boolean)
        return (values.cast(pl.String) == id).fill_null(False)

    return gone


def _came(column: str, id: str, places: pl.DataFrame) -> Gone:
    """Rows as they came: those of the id as it is written, and those that stand at `places`."""
    whose = _whose(column, id)

    def gone(frame: pl.DataFrame) -> pl.Series:
        marked = frame.select(PLACE).join(places.with_columns(held=True), on=PLACE, how="left", maintain_order="left")
        return whose(frame) | marked["held"].fill_null(False)

    return gone


def _refused(column: str, person: Person) -> Gone:
    """Refused rows by what they held as they came; a line that was no row, where the id stands anywhere in it."""

    def theirs(text: str) -> bool:
        row = json.loads(text)
        if column not in row and set(row) == {"line"}:
            return person.id in str(row["line"])
        return row.get(column) is not None and written(row[column]) == person.id

    return _texts("row", theirs)


def _decided(person: Person) -> Gone:
    """Records of answers that name the person, or that their rows say were theirs."""

    def theirs(text: str) -> bool:
        record: dict[str, Any] = msgspec.json.decode(text)
        return not person.decisions.isdisjoint(record.get("ids") or ()) or person.named(record)

    return _texts("decision", theirs)


def _texts(column: str, theirs: Callable[[str], bool]) -> Gone:
    def gone(frame: pl.DataFrame) -> pl.Series:
        if column not in frame.columns:
            return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        return pl.Series([theirs(text) for text in frame[column]], dtype=pl.Boolean)

    return gone
