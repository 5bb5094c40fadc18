"""Why a list was in this order: what each term did to the places, and what would have put another item first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.serving.explain import Explained, Record, Release
from poise.serving.explain_first import OtherFirst, other_first
from poise.serving.explain_place import drawn, level, position, stood_in
from poise.serving.explain_rows import NOT_KEPT, numbers
from poise.serving.explain_rule import by_rule
from poise.serving.explain_shared import one_value_everywhere
from poise.serving.explain_terms import by_size, total
from poise.serving.explain_weights import another_first, places, ranks, to_be_first
from poise.serving.explain_words import changed, reasons, sentence
from poise.serving.list_entries import stands_as


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """The candidates that could be shown and have a score: `at`, their rows (m,); of them terms and scores, (m,)."""

    at: NDArray[np.int64]
    terms: Mapping[str, Floats]
    scores: Floats

    @property
    def best(self) -> int:
        """The place in `at` of the best."""
        return int(np.argmax(self.scores))

    def place(self, row: int) -> int | None:
        """Where a row stands in `at`."""
        found = np.flatnonzero(self.at == row)
        return int(found[0]) if len(found) else None


def listing(
    release: Release,
    record: Record,
    weights: Mapping[str, float],
    explained: Explained,
    predictions: list[dict[str, Any]],
    only: int | None,
) -> dict[str, Any]:
    """The explanation of a list; `predictions` is what is said of each explained row in itself."""
    assert release.ranker is not None and release.ranker.decision.item is not None
    head = {"decision_id": record["ids"][0], "weights": {"version": record["weights"], "values": dict(weights)}}
    if record.get("explored"):
        head["explored"] = dict(record["explored"])
    order = _order(record, weights)
    if order is None:
        in_themselves = dict(zip(explained.rows, predictions, strict=True))
        return {**head, **by_rule(release.ranker, record, weights, in_themselves, only)}
    told = _Told(release, record, weights, explained, order, stands_as(release.ranker.decision.item))
    rows = [told.row(at, one) for at, one in enumerate(predictions)]
    if only is not None and not rows:
        rows = [told.not_kept(only)]
    return {
        **head,
        "candidates": len(record["items"]),
        "ranked": len(order.at),
        "rows": rows,
        "would_change": told.would_change(),
    }


class _Told:
    """What is said of each row of one list."""

    def __init__(
        self,
        release: Release,
        record: Record,
        weights: Mapping[str, float],
        explained: Explained,
        order: _Order,
        item: str,
    ) -> None:
        self._release, self._record, self._weights, self._explained = release, record, weights, explained
        self._order, self._item = order, item
        self._ranks, self._places = ranks(order.scores), places(order.terms, weights)
        self._same = release.shared(record) | one_value_everywhere(record)
        self._effects = release.effects(explained) if explained.rows else {}
        self._to_terms = {term: release.to_terms(found, explained) for term, found in self._effects.items()}

    def row(self, at: int, in_itself: Mapping[str, Any]) -> dict[str, Any]:
        """One explained row."""
        row = self._explained.rows[at]
        terms = {}
        for term, (value, place) in self._terms(row).items():
            effects = self._effects[term]
            found = {name: float(values[at, 0]) for name, values in self._to_terms[term].items()}
            average = float(effects.average[at, 0])
            known = all(np.isfinite(v) for v in (average, *found.values()))
            terms[term] = {
                **self._worth(term, value),
                "average": average if known else None,
                "contributions": by_size(found) if known else None,
                **place,
            }
        score = {name: float(v[at, 0]) for name, v in total(self._weights, self._to_terms).items()}
        score = {name: value for name, value in score.items() if np.isfinite(value)}
        first = row == self._best
        said = self._said(row, self._counted(at, score, first), self._other() if first else "")
        return {
            **self._head(row),
            "terms": terms,
            "contributions": by_size(score),
            **self._first(row),
            **in_itself,
            "said": said,
        }

    def not_kept(self, row: int) -> dict[str, Any]:
        """A row whose features are not known any more."""
        terms = {term: {**self._worth(term, value), **place} for term, (value, place) in self._terms(row).items()}
        said = self._said(row, "", "")
        return {**self._head(row), "terms": terms, "not_kept": NOT_KEPT, **self._first(row), "said": said}

    def would_change(self) -> dict[str, Any]:
        """What would have put another item first: weights one at a time, and the nearest change of one input."""
        order, best = self._order, self._order.best
        found = another_first(order.terms, self._weights, best)
        weights = [{**one, "then": self._name(int(order.at[one["then"]]))} for one in found]
        out: dict[str, Any] = {"first": self._name(int(order.at[best])), "weights": weights}
        if self._best in self._explained.rows:
            found_change = self._change
            out["input"] = None if found_change is None else found_change.to_dict(self._name(found_change.then))
        return out

    @property
    def _best(self) -> int:
        return int(self._order.at[self._order.best])

    @cached_property
    def _change(self) -> OtherFirst | None:
        """The nearest change of one input after which another item is first."""
        if self._best not in self._explained.rows:
            return None
        scores = zip(self._order.at.tolist(), self._order.scores.tolist(), strict=True)
        behind = {row: score for row, score in scores if row != self._best}
        return other_first(self._release, self._record, self._weights, self._explained, self._best, behind)

    def _first(self, row: int) -> dict[str, Any]:
        """At which weights this row would be first."""
        place = self._order.place(row)
        if place is None or place == self._order.best:
            return {}
        found = to_be_first(self._order.terms, self._weights, place)
        return {"first_at": [{"term": o["term"], "weight": o["weight"], "becomes": o["becomes"]} for o in found]}

    def _head(self, row: int) -> dict[str, Any]:
        place = self._order.place(row)
        rank = None if place is None else self._ranks[place]
        return {
            self._item: self._name(row),
            **position(self._record, row, rank),
            "rank": rank,
            "score": self._record["scores"][row],
            **({} if place is not None else {"left_out": self._why_not(row)}),
        }

    def _why_not(self, row: int) -> str:
        allowed = self._record["allowed"][row]
        if allowed != 1:
            assert self._release.ranker is not None
            return self._release.ranker.why_not(float("nan") if allowed is None else float(allowed))
        lacking = [t for t, values in self._record["terms"].items() if self._weights.get(t) and values[row] is None]
        return f"missing: {', '.join(lacking)}"

    def _terms(self, row: int) -> dict[str, tuple[float | None, dict[str, Any]]]:
        """Each term's value, and what it did to the place."""
        at = self._order.place(row)
        out = {}
        for term, values in self._record["terms"].items():
            found = self._places.get(term)
            did = {} if at is None or found is None else {
                "rank_alone": found["alone"][at], "rank_without": found["without"][at]
            }  # fmt: skip
            out[term] = (values[row], did)
        return out

    def _worth(self, term: str, value: float | None) -> dict[str, Any]:
        weight = self._weights.get(term, 0.0)
        return {"value": value, "weight": weight, "adds": None if value is None else weight * value}

    def _name(self, row: int) -> Any:
        return self._record["items"][row]

    def _said(self, row: int, counted: str, other: str) -> str:
        """counted: the inputs that counted most; other: what would be first, and when."""
        order, name = self._order, f"'{self._name(row)}'"
        place, of = order.place(row), len(order.at)
        if place is None:
            return sentence(f"{name} could not be ranked: {self._why_not(row)}", stood_in(self._record))
        rank = self._ranks[place]
        same = level(int((order.scores == order.scores[place]).sum()) - 1)
        head = f"{name} is {'first' if rank == 1 else f'number {rank}'} of {of} by its score{same}"
        return sentence(head, drawn(position(self._record, row, rank)), stood_in(self._record), counted, other)

    def _counted(self, at: int, score: Mapping[str, float], first: bool) -> str:
        """What counted most for the place of an explained row, or against it."""
        features = self._explained.features.take(np.array([at]))
        own = self._release.told(score, self._same)
        up = first or sum(own.values()) >= 0
        why = reasons(own, features, self._release.observed, self._release.called, up=up)
        return f"what counted most {'for' if up else 'against'} it: {why}" if why else ""

    def _other(self) -> str:
        found = self._change
        if found is None:
            return ""
        return f"'{self._name(found.then)}' would be first {changed(found.change, self._release.called)}"


def _order(record: Record, weights: Mapping[str, float]) -> _Order | None:
    """The candidates that were sorted by their scores; None where the rule sorted."""
    terms = {term: numbers(values) for term, values in record["terms"].items()}
    if not terms:
        return None
    scores = np.zeros(len(record["items"]))
    for term, values in terms.items():
        if weights.get(term):
            scores = scores + weights[term] * values
    at = np.flatnonzero((numbers(record["allowed"]) == 1) & np.isfinite(scores))
    if not len(at):
        return None
    counting = {term: values[at] for term, values in terms.items() if np.isfinite(values[at]).all()}
    return _Order(at, counting, scores[at])
