"""Which rows are new, which are known already, and which contradict what is known.

Contents are compared exactly, by joins: no hash whose value could change with a version decides about a row.

| source | same row | other content |
|---|---|---|
| log with `id` | duplicate | conflict |
| history: key and time | duplicate | conflict |
| table: key | duplicate | a new version; within one file a conflict |
| log without `id` | the n-th copy of a content in a file is the n-th copy in the lake | |

Rows of a journal came one delivery at a time: a table's later one is a new version, and in a log without `id` all are
new.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from poise.data.base import say
from poise.data.delta_log import APP
from poise.data.lake import Lake
from poise.data.reading import POSITION
from poise.spec.source import Source


@dataclass(frozen=True, slots=True)
class Sorted:
    """Positions in a batch by fate: `fresh` and `known` are boolean columns over it, the rest are conflicts."""

    fresh: pl.Series
    known: pl.Series

    @property
    def conflict(self) -> pl.Series:
        """Rows whose identity is known with other content."""
        return ~(self.fresh | self.known)


@dataclass
class Identity:
    """Tells the rows of one file (`ingest` names its content) from those that the lake has; batches come in order."""

    lake: Lake | None
    """None: rows are compared with each other only."""
    name: str
    source: Source
    content: tuple[str, ...]
    """The declared columns: derived ones follow from them."""
    ingest: str
    as_of: int | None = None
    """For rows that were refused at that instant: newer versions of a table are not replaced by them."""
    files_only: bool = False
    """Compare with rows that came from files: those of journals came later."""
    _seen: pl.DataFrame | None = field(default=None, init=False)

    @property
    def _one_by_one(self) -> bool:
        return self.ingest.startswith(APP)

    def sort(self, good: pl.DataFrame) -> Sorted:
        """The fate of each row of `good` (typed, with `_position`)."""
        if not good.height:
            return Sorted(pl.Series([], dtype=pl.Boolean), pl.Series([], dtype=pl.Boolean))
        if self.source.identity:
            return self._by_identity(good)
        return self._by_content(good)

    def conflicts(self) -> tuple[str, pl.Expr]:
        """The code of a conflict, and its sentence over the typed rows."""
        names = self.source.identity
        listed = ", ".join(f"{name} {{}}" for name in names)
        return f"conflict:{','.join(names)}", say(f"{listed} came before with other content", *map(pl.col, names))

    def _by_identity(self, good: pl.DataFrame) -> Sorted:
        ids = list(self.source.identity)
        rows = good.select(*dict.fromkeys([*ids, *self.content]))
        is_first = rows.select(_one(ids).is_first_distinct()).to_series()
        like_first = self._like_first(rows, is_first)
        stored = self.stored(rows.select(ids))
        if stored is None:
            return Sorted(is_first, like_first)
        against = rows.join(stored, on=ids, how="left", maintain_order="left", suffix=":stored")
        there = against["there:"].fill_null(False)
        same = _same(against, [c for c in self.content if c not in ids and c + ":stored" in against.columns], ":stored")
        renewable = ~same & ~against["ours:"].fill_null(False) if self.source.kind == "table" else _all(good, False)
        known_or_new = there & (same | renewable)
        fresh = (~there | (there & renewable)) & is_first
        told = is_first if self.source.kind == "table" else _all(good, True)  # a later row cannot be an older version
        known = (there & same & told) | (~is_first & like_first & (~there | known_or_new))
        return Sorted(fresh, known & ~fresh)

    def _like_first(self, rows: pl.DataFrame, is_first: pl.Series) -> pl.Series:
        """The rows that repeat an earlier row of the batch, content and all."""
        ids = list(self.source.identity)
        if is_first.all():
            return ~is_first
        later = rows.with_row_index("row:").filter(~is_first)
        firsts = rows.join(later.select(ids), on=ids, how="semi", maintain_order="left").unique(ids, keep="first")
        match = later.join(firsts, on=ids, how="left", maintain_order="left", suffix=":first")
        alike = match.filter(_same(match, [c for c in self.content if c not in ids], ":first"))["row:"]
        return pl.int_range(rows.height, eager=True).is_in(alike.cast(pl.Int64).implode())

    def stored(self, ids: pl.DataFrame) -> pl.DataFrame | None:
        """What the lake has under these identities: content, `there:` and `ours:` (of this content, or newer)."""
        lake = None if self.lake is None else self.lake.scan(self.name)
        if lake is None:
            return None
        if self.files_only:
            lake = lake.filter(~pl.col("_ingest").str.starts_with(APP))
        names = list(ids.columns)
        ids = ids.unique()
        hits = lake.select(names).join(ids.lazy(), on=names, how="semi").collect()
        if not hits.height:
            return None
        held = [column for column in self.content if column in lake.collect_schema().names()]
        columns = dict.fromkeys([*names, *held, "_seq", "_ingest", "_known"])
        rows = lake.select(*columns).join(hits.lazy(), on=names, how="semi").collect()
        newest = rows.sort("_seq").unique(names, keep="last", maintain_order=True)
        ours = (pl.col("_ingest") == self.ingest) & pl.lit(not self._one_by_one)
        if self.as_of is not None:
            ours |= pl.col("_known").dt.timestamp("us") > self.as_of
        return newest.with_columns(ours.alias("ours:"), pl.lit(True).alias("there:")).drop("_seq", "_ingest", "_known")

    def _by_content(self, good: pl.DataFrame) -> Sorted:
        lake = None if self.lake is None else self.lake.scan(self.name)
        if lake is None:
            return Sorted(_all(good, True), _all(good, False))
        ours = lake.filter(pl.col("_ingest") == self.ingest).select(POSITION)
        mine = good.select(POSITION).lazy().join(ours, on=POSITION, how="semi").collect()[POSITION]
        known = good[POSITION].is_in(mine.implode()) if mine.len() else _all(good, False)
        others = None if self._one_by_one else self._others(lake, good)
        if others is not None:
            known |= self._copies(good, others)
        return Sorted(~known, known)

    def _others(self, lake: pl.LazyFrame, good: pl.DataFrame) -> pl.DataFrame | None:
        """How often the lake has each content of this batch from other files: content and `held:`."""
        content = list(self.content)
        elsewhere = lake.filter(pl.col("_ingest") != self.ingest)
        if self.source.time in content:
            assert self.source.time is not None
            times = good[self.source.time]
            elsewhere = elsewhere.filter(pl.col("_time").is_between(times.min(), times.max()))
        if not elsewhere.select(pl.len()).collect().item():
            return None
        matching = elsewhere.select(content).join(good.lazy(), on=content, how="semi", nulls_equal=True)
        held = matching.group_by(content).agg(pl.len().cast(pl.Int64).alias("held:")).collect()
        return held if held.height else None

    def _copies(self, good: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
        """Rows that are at most the `held:`-th copy of their content in this file."""
        content = list(self.content)
        rows = good.select(content).join(others, on=content, how="left", nulls_equal=True, maintain_order="left")
        index = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(content)
        rows = rows.with_columns(pl.when(pl.col("held:").is_not_null()).then(index).alias("copy:"))
        if self._seen is not None:
            rows = rows.join(self._seen, on=content, how="left", nulls_equal=True, maintain_order="left")
            rows = rows.with_columns(pl.col("copy:") + pl.col("before:").fill_null(0)).drop("before:")
        matched = rows.filter(pl.col("held:").is_not_null())
        counts = matched.group_by(content).agg(pl.col("copy:").max().alias("before:"))
        earlier = counts if self._seen is None else pl.concat([self._seen, counts])
        self._seen = earlier.group_by(content).agg(pl.col("before:").max())
        return (rows["copy:"] <= rows["held:"]).fill_null(False)


def _one(ids: list[str]) -> pl.Expr:
    return pl.col(ids[0]) if len(ids) == 1 else pl.struct(ids)


def _all(frame: pl.DataFrame, value: bool) -> pl.Series:
    return pl.Series([value], dtype=pl.Boolean).new_from_index(0, frame.height)


def _same(joined: pl.DataFrame, columns: list[str], suffix: str) -> pl.Series:
    """Are the two contents of each joined row equal? Missing equals missing."""
    if not columns:
        return _all(joined, True)
    equal = [pl.col(column).eq_missing(pl.col(column + suffix)) for column in columns]
    return joined.lazy().with_columns(pl.all_horizontal(equal).alias("same:")).select("same:").collect().to_series()
