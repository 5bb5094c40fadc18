"""Judging a batch: typed, derived, filtered by `where`, checked. One function for every row that comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from poise import registry
from poise.clock import AHEAD
from poise.data.base import Check, Finding, Setting
from poise.data.expressions import condition, derived
from poise.data.lake import RESERVED
from poise.data.parse import Typed, fits, typed
from poise.data.reading import FLAW, LINE, POSITION, Batch
from poise.errors import SpecError
from poise.spec.source import ColumnType, Source
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec

BROKEN = "line"
"""The code of a row whose line is broken as a whole: it is kept as its text, not by columns."""
REFUSED: dict[str, pl.DataType] = {
    "_position": pl.Int64(),
    "reasons": pl.List(pl.String()),
    "why": pl.List(pl.String()),
    "row": pl.String(),
}
"""Columns of refused rows: where it stood, the codes, a sentence for each, and the row as it came (JSON)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch, judged.

    good: `_position` and all columns, typed. refused: see `REFUSED`. other: how many rows `where` leaves out.
    """

    good: pl.DataFrame
    refused: pl.DataFrame
    other: int


class Judge:
    """The types, derived columns and checks of one source, ready for any number of batches."""

    def __init__(self, system: SystemSpec, name: str) -> None:
        self.name = name
        self.source: Source = system.sources[name]
        self._zone = self.source.timezone or system.timezone
        self.types: Mapping[str, ColumnType] = column_types(self.source, system)
        reserved = sorted({*RESERVED, FLAW, LINE} & set(self.types))
        if reserved:
            raise SpecError(f"the lake keeps a column '{reserved[0]}' of its own", where=f"sources.{name}.columns")
        self._derive = derived(name, self.source, self.types)
        self._where: pl.Expr | None = None
        if self.source.where is not None:
            self._where = condition(self.source.where, self.types, where=f"sources.{name}.where")

    @property
    def columns(self) -> tuple[str, ...]:
        """Declared and derived columns, in order."""
        return tuple(self.types)

    @cached_property
    def zones(self) -> Mapping[str, str]:
        """The zone of naive values per declared `time` column."""
        specs = self.source.columns.items()
        return {column: spec.timezone or self._zone for column, spec in specs if spec.type == "time"}

    def judge(self, batch: Batch, now: int) -> Judged:
        """Every row of `batch` is good, refused with all its reasons, or not of this source. `now` in microseconds."""
        frame, helpers = self.typed(batch)
        findings = self._findings(frozenset(helpers), now)
        if FLAW in frame.columns:  # a broken line says nothing about its columns
            findings = [Finding(BROKEN, pl.col(FLAW).is_not_null(), pl.col(FLAW))]
            sound = self._judged(frame.filter(pl.col(FLAW).is_null()), batch, helpers, now)
            broken, _ = _refuse(frame.filter(pl.col(FLAW).is_not_null()), batch.frame, findings)
            return Judged(sound.good, pl.concat([broken, sound.refused]).sort(POSITION), sound.other)
        return self._judged(frame, batch, helpers, now)

    def _judged(self, frame: pl.DataFrame, batch: Batch, helpers: list[str], now: int) -> Judged:
        findings = self._findings(frozenset(helpers), now)
        ours, other = self._ours(frame, findings)
        refused, good = _refuse(ours, batch.frame, findings)
        return Judged(good.select(POSITION, *self.columns), refused, other)

    def typed(self, batch: Batch) -> tuple[pl.DataFrame, list[str]]:
        """The batch with typed and derived columns, and the names of the helper columns."""
        other = {name: pl.col(came) for name, came in self.source.in_file.items() if name != came}
        frame = batch.frame.with_columns(**other) if other else batch.frame
        schema = frame.schema
        ways: dict[str, Typed] = {}
        for column, spec in self.source.columns.items():
            if fits(frame[column], spec.type, text=batch.text):
                continue
            zone = self.zones.get(column, self._zone)
            ways[column] = typed(column, spec, schema[column], zone, text=batch.text)
        values = [way.value.alias(column) for column, way in ways.items()]
        helpers = {name: value for way in ways.values() for name, value in way.helpers.items()}
        lazy = frame.lazy().with_columns(*values, **helpers)
        for column, value in self._derive:
            lazy = lazy.with_columns(value.alias(column))
        return lazy.collect(), list(helpers)

    def _findings(self, helpers: frozenset[str], now: int) -> list[Finding]:
        setting = Setting(self.name, self.source, self.types, helpers, self.zones, now + AHEAD)
        kinds: list[type[Check]] = [registry.get("check", kind) for kind in registry.names("check")]
        return [finding for kind in kinds for finding in kind.findings(setting)]

    def _ours(self, frame: pl.DataFrame, findings: list[Finding]) -> tuple[pl.DataFrame, int]:
        """The rows of this source, and how many are not. A row with a wrong type is ours: `where` cannot tell."""
        if self._where is None:
            return frame, 0
        mine = self._where.fill_null(False)
        wrong = [f.bad.fill_null(False) for f in findings if f.code.startswith(("type:", "local_time:"))]
        kept = frame.filter(pl.any_horizontal(mine, *wrong))
        return kept, frame.height - kept.height


def _refuse(frame: pl.DataFrame, came: pl.DataFrame, findings: list[Finding]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The refused rows of `frame` in the shape `REFUSED`, and the others."""
    if not findings or not frame.height:
        return pl.DataFrame(schema=REFUSED), frame
    names = [f"hit:{n}" for n in range(len(findings))]
    tests = [f.bad.fill_null(False).alias(name) for f, name in zip(findings, names, strict=True)]
    masks = frame.lazy().with_columns(tests).select(names).collect()
    bad = masks.select(pl.any_horizontal(pl.all())).to_series()
    if not bad.any():
        return pl.DataFrame(schema=REFUSED), frame
    worst = frame.filter(bad)
    return described(worst, masks.filter(bad), findings, came), frame.filter(~bad)


def described(rows: pl.DataFrame, masks: pl.DataFrame, findings: list[Finding], came: pl.DataFrame) -> pl.DataFrame:
    """Refused `rows` with all their reasons. `masks` has one boolean column per finding."""
    told = [  # in one chunk: pl.format panics where a filtered column keeps an empty chunk (Polars 2.1)
        rows.filter(column).rechunk().select(POSITION, pl.lit(finding.code).alias("reasons"), finding.why.alias("why"))
        for column, finding in zip(masks.get_columns(), findings, strict=True)
        if column.any()
    ]
    each = pl.concat(told).group_by(POSITION, maintain_order=True).agg("reasons", "why").sort(POSITION)
    return each.with_columns(as_came(came, each[POSITION]).alias("row")).cast(pl.Schema(REFUSED))


def as_came(came: pl.DataFrame, positions: pl.Series) -> pl.Series:
    """The rows at `positions` of a batch as they came, each a JSON object (a broken line: `{"line": …}`)."""
    rows = came[came[POSITION].search_sorted(positions)].with_columns(pl.col(pl.Float32).cast(pl.Float64))
    columns = [column for column in came.columns if column not in (POSITION, FLAW, LINE)]
    spelt = rows.select(pl.struct(columns).struct.json_encode()).to_series()
    if LINE not in came.columns:
        return spelt
    lines = rows.select(pl.when(pl.col(LINE).is_not_null()).then(pl.struct(line=LINE).struct.json_encode()))
    return lines.to_series().fill_null(spelt)


def reasons_of(refused: pl.DataFrame) -> dict[str, int]:
    """How many rows each reason refused, largest first; a row with two reasons counts in both.

    >>> reasons_of(pl.DataFrame({"reasons": [["a", "b"], ["b"]]}))
    {'b': 2, 'a': 1}
    """
    if not refused.height:
        return {}
    counts = refused["reasons"].explode().value_counts(name="n").sort(["n", "reasons"], descending=[True, False])
    return dict(zip(counts["reasons"].to_list(), counts["n"].to_list(), strict=True))
