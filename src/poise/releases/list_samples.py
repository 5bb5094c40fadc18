"""Lists to try a release with: logged ones as callers would have asked for them, and longer ones made of the log.

A log holds what was shown, a handful of items per list; callers send all candidates. So who asks is taken from logged
lists, and what they could be shown from other rows of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.features.keys import joint_codes
from poise.features.position import FIRST
from poise.releases.contract import Contract
from poise.releases.examples import SEED
from poise.releases.request_rows import request_rows
from poise.spec.decision import Decision
from poise.table import Column, Requests, Table

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ListSample:
    """Candidates of several lists, one after the other: `lists` (n,) says which list each row of `requests` is of."""

    requests: Requests
    lists: Rows

    @property
    def count(self) -> int:
        """How many lists."""
        return int(self.lists[-1]) + 1 if len(self.lists) else 0

    def take(self, kept: NDArray[np.bool_]) -> ListSample:
        """Some of the rows, (n,) True for those; a list without any is gone."""
        left = self.lists[kept]
        return ListSample(self.requests.take(kept), np.unique(left, return_inverse=True)[1].astype(np.int64))

    def first(self, lists: int, candidates: int) -> ListSample:
        """At most so many lists, evenly spread, with at most so many candidates each: the first of them."""
        picked = np.unique(np.linspace(0, self.count - 1, min(lists, self.count)).astype(np.int64))
        return self.take(np.isin(self.lists, picked) & (self._places < candidates))

    @property
    def _places(self) -> Rows:
        """The place of each row in its list, from 0."""
        return np.arange(len(self.lists)) - np.searchsorted(self.lists, np.arange(self.count))[self.lists]

    def bodies(self, contract: Contract, decision: Decision) -> list[dict[str, Any]]:
        """Each list as the body of a request to decide: what varies stands in its candidates, the rest beside them."""
        every = np.arange(self.requests.height)
        rows = request_rows(contract, decision.per, self.requests, every)
        varies = {i.name for i in contract.inputs_of(decision.per) if i.varies}
        bodies: list[dict[str, Any]] = []
        for at, row in zip(self.lists.tolist(), rows, strict=True):
            if at == len(bodies):
                bodies.append({**{k: v for k, v in row.items() if k not in varies}, "candidates": []})
            bodies[-1]["candidates"].append({k: v for k, v in row.items() if k in varies})
        return bodies

    def padded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the rows, (n,), as one row per list, NaN beyond its candidates."""
        places = self._places
        out = np.full((self.count, int(places.max(initial=-1)) + 1), np.nan)
        out[self.lists, places] = values
        return out


def logged(decision: Decision, requests: Requests, lists: Rows, rows: Rows, count: int) -> ListSample:
    """At most `count` logged lists, spread over the time of `rows` (positions in `requests`), as they were shown.

    lists: the list of each of these rows, (rows,). Items that stand in a list twice are left out the second time, as
    are rows without an item.
    """
    items = _codes(requests, decision.item)[rows]
    told = np.unique(np.stack([lists, items], axis=1), axis=0, return_index=True)[1]
    told = np.sort(told[items[told] >= 0])
    order = told[np.argsort(lists[told], kind="stable")]
    found, first = np.unique(lists[order], return_index=True)
    newest_last = found[np.argsort(order[first], kind="stable")]
    picked = newest_last[np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).astype(np.int64))]
    number = np.full(int(lists.max(initial=-1)) + 1, -1, np.int64)
    number[picked] = np.arange(len(picked))
    kept = order[number[lists[order]] >= 0]
    kept = kept[np.argsort(number[lists[kept]], kind="stable")]
    return ListSample(_asked(decision, requests.take(rows[kept])), number[lists[kept]])


def longer(decision: Decision, requests: Requests, base: ListSample, size: int, varies: Collection[str]) -> ListSample:
    """The same lists with `size` candidates each: their own, and other items of the log drawn at random.

    An item is as its newest row in `requests` says; fewer candidates where the log knows fewer items. varies: the
    columns that belong to a candidate; all others are those of its list.
    """
    if not base.count:
        return base
    every = _codes(requests, decision.item)
    newest = np.full(int(every.max(initial=-1)) + 1, -1, np.int64)
    newest[every[every >= 0]] = np.flatnonzero(every >= 0)
    known = np.flatnonzero(newest >= 0)
    own = joint_codes([base.requests.rows[decision.item or ""]], [requests.rows[decision.item or ""]])
    place = _places_by_code(own[1], every)
    random, parts, lists = np.random.default_rng(SEED), [], []
    starts = np.searchsorted(base.lists, np.arange(base.count + 1))
    for at in range(base.count):
        has = place[own[0][starts[at] : starts[at + 1]]][:size]
        drawn = random.choice(known, min(size, len(known)), replace=False)
        drawn = np.concatenate([has, drawn[~np.isin(drawn, has)]])[: min(size, len(known))]
        parts.append(random.permutation(drawn))
        lists.append(np.full(len(drawn), at))
    chosen, list_of = np.concatenate(parts), np.concatenate(lists).astype(np.int64)
    return ListSample(_joined(decision, requests, newest[chosen], base, starts[list_of], varies), list_of)


def _joined(
    decision: Decision, requests: Requests, items: Rows, base: ListSample, asked: Rows, varies: Collection[str]
) -> Requests:
    """Candidates: what varies from the rows `items` of the log, the rest and the time from the rows `asked`."""
    shared = base.requests.take(asked)
    candidates = requests.rows.select([n for n in requests.rows if n in {*varies, decision.item}]).take(items)
    return Requests(shared.rows.with_columns(candidates), shared.time)


def _asked(decision: Decision, requests: Requests) -> Requests:
    """Rows as they are answered: at the first place."""
    if decision.position is None:
        return requests
    first = Column.numbers(np.full(requests.height, FIRST))
    return Requests(requests.rows.with_columns({decision.position: first}), requests.time, requests.id)


def _codes(requests: Requests, column: str | None) -> Rows:
    item = requests.rows[column or ""]
    return joint_codes([item], [item])[0]


def _places_by_code(codes: Rows, values: Rows) -> Rows:
    """Code -> the value that rows of this code have."""
    out = np.full(int(codes.max(initial=-1)) + 1, -1, np.int64)
    out[codes[codes >= 0]] = values[codes >= 0]
    return out


def varying(columns: Mapping[str, Column] | Table, lists: Rows, names: Collection[str]) -> tuple[str, ...]:
    """Those of `names` whose value differs between rows of some list; `lists` (n,) from 0.

    >>> page = Table({"user": Column.strings(["a", "a", "b"]), "shop": Column.strings(["x", "y", "x"])})
    >>> varying(page, np.array([0, 0, 1]), ["user", "shop"])
    ('shop',)
    """
    if not len(lists):
        return ()
    first = np.full(int(lists.max()) + 1, -1, np.int64)
    first[lists[::-1]] = np.arange(len(lists))[::-1]
    found = []
    for name in names:
        codes, _ = joint_codes([columns[name]], [columns[name]])
        if (codes != codes[first[lists]]).any():
            found.append(name)
    return tuple(found)
