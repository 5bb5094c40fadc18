"""By which weights a term gains: in either direction, of terms that are costs, and under weights below 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from poise.decisions.explore import Exploration
from poise.errors import RequestError
from poise.evaluation.list_log import ListLog
from poise.serving.preview import Asked, Preview
from poise.serving.trade_off import asked_goals, front, suggest
from poise.spec.decision import Decision
from poise.spec.requirement import Requirement

LISTS, CANDIDATES, SHOW = 1_500, 8, 3
EXPLORE = Exploration("plackett-luce", 6, 0.6)


def preview(sign: float = 1.0, requirements: Sequence[Requirement] = ()) -> Preview:
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
    return Preview(decision, requirements, None, log, "UTC")


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["gain", "cost"])
@pytest.mark.parametrize("gain", [0.03, -0.03])
@pytest.mark.parametrize("weight", [0.2, -0.2])
def test_a_term_is_moved_as_far_as_is_asked(sign: float, gain: float, weight: float) -> None:
    told = suggest(preview(sign), {"fun": 1.0, "money": weight}, {"money": gain})
    assert told["reached"] and told["expected"] == pytest.approx(gain, abs=0.004)
    assert (told["values"]["money"] > weight) == (gain > 0)
    money = next(one for one in told["terms"] if one["term"] == "money")
    assert money["gain"]["share"]["value"] == pytest.approx(gain, abs=0.006)


def test_what_no_weights_bring_is_not_reached() -> None:
    assert not suggest(preview(), {"fun": 1.0, "money": 0.2}, {"money": 9.0})["reached"]


def test_a_front_names_now_and_what_cannot_be_told() -> None:
    points = front(preview(), {"fun": 1.0, "money": 0.2}, "money")["points"]
    (now,) = [one for one in points if one["now"]]
    assert now["refused"] is None and not now["dominated"] and now["gains"]["fun"]["value"] == pytest.approx(0.0)
    known = [one for one in points if one["refused"] is None]
    money = [one["gains"]["money"]["value"] for one in known]
    assert len(known) > 8 and money == sorted(money)
    assert not any(one["dominated"] for one in known), "a line on which one gains what the other loses"


def test_a_stakeholders_bound_holds_what_is_suggested_back_and_is_named() -> None:
    """Money may be had at the cost of fun, as far as product lets it."""
    now, goals = {"fun": 1.0, "money": 0.2}, {"money": 0.2}
    free = suggest(preview(), now, goals)
    assert free["binds"] == [] and free["expected_of"]["fun"] < -0.06
    bound = Requirement(who="product", metric="decision.fun", at_least="97%", relative_to="live")
    held = suggest(preview(requirements=(bound,)), now, goals)
    assert held["binds"] == ["product: decision.fun"] and held["breaks"] == []
    assert held["expected_of"]["fun"] >= -0.04 and 0.02 < held["expected_of"]["money"] < free["expected_of"]["money"]
    assert not held["reached"]
    near = suggest(preview(requirements=(bound,)), now, {"money": 0.03})
    assert near["reached"] and near["binds"] == [], "a bound that is far away changes nothing"


def test_where_room_is_short_no_requirement_is_said_to_hold() -> None:
    """By other weights an action may be asked for more often than there is room: its owner is asked instead."""
    bound = Requirement(who="product", metric="decision.fun", at_least="50%", relative_to="live")
    made, asked = preview(requirements=(bound,)), Asked({"fun": 1.0, "money": 0.25})
    (judged,) = made.of({"fun": 1.0, "money": 0.2}, asked)["requirements"]
    assert judged["verdict"] == "holds"
    made._decision = made._decision.model_copy(update={"capacity": {"review": "200 a day"}})
    told = made.of({"fun": 1.0, "money": 0.2}, asked)
    assert told["requirements"][0]["verdict"] == "cannot tell"
    assert any("the capacity of review is not reckoned with" in said for said in told["warnings"])


def test_several_goals_are_met_at_once_or_come_near() -> None:
    told = suggest(preview(), {"fun": 1.0, "money": 0.2}, {"money": 0.05, "fun": -0.02})
    assert told["asked"]["goals"] == {"money": 0.05, "fun": -0.02}
    assert told["expected_of"]["money"] == pytest.approx(0.05, abs=0.02)
    assert not suggest(preview(), {"fun": 1.0, "money": 0.2}, {"money": 0.2, "fun": 0.2})["reached"]


def test_a_front_over_all_weights_keeps_what_no_other_beats() -> None:
    told = front(preview(), {"fun": 1.0, "money": 0.2}, None)
    assert told["term"] is None and sum(one["now"] for one in told["points"]) == 1
    known = [one["gains"] for one in told["points"] if one["refused"] is None]
    assert len(known) > 5
    assert min(one["money"]["value"] for one in known) < 0 < max(one["money"]["value"] for one in known)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"goals": {}}, "goals"),
        ({"goals": {"fun": 0}}, "goals.fun"),
        ({"goals": {"joy": 0.1}}, "term"),
        ({"goals": {"fun": 0.1}, "term": "fun"}, "term"),
        ({"term": "fun"}, "gain"),
    ],
)
def test_goals_that_do_not_fit_are_refused_by_name(content: dict[str, object], field: str) -> None:
    with pytest.raises(RequestError, match=field):
        asked_goals(content, {"fun": 0, "money": 0})
