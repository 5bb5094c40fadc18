"""What is written down of a list decision: the part of the evidence that programs and people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.decisions.exchange import exchange_rates
from poise.decisions.exploration_cost import settle
from poise.decisions.weights import checked
from poise.evaluation.lists import places
from poise.evaluation.measures import Floats, Ranked
from poise.evaluation.policies import term_calibration
from poise.features.keys import joint_codes
from poise.releases.list_scores import differs, ranking, reordered, shown_metrics
from poise.releases.list_trial import Trial, expected
from poise.releases.ranked import Listed
from poise.spec.decision import Decision


def list_evidence(
    made: Listed | None, decision: Decision, ranked: Ranked | None, found: Trial | None
) -> dict[str, Any]:
    """The evidence of a list decision; without models (or judged rows) only what the file says of it."""
    weights = checked(decision, decision.weights)
    said = {
        "item": decision.item,
        "list": decision.list_,
        "position": decision.position,
        "show": decision.show,
        "where": decision.where,
        "rule": decision.rule,
        "weights": weights,
        "worth": [{"term": n, "unit": t.unit, "is": t.is_, "weight": weights[n]} for n, t in decision.terms.items()],
        "exchange_rates": exchange_rates(decision, weights),
        "exploration": exploration_evidence(decision, weights, found),
    }
    if made is None or ranked is None:
        return said
    return said | {
        "lists": counts(made),
        "ranking": ranking(made, ranked),
        "silent": shown_metrics(ranked)[1],
        "predicted_share": ranked.predicted,
        "known_before": [term for term in made.predicted if weights[term] and not made.ranker.predicts(term)],
        "reordered": reordered(made, ranked, found),
        "differs": differs(ranked),
        "calibration": calibration(made, ranked),
        "exposure": {} if found is None else {term: v.tolist() for term, v in found.basis.exposure.items()},
        "exposure_assumed": found is not None and found.assumed,
        "expected": [] if found is None else expected(found, made.ranker),
        "expected_of": None if found is None else {"lists": found.lists, "candidates": found.candidates},
    }


def exploration_evidence(
    decision: Decision, weights: Mapping[str, float], found: Trial | None
) -> dict[str, Any] | None:
    """How strongly lists are explored and what that is expected to cost; None where they are not."""
    if decision.explore is None:
        return None
    settled = settle(decision.explore, weights, None if found is None else found.basis, decision.show)
    return {
        "method": decision.explore.method,
        "top": decision.explore.top,
        "strength": settled.strength,
        "cost": None if settled.cost is None else dict(settled.cost),
        "bound": decision.explore.cost,
        "notes": list(settled.notes),
    }


def counts(made: Listed) -> dict[str, Any]:
    """How many lists and items were judged, and what of them cannot tell much."""
    lengths = np.bincount(made.lists)
    item = made.base.requests.rows[made.ranker.decision.item or ""].take(made.rows)
    codes = joint_codes([item], [item])[0]
    columns = made.base.columns.take(made.rows)
    may = made.ranker.where(columns)
    return {
        "lists": len(lengths),
        "rows": len(made.rows),
        "items": len(np.unique(codes[codes >= 0])),
        "length": float(np.median(lengths)) if len(lengths) else None,
        "of_one": int((lengths == 1).sum()),
        "not_eligible": float((may != 1).mean()) if len(may) else None,
    }


def calibration(made: Listed, ranked: Ranked) -> list[dict[str, Any]]:
    """Each term as predicted at the place where rows were shown, and as it came true: over all judged rows, over those
    that the decision would show, and over those that it ranks first. Terms in which nothing is predicted are left out.
    """
    place = places(ranked.codes, ranked.scores["model"])
    over = {"all": place > 0, "chosen": place <= ranked.show, "first": place == 1}
    found = []
    for term, predicted in made.predicted.items():
        if not made.ranker.predicts(term):
            continue
        for name, rows in over.items():
            if name == "chosen" and rows.all():
                continue  # no list is longer than what is shown
            pair: tuple[Floats, Floats] = predicted[rows], made.realised[term][rows]
            found.append({"term": term, "over": name, **term_calibration(*pair, ranked.blocks.take(rows))})
    return found
