"""What exploration costs: as strong as its bounds let it be; said where no bound can be kept or nothing is known."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from poise.decisions.exploration_cost import Basis, assumed_exposure, settle
from poise.decisions.explore import NONE
from poise.errors import SpecError, StateError
from poise.spec.decision import Explore

SHOW = 5
RNG = np.random.default_rng(3)
ORDERS = RNG.beta(2, 20, (40, 12))
TERMS = {"orders": ORDERS, "revenue": ORDERS * RNG.lognormal(1, 0.6, (40, 12))}
EXPOSURE = {"orders": assumed_exposure(SHOW), "revenue": np.linspace(1, 0.2, SHOW)}
BASIS = Basis(TERMS, EXPOSURE)
EVEN = {"orders": 1.0, "revenue": 0.1}


def drawn_cost(basis: Basis, weights: dict[str, float], made: object, seeds: int = 300) -> dict[str, float]:
    """The cost by drawing lists and adding up what was lost, without any of the arithmetic under test."""
    best, found = dict.fromkeys(basis.terms, 0.0), dict.fromkeys(basis.terms, 0.0)
    for each in range(len(next(iter(basis.terms.values())))):
        rows = {term: values[each] for term, values in basis.terms.items()}
        scores = sum(weights[term] * rows[term] for term in rows if weights[term])
        order = np.argsort(-scores, kind="stable")
        order = order[~np.isnan(scores[order])]
        for seed in range(seeds):
            shown = order[made.draw(scores[order], SHOW, 1_000 * each + seed).order]  # type: ignore[attr-defined]
            for term in rows:
                best[term] += float((rows[term][order[:SHOW]] * basis.exposure[term][: len(shown)]).sum())
                found[term] += float((rows[term][shown] * basis.exposure[term][: len(shown)]).sum())
    return {term: 1 - found[term] / best[term] for term in best}


@pytest.mark.parametrize("method", ["plackett-luce", "epsilon"])
def test_the_strength_is_the_greatest_within_the_bound(method: str) -> None:
    made = settle(Explore(method=method, top=8, cost={"orders": 0.03}), EVEN, BASIS, SHOW)
    assert made.on and made.cost is not None and 0.97 * 0.03 <= made.cost["orders"] <= 0.03 + 1e-12
    drawn = drawn_cost(BASIS, EVEN, made)
    assert drawn["orders"] == pytest.approx(made.cost["orders"], abs=0.003)
    assert drawn["revenue"] == pytest.approx(made.cost["revenue"], abs=0.006)


@pytest.mark.parametrize("method", ["plackett-luce", "epsilon"])
def test_more_may_be_lost_more_is_explored(method: str) -> None:
    bounds = [0.001, 0.004, 0.01, 0.02, 0.05, 0.07, 0.1, 0.9]
    made = [settle(Explore(method=method, cost={"orders": bound}), EVEN, BASIS, SHOW) for bound in bounds]
    for one, bound in zip(made, bounds, strict=True):
        assert one.cost is not None and one.cost["orders"] <= bound + 1e-12
    assert all(a.strength < b.strength for a, b in pairwise(made[:-1]))
    assert made[-1].strength == (100 if method == "plackett-luce" else 1), "nothing costs 90 %"


@pytest.mark.parametrize("method", ["plackett-luce", "epsilon"])
def test_what_bounds_do_not_hold_back_is_said(method: str) -> None:
    lists = Basis({"orders": np.full((40, 12), 0.2), "revenue": ORDERS}, EXPOSURE)
    made = settle(Explore(method=method, cost={"orders": 0.02}), {"orders": 1.0, "revenue": 5.0}, lists, SHOW)
    assert made.notes[0] == "the bounds let the order of the first 20 be all but random"
    assert made.notes[1].startswith("revenue counts too, has no bound and loses ")
    assert not settle(Explore(method=method, cost={"orders": 0.02}), EVEN, BASIS, SHOW).notes


@pytest.mark.parametrize("method", ["plackett-luce", "epsilon"])
def test_every_bound_holds_and_the_tightest_decides(method: str) -> None:
    both = settle(Explore(method=method, cost={"orders": 0.02, "revenue": 0.02}), EVEN, BASIS, SHOW)
    alone = [settle(Explore(method=method, cost={term: 0.02}), EVEN, BASIS, SHOW).strength for term in TERMS]
    assert both.cost is not None and max(both.cost.values()) <= 0.02 + 1e-12
    assert both.strength == pytest.approx(min(alone), rel=0.03)


@pytest.mark.parametrize(("lost", "said"), [(0.041, True), (0.039, False)])
def test_a_term_without_a_bound_is_named_from_twice_the_widest_bound_on(lost: float, said: bool) -> None:
    """Shuffled, [1, 0] loses half of its first place, so that 4 % are shuffled; of [1, y] these lose 0.02 (1 - y)."""
    basis = Basis(
        {"a": np.array([[1.0, 0.0]]), "b": np.array([[1.0, 1 - lost / 0.02]])}, dict.fromkeys("ab", np.ones(1))
    )
    made = settle(Explore(method="epsilon", cost={"a": 0.02}), {"a": 1.0, "b": 0.1}, basis, 1)
    assert made.cost == {"a": pytest.approx(0.02), "b": pytest.approx(lost)}
    assert bool(made.notes) is said


def test_other_weights_another_strength() -> None:
    explore = Explore(method="plackett-luce", cost={"orders": 0.02})
    strengths = {settle(explore, {"orders": 1.0, "revenue": w}, BASIS, SHOW).strength for w in (0.0, 0.1, 1.0, -0.1)}
    assert len(strengths) == 4


def test_a_declared_strength_stays_and_its_cost_is_stated() -> None:
    made = settle(Explore(method="plackett-luce", temperature=0.5), EVEN, BASIS, SHOW)
    assert made.strength == 0.5 and made.cost is not None and made.cost["orders"] > 0
    made = settle(Explore(method="epsilon", share=0.2), EVEN, BASIS, SHOW)
    assert made.strength == 0.2 and made.cost is not None and set(made.cost) == {"orders", "revenue"}


def test_without_models_the_cost_is_not_known() -> None:
    made = settle(Explore(method="plackett-luce", cost={"orders": 0.02}), EVEN, None, SHOW)
    assert made.strength == 1 and made.cost is None
    assert made.notes == ("the cost of exploration is not known before there are models; temperature is 1",)
    assert settle(Explore(method="epsilon", cost={"orders": 0.02}), EVEN, None, SHOW).strength == 0.1
    assert settle(Explore(method="epsilon", share=0.3), EVEN, None, SHOW).strength == 0.3
    nobody = Basis({"orders": np.full((3, 4), np.nan)}, {"orders": assumed_exposure(SHOW)})
    assert settle(Explore(method="epsilon", share=0.3), {"orders": 1.0}, nobody, SHOW).cost is None


def test_off_where_it_is_not_asked_for_or_no_bound_can_be_kept() -> None:
    assert settle(None, EVEN, BASIS, SHOW) is NONE
    # All are equal in what counts, so that any exploration is uniform, and the first of them is the best in orders.
    basis = Basis(
        {"orders": np.array([[1.0, 0.1]] * 3), "same": np.ones((3, 2))}, dict.fromkeys(("orders", "same"), np.ones(1))
    )
    made = settle(Explore(method="plackett-luce", cost={"orders": 0.05}), {"orders": 0, "same": 1}, basis, 1)
    assert not made.on and made.cost == {"orders": 0, "same": 0}
    assert made.notes == (
        "exploration is off: even the weakest (temperature 0.001) costs 45.00% of orders, and 5.00% is allowed",
    )


def test_a_term_that_only_gains_is_not_bounded_by_it() -> None:
    """Sorted by revenue alone, what people order may gain where the order loosens."""
    basis = Basis({"a": np.array([[0.0, 1.0]]), "b": np.array([[1.0, 0.0]])}, dict.fromkeys("ab", np.ones(1)))
    made = settle(Explore(method="plackett-luce", cost={"a": 0.01}), {"a": 0.0, "b": 1.0}, basis, 1)
    assert made.strength == 100 and made.cost is not None and made.cost["a"] < 0 < made.cost["b"]


def test_where_the_best_is_worth_nothing_or_less_shares_are_of_the_mean_size() -> None:
    basis = Basis({"cost": np.array([[-1.0, -3.0]])}, {"cost": np.ones(1)})
    made = settle(Explore(method="epsilon", share=0.5), {"cost": 1.0}, basis, 1)
    assert made.cost == {
        "cost": pytest.approx(0.5 * 1.0 / 2.0)
    }  # half the lists lose 1 on average, of a mean size of 2
    assert made.notes == (
        "the best lists are worth nothing or less in cost: its cost is stated as a share of its mean size",
    )
    nothing = Basis({"cost": np.zeros((1, 2))}, {"cost": np.ones(1)})
    assert settle(Explore(method="epsilon", share=0.5), {"cost": 1.0}, nothing, 1).cost == {"cost": 0.0}


def test_lists_of_any_length_and_what_is_missing() -> None:
    orders = np.array([[0.5, 0.4, np.nan, 0.1], [0.3, np.nan, np.nan, np.nan], [np.nan] * 4])
    revenue = np.array([[1.0, np.nan, np.nan, 9.0], [np.nan] * 4, [np.nan] * 4])
    basis = Basis({"orders": orders, "revenue": revenue}, dict.fromkeys(("orders", "revenue"), np.ones(2)))
    weights = {"orders": 1.0, "revenue": 0.0}
    made = settle(Explore(method="epsilon", share=1.0), weights, basis, 2)
    assert made.cost is not None
    # Greedy: 0.5 + 0.4 and 0.3; shuffled: two places of mean 1/3, and 0.3.
    assert made.cost["orders"] == pytest.approx((0.9 - 2 / 3) / 1.2)
    counting = settle(Explore(method="epsilon", share=1.0), {"orders": 1.0, "revenue": 1.0}, basis, 2)
    assert counting.cost is not None and counting.cost["orders"] == pytest.approx(0.0)  # only two candidates are left


def test_only_the_top_is_lost_from() -> None:
    made = settle(Explore(method="plackett-luce", top=2, temperature=100), EVEN, BASIS, SHOW)
    drawn = drawn_cost(BASIS, EVEN, made, seeds=100)
    assert made.cost is not None and drawn["orders"] == pytest.approx(made.cost["orders"], abs=0.003)


def test_saved_and_loaded(tmp_path: Path) -> None:
    BASIS.save(tmp_path / "exploration.npz")
    again = Basis.load(tmp_path / "exploration.npz")
    assert {t: v.tolist() for t, v in again.terms.items()} == {t: v.tolist() for t, v in TERMS.items()}
    assert {t: v.tolist() for t, v in again.exposure.items()} == {t: v.tolist() for t, v in EXPOSURE.items()}


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "exploration.npz"
    if content is not None:
        path.write_bytes(content)
    else:
        np.savez(path, other=np.zeros(3))
    with pytest.raises(StateError, match="holds no lists to settle exploration by"):
        Basis.load(path)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(SpecError, match=r"cost names 'order', which is no term.*did you mean 'orders'"):
        settle(Explore(method="epsilon", cost={"order": 0.1}), EVEN, BASIS, SHOW)
    with pytest.raises(StateError, match="exposure of 'orders' is known for 5 places, and 6 are shown"):
        settle(Explore(method="epsilon", share=0.1), EVEN, BASIS, 6)
    with pytest.raises(StateError, match="lack the term 'margin'"):
        settle(Explore(method="epsilon", share=0.1), {**EVEN, "margin": 1}, BASIS, SHOW)
    with pytest.raises(StateError, match="exposure of 'a'"):
        Basis({"a": np.zeros((1, 1))}, {})
    with pytest.raises(StateError, match="one finite number per place"):
        Basis({"a": np.zeros((1, 1))}, {"a": np.array([np.nan])})
    with pytest.raises(StateError, match="shapes"):
        Basis({"a": np.zeros((1, 1)), "b": np.zeros((2, 1))}, {"a": np.ones(1), "b": np.ones(1)})
