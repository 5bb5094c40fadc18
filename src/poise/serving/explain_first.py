"""Which change of one input would have put another item first: checked by giving the candidates their scores again.

What says something of the item is changed in the item that was first. What is equal for all candidates, such as the
weather or the user's city, is changed in all of them, which can be said only where the log has all of them in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.models.reference import Levels, Numbers
from poise.serving.explain import Explained, Record, Release
from poise.serving.explain_change import Change, changes_of, nearest_change, with_values
from poise.serving.explain_shared import allowed_rows, place_of_allowed
from poise.table import Table

EQUAL = 1e-9
"""Scores this near to each other, beside what they are, differ by rounding."""


@dataclass(frozen=True, slots=True)
class OtherFirst:
    """A change of one input, and the row that would be first after it. everywhere: it is one of all candidates."""

    change: Change
    then: int
    everywhere: bool

    def to_dict(self, name: Any) -> dict[str, Any]:
        """Plain values; name: what the row is called."""
        return {**self.change.to_dict(), "then": name, "in": "all candidates" if self.everywhere else "the first"}


def other_first(
    release: Release,
    record: Record,
    weights: Mapping[str, float],
    explained: Explained,
    first: int,
    behind: Mapping[int, float],
) -> OtherFirst | None:
    """The nearest change of one input after which another row than `first` has the highest score; None: none does it.

    behind: the scores of all others that could be ranked.
    """
    if not behind:
        return None
    shared = release.shared(record)
    own = {name: values for name, values in release.observed.items() if name not in shared}
    second = max(behind, key=lambda row: behind[row])  # the earlier of equals
    change = nearest_change(
        release.features(record, [first]),
        own,
        lambda rows: _behind(_scores(release, explained, weights, rows), behind[second]),
    )
    found = [] if change is None else [OtherFirst(change, second, everywhere=False)]
    if place_of_allowed(record) is not None:
        read = release.read_by_where()  # what was left out may come in by these, and the log may lack it
        same = {name: release.observed[name] for name in sorted((shared & release.observed.keys()) - read)}
        found += _of_all(release, record, weights, explained, first, same)
    return min(found, key=lambda one: one.change.distance, default=None)


def _of_all(
    release: Release,
    record: Record,
    weights: Mapping[str, float],
    explained: Explained,
    first: int,
    observed: Mapping[str, Numbers | Levels],
) -> list[OtherFirst]:
    """Of each input that is equal for all candidates the nearest change that does it."""
    at = allowed_rows(record)
    rows = release.features(record, at)
    found = []
    for name, values in observed.items():
        if name not in rows or not len(values.values):
            continue
        tried = sorted(changes_of(name, rows[name].take(np.zeros(1, np.int64)), values), key=lambda one: one.distance)
        many = rows.take(np.tile(np.arange(len(at)), len(tried)))
        becomes = [one.becomes for one in tried for _ in at]
        many = many.with_columns({name: with_values(rows[name], becomes)})
        scores = _scores(release, explained, weights, many).reshape(len(tried), len(at))
        best = np.argmax(np.where(np.isnan(scores), -np.inf, scores), axis=1)  # the earlier of equals
        highest = scores[np.arange(len(tried)), best]
        there = np.flatnonzero(~np.isnan(highest) & _behind(scores[:, at.index(first)], highest))
        if len(there):
            found.append(OtherFirst(tried[there[0]], at[best[there[0]]], everywhere=True))
    return found


def _behind(scores: Floats, other: float | Floats) -> NDArray[np.bool_]:
    """Whether scores are below others by more than rounding; what cannot be ranked any more is behind all."""
    return np.asarray(~(scores >= other - EQUAL * (1 + np.abs(other))), np.bool_)


def _scores(release: Release, explained: Explained, weights: Mapping[str, float], rows: Table) -> Floats:
    """What other rows would score, (n,); NaN for what could not be shown or ranked."""
    assert release.ranker is not None
    rows = release.in_step(rows)
    terms = release.terms(release.predict(rows, explained), rows)
    out = np.where(release.ranker.where(rows) == 1, 0.0, np.nan)
    for term, values in terms.items():
        if weights.get(term):
            out = out + weights[term] * values[:, 0]
    return out
