"""Longer lists than were logged, put to the models: what the choice of an order is expected to bring in each term.

These are predictions, not outcomes: they say what weights and exploration trade against each other as the models see
it. The release keeps them (`exploration.npz`), so that a server settles the strength of exploration under any weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.decisions.exploration_cost import Basis, assumed_exposure
from poise.decisions.rank import Ranker
from poise.decisions.terms import utility
from poise.evaluation.measures import Floats
from poise.features.plan import FeaturePlan
from poise.models.predictor import Predictor
from poise.releases.list_samples import ListSample
from poise.releases.places import at_place
from poise.spec.decision import Decision
from poise.spec.source_types import position_feature
from poise.spec.system import SystemSpec
from poise.table import History, Table

LISTS, WIDE = 200, 100
"""So many lists of at most so many candidates are put to the models: a mean over them is known to a few percent, and
the release keeps them in some hundred kilobytes."""
ROWS = 30_000
"""Predictions per term that the curves of places take, over all places."""
PLACES = 200
"""Places behind this one count like it: hardly anybody looks there."""
RANDOM = "constant"
"""The policy whose scores are all equal: a random order, as in `evaluation`."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What the models predict of sampled candidates.

    basis: each term of those that may be shown, and what places make of it. curves: the same for as many places as were
    logged, at least those shown. assumed: places are taken to fall off as 1 / log2(place + 1), since the log does not
    say where items stood. rule: (lists, width), NaN where it is missing;
    None where there is none. candidates: how many each list had, on average. eligible: the share that may be shown.
    """

    basis: Basis
    curves: Mapping[str, Floats]
    assumed: bool
    rule: Floats | None
    candidates: float
    eligible: float

    @property
    def lists(self) -> int:
        """How many lists have candidates that may be shown."""
        return len(next(iter(self.basis.terms.values())))


def trial(
    system: SystemSpec,
    ranker: Ranker,
    predictors: Mapping[str, Predictor],
    plan: FeaturePlan,
    histories: Mapping[str, History],
    sample: ListSample,
    judged: Table,
) -> Trial:
    """Features of the sampled candidates as of the T of their list, and what is predicted of them.

    judged: the features of judged rows, on which the curves of places are measured.
    """
    some = sample.first(LISTS, WIDE)
    place = position_feature(system, ranker.decision.per)
    columns = at_place(plan.batch(some.requests, histories, sorted(ranker.extra_names())), place)
    terms = _terms(ranker, predictors, columns)
    kept = ranker.where(columns) == 1
    for values in terms.values():
        kept = kept & np.isfinite(values)
    shown = some.take(kept)
    curves = place_curves(ranker, predictors, judged, place)
    show = ranker.decision.show
    basis = Basis(
        {term: shown.padded(values[kept]) for term, values in terms.items()},
        {term: curve[:show] for term, curve in curves.items()},
    )
    rule = None if ranker.decision.rule is None else shown.padded(ranker.rule(columns)[kept])
    lists = max(some.count, 1)
    return Trial(basis, curves, place is None, rule, len(kept) / lists, float(kept.mean()) if len(kept) else 0.0)


def place_curves(
    ranker: Ranker, predictors: Mapping[str, Predictor], judged: Table, place: str | None
) -> dict[str, Floats]:
    """What each term keeps of its value at the first place at places 1, 2, …: term -> (places,), at least those shown.

    The same rows are predicted at every place, so that what stood on top need not be better than what stood below.
    Without a logged position the discount of NDCG is assumed.
    """
    show = ranker.decision.show
    if place is None or place not in judged or not judged.height:
        return dict.fromkeys(ranker.decision.terms, assumed_exposure(show))
    longest = min(PLACES, int(np.nan_to_num(judged[place].values, nan=1.0).max()))
    rows = np.linspace(0, judged.height - 1, min(judged.height, max(100, ROWS // max(show, longest))))
    columns = judged.take(rows.astype(np.int64))
    means: dict[str, list[float]] = {term: [] for term in ranker.decision.terms}
    for at in range(1, max(show, longest) + 1):
        for term, values in _terms(ranker, predictors, at_place(columns, place, float(at))).items():
            found = values[np.isfinite(values)]
            means[term].append(float(found.mean()) if len(found) else 0.0)
    return {term: _relative(np.array(values)) for term, values in means.items()}


def _relative(means: Floats) -> Floats:
    """Means by place relative to the first; all 1 where that is 0, as nothing can then be said."""
    if means[0] == 0:
        return np.ones(len(means))
    return np.asarray(np.maximum(means / means[0], 0.0))


def _terms(ranker: Ranker, predictors: Mapping[str, Predictor], columns: Table) -> dict[str, Floats]:
    predictions = {name: predictors[name].predict(columns) for name in sorted(ranker.objective_names())}
    return ranker.terms(predictions, columns)


def expected(found: Trial, ranker: Ranker) -> list[dict[str, Any]]:
    """What a shown list is expected to come to in each term, by who sorts: the models, the rule, a term alone, chance.

    Each term of each place counts by how much of it that place keeps. Empty where no candidate may be shown.
    """
    terms, decision = found.basis.terms, ranker.decision
    if not found.lists:
        return []
    scores = {"model": utility(decision, terms)}
    if found.rule is not None:
        scores["rule"] = found.rule
    if len(terms) > 1:
        scores |= {f"{term} alone": values for term, values in terms.items() if ranker.predicts(term)}
    exists = np.isfinite(scores["model"])
    out = []
    for policy, values in scores.items():
        order = np.argsort(np.where(exists, -np.nan_to_num(values, nan=-1e300), np.inf), axis=1, kind="stable")
        out += [_result(decision, policy, term, _by_place(found, term, order)) for term in terms]
    return out + [_result(decision, RANDOM, term, _at_random(found, term)) for term in terms]


def _by_place(found: Trial, term: str, order: NDArray[np.int64]) -> float:
    exposure = found.basis.exposure[term]
    shown = np.take_along_axis(found.basis.terms[term], order, axis=1)[:, : len(exposure)]
    return float(np.nansum(shown * exposure[: shown.shape[1]], axis=1).mean())


def _at_random(found: Trial, term: str) -> float:
    values, exposure = found.basis.terms[term], np.cumsum(found.basis.exposure[term])
    sizes = np.isfinite(values).sum(axis=1)
    return float((np.nanmean(values, axis=1) * exposure[np.minimum(sizes, len(exposure)) - 1]).mean())


def _result(decision: Decision, policy: str, term: str, value: float) -> dict[str, Any]:
    return {"policy": policy, "term": term, "unit": decision.terms[term].unit, "value": value}
