"""A plan's online form for one row: plain values from the request and from the store to the outputs, without columns.

What one row costs is not what is computed of it but the objects that carry it. So which names are read from where is
settled once, and only steps that work on columns (windows, expressions, functions) are given any.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from poise.errors import RequestError
from poise.features.lookup import RowLookup
from poise.features.sides import Step, makes
from poise.features.stopwatch import Stamps
from poise.one_row import OneRow, RowForm, Take, taken
from poise.stores.base import OnlineStore
from poise.table import Kind, Requests


class RowPlan:
    """The steps of a plan for requests of one row.

    steps: in order; wanted: column -> the key under which a step makes it or the request holds it; request: the columns
    that requests must have; kinds: of all keys.
    """

    def __init__(
        self, steps: Sequence[Step], wanted: Mapping[str, str], request: Sequence[str], kinds: Mapping[str, Kind]
    ) -> None:
        self._request = tuple(request)
        renamed, left = _without_renaming(steps)
        keys = {name: renamed.get(key, key) for name, key in wanted.items()}
        places = list(request)
        self._steps: list[tuple[Step | None, Take]] = []
        for number, step in enumerate(left):
            self._steps.append((step, taken([places.index(name) for name in _key(step)])))
            places += _gives(step, number)
        self._made = RowForm({name: kinds.get(name, "number") for name in places})
        self._wanted = RowForm({name: kinds[key] for name, key in keys.items()})
        self._take = self._made.take(tuple(keys.values()))

    def online(self, requests: Requests, store: OnlineStore, stamps: Stamps | None = None) -> OneRow:
        """The wanted columns of one request, from a store that has been advanced to its T.

        stamps: takes when each step was done.
        """
        stamps, now = [] if stamps is None else stamps, time.perf_counter
        rows, instant = requests.rows, requests.time.item(0)
        try:
            cells = list(rows.picked(self._request)) if type(rows) is OneRow else [rows[n].only for n in self._request]
        except KeyError as problem:
            raise RequestError("this column is required", field=problem.args[0]) from None
        made = OneRow(self._made, cells)
        for step, key in self._steps:
            if type(step) is RowLookup:
                cells += store.row(step.declaration, key(cells), instant)
            elif step is not None:
                columns = step.online(requests, store, made)
                for name in makes(step):
                    made.put(name, columns[name])
            stamps.append(now())
        return OneRow(self._wanted, self._take(cells))


def _key(step: Step | None) -> Sequence[str]:
    """What holds the key that a step looks up."""
    return step.by if isinstance(step, RowLookup) else ()


def _gives(step: Step | None, number: int) -> list[str]:
    """The names of the values that a step gives, in order; those that nobody asks for are told apart by its number."""
    if not isinstance(step, RowLookup):
        return [] if step is None else list(makes(step))
    names = {column: name for name, column in step.gives.items()}
    return [names.get(column, f"{column} of step {number}") for column in step.declaration.columns]


def _without_renaming(steps: Sequence[Step]) -> tuple[dict[str, str], tuple[Step | None, ...]]:
    """What features only name otherwise, and the steps with None in the places of those that do nothing else."""
    read = {name for step in steps if not isinstance(step, RowLookup) for name in step.needs.features}
    renamed: dict[str, str] = {}
    left: list[Step | None] = []
    for step in steps:
        names = {} if isinstance(step, RowLookup) else step.renames
        drops = bool(names) and read.isdisjoint(names)
        renamed |= names if drops else {}
        left.append(None if drops else step)
    return renamed, tuple(left)
