"""A plan's online form for lists: which steps are whose is settled once, and each side is made once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.errors import RequestError
from poise.features.candidates import Candidates
from poise.features.kept_items import KeptItems
from poise.features.listed import Listed, Made, Parts
from poise.features.row_plan import RowPlan
from poise.features.sides import Sides, Step, makes, reads, sides_of
from poise.features.stopwatch import Stamps
from poise.stores.base import OnlineStore
from poise.table import MISSING_TIME, Column, Kind, Requests, Same, Table

MOST_FORMS = 4
"""So many ways in which callers spread their columns over a request are answered with what is of the request alone made
once; in others it is made for each candidate."""
_NO_ROWS = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What is settled of requests that come with the same columns, the same ones of them once for all candidates.

    once, others: these columns; request: what makes all that is of the request alone; parts: where the columns stand
    that were asked for; needed: where those stand that the steps of both sides read.
    """

    sides: Sides
    once: tuple[str, ...]
    others: tuple[str, ...]
    request: RowPlan
    parts: Parts
    needed: Parts

    @classmethod
    def of(cls, sides: Sides, names: Mapping[str, str], columns: frozenset[str], kinds: Mapping[str, Kind]) -> Form:
        """names: the columns that were asked for, and the keys under which they are made; kinds: of all keys."""
        once = tuple(sorted(name for name in columns if sides.of[name] == "request"))
        read = {name for step in sides.both for name in reads(step)}
        made = {key: key for key in (*names.values(), *sorted(read)) if sides.of[key] == "request"}
        sent = {*made, *(name for step in sides.request for name in reads(step))}
        request = RowPlan(sides.request, made, [name for name in once if name in sent], kinds)
        parts, needed = Parts.of(names, sides), Parts.of({key: key for key in sides.of}, sides)
        return cls(sides, once, tuple(sorted(columns.difference(once))), request, parts, needed)


class ListPlan:
    """A plan's online form for lists.

    steps: in order; names: column -> the key under which a step makes it or the request holds it; request: the columns
    that requests must have; kinds: of all keys; item: the column that says which item a candidate is.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        names: Mapping[str, str],
        request: Sequence[str],
        kinds: Mapping[str, Kind],
        item: str,
    ) -> None:
        self._steps = tuple(steps)
        self._names = names
        self._request = tuple(request)
        self._kinds = kinds
        self._item = item
        self.most = 0
        """Items that are kept from one list to the next."""
        self._forms: dict[tuple[frozenset[str], frozenset[str]], Form] = {}
        self._kept: KeptItems | None = None

    def form(self, columns: frozenset[str], once: frozenset[str]) -> Form:
        """What is settled where requests come with these columns, `once` of them the same for all candidates. Raises
        `RequestError` where one is not there that must be."""
        found = self._forms.get((columns, once))
        if found is None:
            for name in self._request:
                if name not in columns:
                    raise RequestError("this column is required", field=name)
            if once and len(self._forms) >= MOST_FORMS:
                return self.form(columns, frozenset())
            sides = sides_of(self._steps, columns, once, self._item)
            found = self._forms[columns, once] = Form.of(sides, self._names, columns, self._kinds)
        return found

    @property
    def item(self) -> frozenset[str]:
        """The columns that items alone say."""
        sides = sides_of(self._steps, self._request, (), self._item)
        return frozenset(name for name, key in self._names.items() if sides.of[key] == "item")

    @property
    def bytes_per_item(self) -> int:
        """About what is kept of an item: its values, what is stale, its places in the store, its name."""
        sides = sides_of(self._steps, self._request, (), self._item)
        made = sum(len(makes(step)) for step in sides.item)
        return 13 * made + 9 * len(sides.item) + 260

    def online(
        self,
        requests: Requests,
        once: frozenset[str],
        items: list[Any],
        store: OnlineStore,
        stamps: Stamps | None = None,
    ) -> Listed:
        """The columns for n candidates at one T, from a store that has been advanced to it.

        items: those of the item's column as they were sent, all different, by which they are kept; without room for
        them all is made anew. stamps: takes when each of the `groups` of what is returned was done.
        """
        stamps, now = [] if stamps is None else stamps, time.perf_counter
        rows, height, instant = requests.rows, requests.height, requests.time.item(0)
        form = self.form(frozenset(rows), once)
        if isinstance(rows, Candidates):
            shared: Table = rows.shared
        else:
            shared = Table.of({name: _first(rows[name]) for name in form.once}, 1)
        request = form.request.online(Requests(shared, requests.time[:1]), store, stamps)
        kept = self._kept_of(form.sides, store) if self.most else None
        both, at = {name: rows[name] for name in form.others}, _NO_ROWS
        if kept is None or instant == MISSING_TIME or height > kept.most:
            kept = None
            for step in form.sides.item:
                both |= step.online(requests, store, both)
                stamps.append(now())
        else:
            at = kept.rows(rows[self._item], items, instant)
            stamps.append(now())
        made = Made(request, both, kept, at)
        if form.sides.both:
            needed = Listed(form.needed, made, height)
            for step in form.sides.both:
                both |= step.online(requests, store, needed)
                stamps.append(now())
        return Listed(form.parts, made, height)

    def _kept_of(self, sides: Sides, store: OnlineStore) -> KeptItems | None:
        """What is kept of this store's items; the steps of the item are the same whatever else a request says."""
        if store.changes() is None:
            return None
        if self._kept is None or self._kept.store is not store:
            self._kept = KeptItems(sides.item, self._item, store, self.most)
        return self._kept


def _first(column: Column) -> Column:
    if isinstance(column, Same):
        return column.repeated(1)
    return Column(column.kind, column.values[:1], column.levels)
