"""By which weights a term gains: in either direction, of terms that are costs, and under weights below 0."""

from __future__ import annotations

import numpy as np
import pytest

from poise.decisions.explore import Exploration
from poise.evaluation.list_log import ListLog
from poise.serving.preview import Preview
from poise.serving.trade_off import front, suggest
from poise.spec.decision import Decision

LISTS, CANDIDATES, SHOW = 1_500, 8, 3
EXPLORE = Exploration("plackett-luce", 6, 0.6)


def preview(sign: float = 1.0) -> Preview:
    """A log of two terms; the second is a cost where `sign` is -1."""
    random = np.random.default_rng(0)
    total = LISTS * CANDIDATES
    terms = {"fun": random.random(total), "money": sign * np.exp(random.normal(size=total) / 2)}
    kept = {"fun": np.ones(SHOW), "money": np.ones(SHOW)}
    rows, propensities, took = [], [], np.zeros(total, bool)
    for n in range(LISTS):
        own = np.arange(n * CANDIDATES, (n + 1) * CANDIDATES)
        scores = terms["fun"][own] + 0.2 * terms["money"][own]
        order = own[np.argsort(-scores)]
        drawn = EXPLORE.draw(np.sort(scores)[::-1], SHOW, n)
        took[order[:6]] = True
        rows.append(order[drawn.order])
        propensities.append(drawn.propensity)
    row = np.concatenate(rows)
    log = ListLog(
        np.arange(LISTS + 1) * CANDIDATES,
        terms,
        np.ones(total, bool),
        took,
        np.ones(LISTS, bool),
        np.repeat(np.arange(LISTS), SHOW),
        row,
        np.tile(np.arange(SHOW), LISTS),
        np.concatenate(propensities),
        {term: values[row] for term, values in terms.items()},
        np.arange(LISTS) * 600_000_000 + 1_700_000_000_000_000,
        kept,
    )
    decision = Decision(
        per="shown",
        list="page",
        item="shop",
        show=SHOW,
        terms={"fun": "a", "money": "b"},
        explore={"method": "plackett-luce", "top": 6, "temperature": 0.6},
    )
    return Preview(decision, (), None, log, "UTC")


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["gain", "cost"])
@pytest.mark.parametrize("gain", [0.03, -0.03])
@pytest.mark.parametrize("weight", [0.2, -0.2])
def test_a_term_is_moved_as_far_as_is_asked(sign: float, gain: float, weight: float) -> None:
    told = suggest(preview(sign), {"fun": 1.0, "money": weight}, "money", gain)
    assert told["reached"] and told["expected"] == pytest.approx(gain, abs=0.004)
    assert (told["values"]["money"] > weight) == (gain > 0)
    money = next(one for one in told["terms"] if one["term"] == "money")
    assert money["gain"]["share"]["value"] == pytest.approx(gain, abs=0.006)


def test_what_no_weights_bring_is_not_reached() -> None:
    assert not suggest(preview(), {"fun": 1.0, "money": 0.2}, "money", 9.0)["reached"]


def test_a_front_names_now_and_what_cannot_be_told() -> None:
    points = front(preview(), {"fun": 1.0, "money": 0.2}, "money")["points"]
    (now,) = [one for one in points if one["now"]]
    assert now["refused"] is None and not now["dominated"] and now["gains"]["fun"]["value"] == pytest.approx(0.0)
    known = [one for one in points if one["refused"] is None]
    money = [one["gains"]["money"]["value"] for one in known]
    assert len(known) > 8 and money == sorted(money)
    assert not any(one["dominated"] for one in known), "a line on which one gains what the other loses"
