"""Why an action was chosen: what each term says of it, what set it before the next one, what would have changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.serving.explain import Explained, Record, Release
from poise.serving.explain_change import Change, nearest_change
from poise.serving.explain_place import stood_in
from poise.serving.explain_terms import by_size, total
from poise.serving.explain_weights import another_first, places, ranks
from poise.serving.explain_words import changed, reasons, sentence
from poise.table import Table


def choices(
    release: Release,
    record: Record,
    weights: Mapping[str, float],
    explained: Explained,
    predictions: list[dict[str, Any]],
) -> dict[str, Any]:
    """The explanation of choices; `predictions` is what is said of each explained row in itself."""
    effects = release.effects(explained) if explained.rows else {}
    to_terms = {term: release.to_terms(found, explained) for term, found in effects.items()}
    rows = []
    for at, (row, in_itself) in enumerate(zip(explained.rows, predictions, strict=True)):
        own = {term: {name: v[at] for name, v in found.items()} for term, found in to_terms.items()}
        average = {term: found.average[at] for term, found in effects.items()}
        features = explained.features.take(np.array([at]))
        told = _Told(release, record, weights, explained, row, features, own, average)
        rows.append({**told.head(), **(told.by_rule() if record["fallback"][row] else told.weighed()), **in_itself})
    return {"weights": {"version": record["weights"], "values": dict(weights)}, "rows": rows}


@dataclass(frozen=True, eq=False)
class _Told:
    """What is said of the choice of one row. to_terms: term -> input -> (actions,); averages: term -> (actions,)."""

    release: Release
    record: Record
    weights: Mapping[str, float]
    explained: Explained
    row: int
    features: Table
    to_terms: Mapping[str, Mapping[str, Floats]]
    averages: Mapping[str, Floats]

    @property
    def actions(self) -> list[str]:
        return list(self.record["actions"])

    @property
    def taken(self) -> str:
        """The action that was taken."""
        return str(self.record["chosen"][self.row])

    @cached_property
    def chosen(self) -> int:
        """The action that was best, which exploration may have set aside."""
        return self.actions.index(self.record.get("best", self.record["chosen"])[self.row])

    @cached_property
    def scores(self) -> Floats:
        return _numbers(self.record["scores"][self.row])

    @cached_property
    def terms(self) -> dict[str, Floats]:
        return {term: _numbers(values[self.row]) for term, values in self.record["terms"].items()}

    @property
    def held(self) -> list[int]:
        """The actions that were worth more than the chosen one, and were held back by how often they may be taken."""
        limited = self.record.get("capacity", {})
        better = self.scores > self.scores[self.chosen]
        return [j for j, action in enumerate(self.actions) if action in limited and better[j]]

    def head(self) -> dict[str, Any]:
        return {"row": self.row, "decision_id": self.record["ids"][self.row], "chosen": self.taken}

    def by_rule(self) -> dict[str, Any]:
        """Of a row for which no action had a score."""
        said = f"'{self.taken}' was taken by the rule, since no action could be scored"
        return {"fallback": True, "said": sentence(said, stood_in(self.record))}

    def weighed(self) -> dict[str, Any]:
        """What each action was worth, what set the chosen one before the next, and what would have changed it."""
        held = self.held
        at = np.flatnonzero(np.isfinite(self.scores))
        counting = {term: values[at] for term, values in self.terms.items() if np.isfinite(values[at]).all()}
        best = int(np.flatnonzero(at == self.chosen)[0])
        weights = [
            {**one, "then": self.actions[at[one["then"]]]} for one in another_first(counting, self.weights, best)
        ]
        change = None if held else self._change()
        then = None if change is None else self._after(change)
        without_held = np.where(np.isin(np.arange(len(self.actions)), held), np.nan, self.scores)
        over = _over(self.actions, without_held, total(self.weights, self.to_terms), self.chosen)
        return {
            "actions": self._worth_each(at, counting),
            "over": over,
            "would_change": {
                "weights": weights,
                "input": None if change is None else {**change.to_dict(), "then": then},
            },
            "said": self._said(over, held, change, then),
        }

    def _worth_each(self, at: NDArray[np.int64], counting: Mapping[str, Floats]) -> dict[str, Any]:
        """Each action with its terms. at: those that have a score; counting: the terms of these that all have one."""
        did, by = places(counting, self.weights), ranks(self.scores)
        return {
            action: {
                "score": None if by[j] is None else float(self.scores[j]),
                "rank": by[j],
                "terms": {
                    term: {
                        **_worth(self.weights.get(term, 0.0), values[j]),
                        "average": _finite(self.averages[term][j]),
                        "contributions": _finite_all({name: v[j] for name, v in self.to_terms[term].items()}),
                        **_did(did, term, at, j),
                    }
                    for term, values in self.terms.items()
                },
            }
            for j, action in enumerate(self.actions)
        }

    def _change(self) -> Change | None:
        """The nearest change of one input after which another action would have been chosen."""
        return nearest_change(
            self.features,
            self.release.observed,
            lambda rows: _others(self.release, self.explained, self.weights, rows) != self.chosen,
        )

    def _after(self, change: Change) -> str:
        """The action that would be chosen after a change."""
        rows = _changed(self.features, change.input, change.becomes)
        return self.actions[int(_others(self.release, self.explained, self.weights, rows)[0])]

    def _said(self, over: Mapping[str, Any] | None, held: list[int], change: Change | None, then: str | None) -> str:
        best, release = self.actions[self.chosen], self.release
        explored = self.taken != best
        why = reasons(over["contributions"] if over else {}, self.features, release.observed, release.called)
        return sentence(
            f"'{self.taken}' was taken to explore, in the place of the best" if explored else "",
            f"'{best}' " + ("was best" if explored else "was chosen") + _rather(over),
            *(f"'{self.actions[j]}' was worth more, and was held back by how often it may be taken" for j in held),
            stood_in(self.record),
            f"what counted most for it: {why}" if why else "",
            "" if change is None else f"it would have been '{then}' {changed(change, release.called)}",
        )


def _others(release: Release, explained: Explained, weights: Mapping[str, float], rows: Table) -> NDArray[np.int64]:
    """The action that would be chosen for other rows, (n,)."""
    assert release.chooser is not None
    return release.chooser.weigh(release.terms(release.predict(rows, explained), rows), weights).chosen


def _changed(features: Table, name: str, value: Any) -> Table:
    column = features[name]
    other = type(column).strings([value]) if column.kind == "string" else type(column).numbers([value])
    return features.with_columns({name: other})


def _over(actions: list[str], scores: Floats, score: Mapping[str, Floats], chosen: int) -> dict[str, Any] | None:
    """The next best action, by how much it was behind, and what set the two apart: in all, and beyond the averages."""
    others = [j for j in np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable").tolist() if j != chosen]
    others = [j for j in others if np.isfinite(scores[j])]
    if not others:
        return None
    j = others[0]
    apart = {name: float(values[chosen] - values[j]) for name, values in score.items()}
    apart = {name: value for name, value in apart.items() if np.isfinite(value)}
    by = float(scores[chosen] - scores[j])
    return {"action": actions[j], "by": by, "average": by - sum(apart.values()), "contributions": by_size(apart)}


def _rather(over: Mapping[str, Any] | None) -> str:
    if over is None:
        return ""
    return f" rather than '{over['action']}'" + (", level with it: the earlier one" if over["by"] == 0 else "")


def _worth(weight: float, value: float) -> dict[str, Any]:
    known = bool(np.isfinite(value))
    return {
        "value": float(value) if known else None,
        "weight": weight,
        "adds": weight * float(value) if known else None,
    }


def _did(did: Mapping[str, Any], term: str, at: NDArray[np.int64], action: int) -> dict[str, Any]:
    place = np.flatnonzero(at == action)
    if term not in did or not len(place):
        return {}
    return {"rank_alone": did[term]["alone"][place[0]], "rank_without": did[term]["without"][place[0]]}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _finite_all(contributions: Mapping[str, float]) -> dict[str, float] | None:
    if not all(np.isfinite(value) for value in contributions.values()):
        return None
    return by_size({name: float(value) for name, value in contributions.items()})


def _numbers(values: Any) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)
