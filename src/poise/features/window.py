"""Aggregates of past events by key over windows [T - w, T): counts, sums, means, the last value, and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator

from poise.clock import DAY, HOUR, MINUTE
from poise.errors import did_you_mean
from poise.features.asof import newest
from poise.features.base import Asked, Edges, Feature, Needs, Output
from poise.features.distinct import distinct, places
from poise.features.keys import Codes, joint_codes
from poise.features.rows import carried
from poise.features.window_binding import Binding, BoundWindow, KeyPart
from poise.features.window_walk import MAX, MIN, SUM, Floats, Walk, walk
from poise.spec.record import Record
from poise.spec.source import Names
from poise.spec.system import SystemSpec
from poise.spec.units import Duration, duration_text
from poise.stores.base import Declaration, JoinedKey, OnlineStore, WindowDeclaration
from poise.table import Column, History, Requests

AGGREGATES = ("count", "sum", "mean", "min", "max", "last", "distinct", "since_last")
WITHOUT_COLUMN = ("count", "since_last")
LONGEST = 5 * 365 * DAY
"""The longest window: 1,825 tiles of a day, about 60 kB per key and aggregate."""
_TAKE = re.compile(r"([A-Za-z_]\w*)\s*(?:\(\s*([A-Za-z_]\w*)\s*\))?")

Take = tuple[str, str | None]
"""An aggregate and its column: ("mean", "value"), ("count", None)."""


def parse_take(text: str) -> Take:
    """What one entry of `take:` asks for.

    >>> parse_take("mean(value)"), parse_take("count")
    (('mean', 'value'), ('count', None))
    >>> parse_take("avg(value)")
    Traceback (most recent call last):
    ValueError: 'avg(value)': there is no aggregate 'avg' (allowed: count, distinct, last, max, mean, min, ...)
    """
    match = _TAKE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not an aggregate: write e.g. count or mean(value)")
    name, column = match[1], match[2]
    if name not in AGGREGATES:
        raise ValueError(f"'{text}': there is no aggregate '{name}' ({did_you_mean(name, AGGREGATES)})")
    if name in WITHOUT_COLUMN and column is not None:
        raise ValueError(f"'{text}': {name} is about rows and takes no column: write {name}")
    if name not in WITHOUT_COLUMN and column is None:
        raise ValueError(f"'{text}': {name} of what? write e.g. {name}(value)")
    return name, column


def tile_of(window: int) -> int:
    """The tile, in microseconds, that the far edge of a window is rounded down to: 5 minutes for windows up to 12 h,
    an hour up to 12 d, else a day. Tiles are aligned to the Unix epoch in UTC.

    >>> [tile_of(w) // MINUTE for w in (HOUR, 12 * HOUR, 7 * DAY, 30 * DAY)]
    [5, 5, 60, 1440]
    """
    if window <= 12 * HOUR:
        return 5 * MINUTE
    return HOUR if window <= 12 * DAY else DAY


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) else value


class WindowSpec(Record):
    """`window: {from: orders, by: restaurant_id, over: [1h, 7d], take: [count, mean(value)]}`."""

    from_: str = Field(alias="from")
    """The source whose rows are aggregated: an event log, or a history (then its changes are)."""
    by: Names | dict[str, str] = ()
    """Whose rows: columns that the rows and the request share, `source.column` for one that is looked up by either, or
    {column of the rows: column of the request} where they differ. Absent: all rows."""
    over: Annotated[tuple[Duration, ...], BeforeValidator(_listed)] = Field(min_length=1)
    """How far back, e.g. [1h, 7d]."""
    take: Names = Field(min_length=1)
    """Of count, sum(x), mean(x), min(x), max(x), last(x), distinct(x), since_last (seconds)."""
    as_: str | dict[str, str] | None = Field(None, alias="as")
    """The name where there is one output, or {default name: name}."""

    @field_validator("over")
    @classmethod
    def _durations(cls, over: tuple[int, ...]) -> tuple[int, ...]:
        for window in over:
            if window <= 0:
                raise ValueError(f"a window lasts longer than 0; came: {duration_text(window)}")
            if window > LONGEST:
                raise ValueError(f"{duration_text(window)} is too long to keep: windows last at most 1825d (5y)")
        if len(set(over)) < len(over):
            raise ValueError(f"a window is listed twice: {', '.join(map(duration_text, over))}")
        return over

    @field_validator("take")
    @classmethod
    def _aggregates(cls, take: tuple[str, ...]) -> tuple[str, ...]:
        parsed = [parse_take(text) for text in take]
        if len(set(parsed)) < len(parsed):
            raise ValueError(f"an aggregate is listed twice: {', '.join(take)}")
        return take

    @property
    def aggregates(self) -> tuple[Take, ...]:
        """`take`, parsed."""
        return tuple(parse_take(text) for text in self.take)


class Window(Feature):
    """`window:`, bound.

    At T a window holds the rows of the key with floor(T - w, tile) <= τ < T and κ < T. A key without any row known
    before T is missing in every output. Otherwise `count` and `sum` of nothing are 0, the others of nothing missing;
    missing values are passed over by all but `count` and `since_last`. `since_last` is seconds since the newest row in
    the window. `distinct` is an estimate (see `poise.features.distinct`).
    """

    Spec: ClassVar[type[Record]] = WindowSpec

    def __init__(
        self,
        source: str,
        parts: Sequence[KeyPart],
        over: Sequence[int],
        take: Sequence[Take],
        outputs: Sequence[Output],
        needs: Needs,
    ) -> None:
        """`outputs` stand in the order of `take`, then `over`."""
        self.source = source
        self.parts = tuple(parts)
        self.over = tuple(over)
        self.take = tuple(take)
        self.outputs = tuple(outputs)
        self.needs = needs
        self._declared = self._declarations()

    @classmethod
    def bind(cls, spec: Any, system: SystemSpec, per: str) -> Self | None:
        """This window for rows of `per`; None where they lack its keys or have no T."""
        bound = carried(lambda name: cls._bound(spec, system, name), system, per)
        if bound is None:
            return None
        return cls(spec.from_, bound.parts, spec.over, spec.aggregates, bound.outputs, bound.needs)

    @staticmethod
    def _bound(spec: WindowSpec, system: SystemSpec, per: str) -> BoundWindow:
        return Binding(system, per, spec.from_).bind(spec.by, spec.over, spec.aggregates, spec.as_)

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """The outputs for past requests."""
        history = histories[self.source]
        codes, row_codes = self._codes(requests, histories, made)
        tiles = [tile_of(window) for window in self.over]
        every = walk(codes, requests.time, row_codes, history, self.over, tiles)
        unknown = ~every.known()
        answers: list[Column] = []
        for column, aggregates in self._by_column():
            found, rows = every, None
            if column is not None:
                rows = history.rows[column]
                gone = rows.missing()
                if gone.any():
                    here = np.where(gone, -1, row_codes)
                    found = walk(codes, requests.time, here, history, self.over, tiles)
            answers += [c for a in aggregates for c in _answers(a, found, rows, history, requests.time, unknown)]
        return dict(zip(self._names(), answers, strict=True))

    def declarations(self) -> tuple[Declaration, ...]:
        """One set of tiles per size of tile. Windows of one size share it."""
        return self._declared

    def _declarations(self) -> tuple[WindowDeclaration, ...]:
        by = tuple(part.event for part in self.parts)
        sizes = sorted({tile_of(window) for window in self.over})
        over = {size: tuple(sorted(w for w in self.over if tile_of(w) == size)) for size in sizes}
        return tuple(WindowDeclaration(self.source, by, size, over[size], self.take) for size in sizes)

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The outputs at request time."""
        keys = _request_keys(self.parts, requests, made)
        read: dict[Any, Column] = {}
        for declaration in self._declared:
            read |= store.read(declaration, keys, requests.time)
        columns = [read[name, column, window] for name, column in self.take for window in self.over]
        return {output.name: column for output, column in zip(self.outputs, columns, strict=True)}

    def holds(self) -> Edges | None:
        """Until an edge passes into the next tile; how long ago something was is true for an instant only."""
        if ("since_last", None) in self.take:
            return None
        return tuple((window, tile_of(window)) for window in self.over)

    def asks(self, requests: Requests, made: Mapping[str, Column]) -> tuple[Asked, ...]:
        """The tiles of these keys."""
        keys = _request_keys(self.parts, requests, made)
        return tuple((declaration, keys) for declaration in self._declared)

    def _by_column(self) -> list[tuple[str | None, list[str]]]:
        """The aggregates of each column, so that its rows are found once."""
        columns = dict.fromkeys(column for _, column in self.take)
        return [(column, [name for name, of in self.take if of == column]) for column in columns]

    def _names(self) -> Iterator[str]:
        """The outputs' names in the order in which `batch` makes them."""
        position = {take: index * len(self.over) for index, take in enumerate(self.take)}
        for column, aggregates in self._by_column():
            for aggregate in aggregates:
                start = position[aggregate, column]
                yield from (output.name for output in self.outputs[start : start + len(self.over)])

    def _codes(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> tuple[Codes, Codes]:
        """The keys of requests and of events as comparable codes."""
        history = histories[self.source]
        if not self.parts:
            return np.zeros(requests.height, np.int64), np.zeros(history.height, np.int64)
        held = [_held(part.event, history, histories) for part in self.parts]
        return joint_codes(_request_keys(self.parts, requests, made), held)


def _request_keys(parts: Sequence[KeyPart], requests: Requests, made: Mapping[str, Column]) -> list[Column]:
    """The requests' side of the key: what the caller sends, or what the plan has looked up as of T."""
    return [made[part.lookup.name] if part.lookup else requests.rows[part.request] for part in parts]


def _held(key: str | JoinedKey, events: History, histories: Mapping[str, History]) -> Column:
    """One part of the events' keys; a joined one as of each event's κ."""
    if isinstance(key, str):
        return events.rows[key]
    history = histories[key.source]
    codes, row_codes = joint_codes([events.rows[name] for name in key.by], [history.rows[name] for name in key.key])
    return history.rows[key.column].take(newest(codes, events.known, row_codes, history))


def _answers(
    aggregate: str,
    found: Walk,
    column: Column | None,
    history: History,
    time: NDArray[np.int64],
    unknown: NDArray[np.bool_],
) -> list[Column]:
    """One aggregate over every window."""
    if aggregate == "last":
        assert column is not None
        rows = np.where(unknown[:, None], -1, found.newest_rows())
        return [column.take(np.ascontiguousarray(rows[:, window])) for window in range(rows.shape[1])]
    values = _numbers(aggregate, found, column, history, time)
    values[unknown] = np.nan
    return [Column.numbers(np.ascontiguousarray(values[:, window])) for window in range(values.shape[1])]


def _numbers(aggregate: str, found: Walk, column: Column | None, history: History, time: NDArray[np.int64]) -> Floats:
    """One numeric aggregate, per request and window; of nothing it is 0 or missing, as the aggregate says."""
    if aggregate == "since_last":
        rows = found.newest_rows()
        past = time[:, None] - (history.time[rows] if history.height else rows)
        return np.where(rows < 0, np.nan, past / 1e6)
    if aggregate == "count":
        return found.count()
    assert column is not None
    if aggregate == "distinct":
        return distinct(found, *places(column))
    if aggregate == "sum":
        return found.combine(column.values, SUM)
    count = found.count()
    with np.errstate(invalid="ignore", divide="ignore"):
        if aggregate == "mean":
            return found.combine(column.values, SUM) / count
        values = found.combine(column.values, MIN if aggregate == "min" else MAX)
        return np.where(count > 0, values, np.nan)
