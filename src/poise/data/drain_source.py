"""From the journal to the lake, for one source: raw rows, accepted rows and quarantine, each row once.

Each of the three tables says with every commit how far the journal is in it. Raw rows are written first, then accepted
ones, then refused ones; after a kill between them each table goes on from where it is itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.data import delta
from poise.data.base import Finding
from poise.data.drained import Drained
from poise.data.identity import Identity
from poise.data.intake import times
from poise.data.journal_record import Record
from poise.data.judge import BROKEN, REFUSED, Judge, as_came, described
from poise.data.lake import INSTANT, Lake
from poise.data.lines import batch_of, broken
from poise.data.raw import as_text
from poise.data.reading import POSITION, Batch
from poise.data.ward import Origin, next_entry, numbered
from poise.spec.system import SystemSpec

END = int(np.iinfo(np.int64).max)
CHANGED = "rules"
"""The code of a row that was acknowledged and that today's rules leave out without a reason of their own."""


class _Refused(msgspec.Struct):
    """A line of a record of refused rows, but for the row."""

    reasons: list[str]
    why: list[str]


_REFUSED = msgspec.json.Decoder(_Refused)


def _parted(line: bytes) -> tuple[bytes, _Refused]:
    """The row of a line of a record of refused rows as it came, which may be no JSON, and the rest."""
    row, _, rest = line.rpartition(b',"reasons":[')  # a quote within the sentences after it is escaped
    return row.removeprefix(b'{"row":'), _REFUSED.decode(b'{"reasons":[' + rest)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one kind: their JSON, positions (n,), and when each became known, (n,) microseconds."""

    body: bytes
    positions: NDArray[np.int64]
    known: NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[Record]) -> _Rows:
        counts = [record.count for record in records]
        positions = [np.arange(record.first, record.last + 1, dtype=np.int64) for record in records]
        known = np.repeat(np.array([record.known for record in records], np.int64), counts)
        body = b"\n".join(record.body for record in records)
        return cls(body, np.concatenate([np.empty(0, np.int64), *positions]), known)


class SourceDrain:
    """Writes the journal's records of one source to its tables in `lake`. `app` names the journal in their commits.

    compare_upto: rows up to this position may be known to the lake from files that were taken in beside them, so they
    are compared with it; the server knew all others when it acknowledged them.
    """

    def __init__(self, system: SystemSpec, name: str, lake: Lake, app: str) -> None:
        self._lake, self._app, self._system = lake, app, system.system
        self._judge = Judge(system, name)
        self._origin = Origin(app, shown(name), "jsonl")
        self._columns = tuple(dict.fromkeys(self._judge.source.in_file.values()))
        self.raw = Drained(lake.table("raw", name), app)
        self.accepted = Drained(lake.table("accepted", name), app)
        self.quarantine = Drained(lake.table("quarantine", name), app)
        self._next_seq, self._next_entry = lake.largest_seq(name) + 1, next_entry(lake, name)
        self._begun = self.accepted.position
        """Rows up to here were accepted before a kill; those of them that are in no table yet were refused."""
        self.compare_upto = 0
        self.others = self.accepted.version
        """The version of the accepted rows that has all that others wrote, as far as this has looked."""
        self._taken = (0, -1)
        self._told = self._told_by_others()

    @property
    def begun(self) -> int:
        """Up to where the journal is in one of the tables at least."""
        return max(table.position for table in (self.raw, self.accepted, self.quarantine))

    def taken_up(self, position: int, version: int) -> None:
        """The server knows what others wrote up to `version` of the accepted rows, and judged by it all after
        `position`. Others may have written more since: then all is compared until it knows that too."""
        self._taken = position, version
        if self.others is None or version >= self.others:
            self.compare_upto = position

    def renew(self, *, by_this: bool = False) -> None:
        """Look at what others wrote meanwhile. by_this: it was this process, which added no rows."""
        name = self._judge.name
        if self.accepted.renewed() and not by_this:
            self._next_seq = self._lake.largest_seq(name) + 1
            self._begun, self.compare_upto, self.others = self.accepted.position, END, self.accepted.version
            self.taken_up(*self._taken)
        if self.quarantine.renewed():
            self._next_entry, self._told = next_entry(self._lake, name), self._told_by_others()
        self.raw.renewed()

    def write(self, records: Sequence[Record], now: int) -> None:
        """Write what of `records` (in order) is not in the tables yet; durable on return.

        now: no row whose τ was acceptable to the server is ahead of this. Raises `StateError` where the disk does not
        take it: then a repeat goes on from there.
        """
        done = min(self.accepted.position, self.quarantine.position)
        events = _Rows.of([r for r in records if r.kind == "events" and r.last > done])
        refusals = [r for r in records if r.kind == "refused" and r.last > self.quarantine.position]
        last = records[-1].last
        batch = batch_of(events.body, pl.Series(events.positions), self._columns)
        fresh, refused = self._judged(events, batch, int(events.known.max(initial=now)))
        told, came = self._as_told(refusals)
        self._keep_raw([(batch, [fresh[POSITION], refused[POSITION]]), *((one, [one.frame[POSITION]]) for one in came)])
        if len(events.positions) and last > self.accepted.position:  # though all were refused: they have been looked at
            new = fresh.filter(pl.col(POSITION) > self.accepted.position)
            self.accepted.append(self._stamped(new, events), last)
            self._next_seq += new.height
        self._refuse(pl.concat([refused, told]).sort(POSITION), _Rows.of(records), last)

    def compact(self) -> None:
        """Put small files together where there are many."""
        for table in (self.raw, self.accepted, self.quarantine):
            table.compact()

    def _judged(self, events: _Rows, batch: Batch, now: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Acknowledged rows by today's rules: those that are (to be) accepted, and those for quarantine."""
        if not len(events.positions):
            return self._judge.judge(batch, now).good, pl.DataFrame(schema=REFUSED)
        judged = self._judge.judge(batch, now)
        good, refused = judged.good, [judged.refused]
        if judged.other:
            gone = ~pl.Series(events.positions).is_in(pl.concat([good[POSITION], judged.refused[POSITION]]).implode())
            refused.append(
                left_out(batch, batch.frame.filter(gone), f"its 'where' is false: {self._judge.source.where}")
            )
        if (
            events.positions[0] <= self.compare_upto
            and self._judge.source.identity
            and self._judge.source.kind != "table"
        ):
            good, conflicting = self._unknown(good, batch)
            refused.append(conflicting)
        if events.positions[0] <= self._begun:
            good, also = self._before_a_kill(good, batch)
            refused.append(also)
        return good, pl.concat(refused)

    def _unknown(self, good: pl.DataFrame, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows that no file brought meanwhile, and those that contradict one. Rows of this journal are not asked."""
        judge = self._judge
        identity = Identity(self._lake, judge.name, judge.source, tuple(judge.source.columns), "")
        ours = self._ours(good)
        fate = identity.sort(good)
        code, why = identity.conflicts()
        rows = good.filter(fate.conflict & ~ours)
        masks = pl.DataFrame({"hit:0": pl.repeat(True, rows.height, eager=True)})
        found = [described(rows, masks, [Finding(code, pl.lit(True), why)], batch.frame)] if rows.height else []
        return good.filter(fate.fresh | ours), pl.concat([pl.DataFrame(schema=REFUSED), *found])

    def _before_a_kill(self, good: pl.DataFrame, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Good rows; those that were not when this journal's accepted rows were written go to quarantine."""
        late = (good[POSITION] <= self._begun) & ~self._ours(good)
        return good.filter(~late), left_out(batch, good.filter(late), "the rules changed while it was being written")

    def _ours(self, good: pl.DataFrame) -> pl.Series:
        """Which rows this journal has written to the lake already."""
        rows = self._lake.scan(self._judge.name)
        if rows is None or not good.height:
            return pl.repeat(False, good.height, dtype=pl.Boolean, eager=True)
        span = pl.col(POSITION).is_between(good[POSITION].min(), good[POSITION].max())
        held = rows.filter((pl.col("_ingest") == self._app) & span).select(POSITION).collect().to_series()
        return good[POSITION].is_in(held.implode())

    def _as_told(self, records: Sequence[Record]) -> tuple[pl.DataFrame, list[Batch]]:
        """Rows that were refused when they came, with the reasons of then, and as batches."""
        if not records:
            return pl.DataFrame(schema=REFUSED), []
        rows = _Rows.of(records)
        lines = [_parted(line) for line in rows.body.split(b"\n")]
        whole = np.array([BROKEN not in told.reasons for _, told in lines])
        parts = []
        if whole.any():
            body = b"\n".join(row for (row, _), ok in zip(lines, whole, strict=True) if ok)
            parts.append(batch_of(body, pl.Series(rows.positions[whole]), self._columns))
        if not whole.all():
            texts = [(row.decode("utf-8", "replace"), told.why[0]) for row, told in lines if BROKEN in told.reasons]
            parts.append(broken([t for t, _ in texts], [w for _, w in texts], rows.positions[~whole], self._columns))
        came = pl.concat([_spelt(part) for part in parts])
        reasons = {"reasons": [told.reasons for _, told in lines], "why": [told.why for _, told in lines]}
        schema = {k: REFUSED[k] for k in (POSITION, *reasons)}
        told = pl.DataFrame({POSITION: rows.positions, **reasons}, schema=schema)
        return told.join(came, on=POSITION, how="left", maintain_order="left"), parts

    def _keep_raw(self, parts: Sequence[tuple[Batch, list[pl.Series]]]) -> None:
        """Rows as they came: of each batch those whose positions are kept anywhere."""
        shown = []
        for batch, kept in parts:
            positions = pl.concat(kept)
            rows = batch.frame
            if positions.len() < rows.height:
                rows = rows.filter(pl.col(POSITION).is_in(positions.implode()))
            shown.append(as_text(rows.filter(pl.col(POSITION) > self.raw.position), self._app))
        rows = pl.concat(shown)
        if rows.height:
            self.raw.append(rows, int(rows[POSITION].max()))  # type: ignore[arg-type]

    def _stamped(self, new: pl.DataFrame, events: _Rows) -> pl.DataFrame:
        """Accepted rows with their reserved columns, these first."""
        accepted = pl.Series("known:", events.known[np.searchsorted(events.positions, new[POSITION].to_numpy())])
        time, known = times(self._judge.source, pl.col("known:"), live=True)
        return new.with_columns(accepted).select(
            time.cast(INSTANT).alias("_time"),
            known.cast(INSTANT).alias("_known"),
            pl.int_range(self._next_seq, self._next_seq + new.height, dtype=pl.Int64).alias("_seq"),
            pl.lit(self._app).alias("_ingest"),
            pl.col(POSITION),
            pl.lit(self._system).alias("_system"),
            *self._judge.columns,
        )

    def _told_by_others(self) -> list[int]:
        """Rows that are in quarantine before this wrote them there: an ingest judged them by other columns."""
        held, url = pl.col(POSITION) > self.quarantine.position, self.quarantine.url
        if not delta.exists(url):
            return []
        rows = delta.scan(url).filter((pl.col("_ingest") == self._app) & held)
        return rows.select(POSITION).collect().to_series().to_list()

    def _refuse(self, refused: pl.DataFrame, rows: _Rows, last: int) -> None:
        new = refused.filter((pl.col(POSITION) > self.quarantine.position) & ~pl.col(POSITION).is_in(self._told))
        if new.height:
            at = pl.Series(rows.known[np.searchsorted(rows.positions, new[POSITION].to_numpy())])
            self.quarantine.append(numbered(new, self._next_entry, self._origin, pl.lit(at)), last)
            self._next_entry += new.height


def shown(source: str) -> str:
    """Where rows that came over HTTP are said to be from.

    >>> shown("orders")
    'POST /v1/events/orders'
    """
    return f"POST /v1/events/{source}"


def left_out(batch: Batch, rows: pl.DataFrame, why: str) -> pl.DataFrame:
    """Rows for quarantine that no check refused."""
    if not rows.height:
        return pl.DataFrame(schema=REFUSED)
    said = f"it was acknowledged, and by the rules of today it is not of this source: {why}"
    masks = pl.DataFrame({"hit:0": pl.repeat(True, rows.height, eager=True)})
    return described(rows, masks, [Finding(CHANGED, pl.lit(True), pl.lit(said))], batch.frame)


def _spelt(batch: Batch) -> pl.DataFrame:
    """Each row of a batch as quarantine keeps it."""
    return batch.frame.select(POSITION).with_columns(as_came(batch.frame, batch.frame[POSITION]).alias("row"))
