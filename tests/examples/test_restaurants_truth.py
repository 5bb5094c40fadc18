"""The restaurants example, learned and served as a user would, held against the truth of the simulated market.

What was learned from the log of five weeks is asked about the week after, with all that a server would know
by then; `Market.value` says what those lists are worth, without noise. Differences are paired by list, and their errors
come from days.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import prepare
import pytest
from market import Market, Requests, oracle, popularity, random_order
from numpy.typing import NDArray
from served import Served, shown, store_of
from tests.examples.conftest import EXAMPLES
from town import DAY, NONE, START

from poise.interfaces.system import System
from poise.releases.folder import ReleaseFolder
from poise.serving.loaded import Loaded

LEARNED, DAYS = 35, 42
WEIGHTS = {"orders": (1.0, 0.0), "some": (1.0, 0.1), "both": (1.0, 0.4)}
TERMS = ("engagement", "revenue")
SURE = 3.143
"""Standard errors: one-sided 99 % of Student's t with 6 degrees of freedom, for seven days."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class World:
    """A market, what Poise made of its log, some 40 lists of each of the next seven days, and the answers to them.

    answers: name -> answers; worth: name -> term -> exact worth of each list.
    """

    market: Market
    folder: ReleaseFolder
    requests: Requests
    answers: Mapping[str, list[dict[str, Any]]]
    worth: Mapping[str, Mapping[str, Floats]]
    exploring: Served

    def gain(self, term: str, one: str, other: str) -> tuple[float, float]:
        """(mean, standard error over days) of what `one` is worth more than `other`, as a share of `other`."""
        return self.paired(self.worth[one][term] - self.worth[other][term], self.worth[other][term].mean())

    def paired(self, differences: Floats, whole: float) -> tuple[float, float]:
        """(mean, standard error over days) of differences by list, as a share of `whole`."""
        day = (self.requests.time - START) // DAY
        means = np.array([differences[day == one].mean() for one in np.unique(day)]) / whole
        return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))


def written(market: Market, policy: Any, days: range, folder: Path) -> None:
    prepare.write(market, market.run(policy, days), days, folder / "data")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("restaurants")
    shutil.copy(EXAMPLES / "restaurants" / "poise.yaml", folder)
    market = Market(seed=11, days=DAYS, lists=12_000, users=500, restaurants=160)
    system = System.read(folder / "poise.yaml")
    written(market, popularity(), range(LEARNED), folder)
    system.ingest()
    made = system.train().folder
    written(market, popularity(), range(LEARNED, DAYS), folder)
    system.ingest()
    store = store_of(system, Loaded.of(made))
    policies = {
        name: Served.of(system, made, dict(zip(TERMS, weights, strict=True)), explore=False, store=store)
        for name, weights in WEIGHTS.items()
    }
    policies["exploring"] = Served.of(system, made, store=store)
    requests = market.requests(range(LEARNED, DAYS))
    requests = requests.take(np.arange(0, len(requests), len(requests) // 280))
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in policies}
    for row in range(len(requests)):
        for name, served in policies.items():
            answers[name].append(served.answer(requests, row))
    lists = {name: shown(found).items for name, found in answers.items()}
    for name, policy in {
        "random": random_order(),
        "popular": popularity(share=0.0),
        "best for orders": oracle(engagement=1.0),
        "best for both": oracle(engagement=1.0, revenue=0.4),
    }.items():
        lists[name] = policy(market, requests).items
    worth = {name: market.value(requests, items) for name, items in lists.items()}
    return World(market, made, requests, answers, worth, policies["exploring"])


def test_what_was_learned_beats_popularity(world: World) -> None:
    """Clearly, and no wonder: the best there is stays far."""
    for term, one in (("engagement", "orders"), ("engagement", "both"), ("revenue", "both")):
        mean, error = world.gain(term, one, "popular")
        assert mean > SURE * error, f"{term} of '{one}': {mean:.3f} ± {error:.3f}"
    for better, worse in (("best for orders", "orders"), ("orders", "popular"), ("popular", "random")):
        mean, error = world.gain("engagement", better, worse)
        assert mean > 0.1 and mean > SURE * error, f"'{better}' over '{worse}': {mean:.3f} ± {error:.3f}"
    for better, worse in (("best for both", "both"), ("both", "popular"), ("popular", "random")):
        utility = {name: world.worth[name]["engagement"] + 0.4 * world.worth[name]["revenue"] for name in world.worth}
        mean, error = world.paired(utility[better] - utility[worse], utility[worse].mean())
        assert mean > SURE * error, f"'{better}' over '{worse}': {mean:.3f} ± {error:.3f}"


def test_weights_move_what_comes_of_the_lists(world: World) -> None:
    """More weight on revenue: more revenue and fewer orders, each by several percent and beyond doubt."""
    for term, sign, steps in (
        ("revenue", 1, (("some", "orders"), ("both", "some"), ("both", "orders"))),
        ("engagement", -1, (("both", "some"), ("both", "orders"))),
    ):
        for one, other in steps:
            mean, error = world.gain(term, one, other)
            assert sign * mean > SURE * error, f"{term} of '{one}' over '{other}': {mean:.3f} ± {error:.3f}"
    assert world.gain("revenue", "both", "orders")[0] > 0.05 and world.gain("engagement", "both", "orders")[0] < -0.05


def promised(world: World, name: str) -> dict[str, Floats]:
    """What the answers say that each list is worth: its terms, times the exposure of its places that was learned."""
    basis = world.exploring.answerer.loaded.basis
    assert basis is not None
    return {
        term: np.array(
            [
                sum(one["terms"][term] * basis.exposure[term][one["position"] - 1] for one in answer["shown"])
                for answer in world.answers[name]
            ]
        )
        for term in TERMS
    }


def test_lists_are_worth_what_their_terms_promise(world: World) -> None:
    """Within 20 %, in a log a third of the example's: models are careful about what they have seen little of, and what
    is best by a model is best by its errors, too. What new weights promise comes, by half of it to double."""
    told = {name: promised(world, name) for name in WEIGHTS}
    for name in WEIGHTS:
        for term in TERMS:
            ratio = told[name][term].mean() / world.worth[name][term].mean()
            assert 0.8 < ratio < 1.2, f"{term} of '{name}': promised {ratio:.3f} of what it is worth"
    for term in TERMS:
        said = told["both"][term].mean() / told["orders"][term].mean() - 1
        came = world.gain(term, "both", "orders")[0]
        assert 0.5 < came / said < 2, f"{term}: {said:+.3f} promised, {came:+.3f} came"


def test_the_exposure_of_places_is_learned(world: World) -> None:
    """The app cannot know that it is position ** -0.6; the log of a policy that shuffles some lists tells."""
    basis = world.exploring.answerer.loaded.basis
    assert basis is not None
    true = world.market.exposure(np.arange(1, 11))
    assert np.abs(basis.exposure["engagement"] - true).max() < 0.08
    assert np.corrcoef(basis.exposure["engagement"], true)[0, 1] > 0.95


def test_exploration_costs_about_what_it_says(world: World) -> None:
    """At most 2 % of orders, by what models expect of a sample of lists; in truth it is no more than twice that."""
    explored = world.answers["exploring"][0]["explored"]
    assert explored["method"] == "plackett-luce" and 0.015 < explored["cost"]["engagement"] <= 0.02
    lists = {name: shown(world.answers[name]).items for name in ("exploring", "both")}
    assert (lists["exploring"] != lists["both"]).mean() > 0.2, "lists are explored"
    for term in TERMS:
        gain, error = world.gain(term, "exploring", "both")
        said = explored["cost"][term]
        assert -2 * said - SURE * error < gain < SURE * error, f"{term}: {gain:.4f} ± {error:.4f}, {said:.4f} said"


def test_stated_propensities_are_the_frequencies(world: World) -> None:
    """One request asked 400 times: how often each restaurant stands at the first, the third and the last place."""
    last = len(world.requests) - 1
    lists = shown([world.exploring.answer(world.requests, last) for _ in range(400)])
    for place in (0, 2, 9):
        items, first, counts = np.unique(lists.items[:, place], return_index=True, return_counts=True)
        said = lists.propensity[first, place]
        error = np.sqrt(said * (1 - said) / 400)
        assert len(items) > 1 and (np.abs(counts / 400 - said) < 4.5 * error + 0.01).all()


def test_what_is_shut_is_left_out_and_said(world: World) -> None:
    market, requests = world.market, world.requests
    lists = shown(world.answers["both"]).items
    assert (market.is_open(lists, requests.time[:, None]) | (lists == NONE)).all()
    why = {one["why"] for answer in world.answers["both"] for one in answer["left_out"]}
    assert "where: restaurants.open is false" in why
    for row, answer in enumerate(world.answers["both"]):
        assert len(answer["shown"]) + answer["left_out_count"] == (requests.candidates[row] != NONE).sum()


def test_a_new_restaurant_is_listed_without_training(world: World) -> None:
    """One that opened after everything was learned: no order and no impression of it was ever seen by a model."""
    market, requests = world.market, world.requests
    new = np.flatnonzero((market.first_day >= LEARNED) & (market.first_day < DAYS))
    assert len(new), "the seed of this market gives none; choose another"
    is_new = np.isin(requests.candidates, new) & market.is_open(requests.candidates, requests.time[:, None])
    assert is_new.any(), "it was a candidate"
    names = {f"r{item:03d}" for item in new}
    places = [
        one
        for name in WEIGHTS
        for answer in world.answers[name]
        for one in answer["shown"]
        if one["restaurant_id"] in names
    ]
    assert places and all(np.isfinite(list(one["terms"].values())).all() for one in places)
    left_out = [one for answer in world.answers["both"] for one in answer["left_out"]]
    assert not [one for one in left_out if one["restaurant_id"] in names and one["why"].startswith("missing")]
