"""Why an action was chosen: what each term says of it, what set it before the next one, what would have changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.serving.explain import Explained, Record, Release
from poise.serving.explain_change import nearest_change
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
    averages = {term: found.average for term, found in effects.items()}
    rows = []
    for at, (row, in_itself) in enumerate(zip(explained.rows, predictions, strict=True)):
        own = {term: {name: v[at] for name, v in found.items()} for term, found in to_terms.items()}
        average = {term: values[at] for term, values in averages.items()}
        features = explained.features.take(np.array([at]))
        rows.append(_row(release, record, weights, explained, row, features, own, average, in_itself))
    return {"weights": {"version": record["weights"], "values": dict(weights)}, "rows": rows}


def _row(
    release: Release,
    record: Record,
    weights: Mapping[str, float],
    explained: Explained,
    row: int,
    features: Table,
    to_terms: Mapping[str, Mapping[str, Floats]],
    averages: Mapping[str, Floats],
    in_itself: Mapping[str, Any],
) -> dict[str, Any]:
    """One choice. to_terms: term -> input -> (actions,); averages: term -> (actions,)."""
    actions = list(record["actions"])
    taken = actions.index(record["chosen"][row])
    head = {"row": row, "decision_id": record["ids"][row], "chosen": actions[taken]}
    terms = {term: _numbers(values[row]) for term, values in record["terms"].items()}
    scores = _numbers(record["scores"][row])
    if record["fallback"][row]:
        said = sentence(f"'{actions[taken]}' was taken by the rule, since no action could be scored", stood_in(record))
        return {**head, "fallback": True, **in_itself, "said": said}
    chosen = actions.index(record.get("best", record["chosen"])[row])  # which exploration may have set aside
    held = [
        j for j, action in enumerate(actions) if action in record.get("capacity", {}) and scores[j] > scores[chosen]
    ]
    at = np.flatnonzero(np.isfinite(scores))
    counting = {term: values[at] for term, values in terms.items() if np.isfinite(values[at]).all()}
    best = int(np.flatnonzero(at == chosen)[0])
    did, by = places(counting, weights), ranks(scores)
    score = total(weights, to_terms)
    told = {
        actions[j]: {
            "score": None if by[j] is None else float(scores[j]),
            "rank": by[j],
            "terms": {
                term: {
                    **_worth(weights.get(term, 0.0), values[j]),
                    "average": _finite(averages[term][j]),
                    "contributions": _finite_all({name: v[j] for name, v in to_terms[term].items()}),
                    **_did(did, term, at, j),
                }
                for term, values in terms.items()
            },
        }
        for j in range(len(actions))
    }
    weights_at = [{**one, "then": actions[at[one["then"]]]} for one in another_first(counting, weights, best)]
    change = None
    if not held:
        change = nearest_change(
            features, release.observed, lambda rows: _others(release, explained, weights, rows) != chosen
        )
    then = None
    if change is not None:
        then = actions[_others(release, explained, weights, _changed(features, change.input, change.becomes))[0]]
    over = _over(actions, np.where(np.isin(np.arange(len(actions)), held), np.nan, scores), score, chosen)
    why = reasons(over["contributions"] if over else {}, features, release.observed, release.called)
    said = sentence(
        f"'{actions[taken]}' was taken to explore, in the place of the best" if taken != chosen else "",
        f"'{actions[chosen]}' " + ("was best" if taken != chosen else "was chosen") + _rather(over),
        *(f"'{actions[j]}' was worth more, and was held back by how often it may be taken" for j in held),
        stood_in(record),
        f"what counted most for it: {why}" if why else "",
        "" if change is None else f"it would have been '{then}' {changed(change, release.called)}",
    )
    would = {"weights": weights_at, "input": None if change is None else {**change.to_dict(), "then": then}}
    return {**head, "actions": told, "over": over, "would_change": would, **in_itself, "said": said}


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
