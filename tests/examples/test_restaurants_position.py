"""What stood on top by no merit of its own is not thought better for it.

Two worlds of one market: in the first, restaurants with even numbers are moved to the top of most lists, in the second
those with odd numbers. All else is the same. So where scores of the same restaurant, for the same user at the same
time, differ between the worlds by more than its appeal does, its place has leaked into them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import prepare
import pytest
from market import Market, Policy, Requests, Shown, ranked
from numpy.typing import NDArray
from served import Served
from tests.examples.conftest import EXAMPLES

from poise.interfaces.system import System

LEARNED = 24
Floats = NDArray[np.float64]


def favouring(odd: int) -> Policy:
    """Ten open restaurants at random; in four lists of five those with odd (or even) numbers on top."""

    def policy(market: Market, requests: Requests) -> Shown:
        rng = np.random.default_rng([5, int(requests.list[0])])
        items = ranked(market, requests, rng.random(requests.candidates.shape))
        up = rng.random(items.shape) + (items % 2 == odd) * (rng.random((len(items), 1)) < 0.8)
        return Shown(np.take_along_axis(items, np.argsort(-up, axis=1), 1), np.ones(items.shape))

    return policy


def system_file(folder: Path, *, position: bool) -> System:
    """The example's file, with and without `position:`; the rungs are those that it would take, or not asked about."""
    text = (EXAMPLES / "restaurants" / "poise.yaml").read_text(encoding="utf-8")
    for kind, rung in (("binary", "linear"), ("regression", "constant")):
        text = text.replace(f"    type: {kind}\n", f"    type: {kind}\n    rungs: [{rung}]\n")
    if not position:
        lines = text.splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("  position: position"))
    assert ("position: position" in text) == position
    folder.mkdir(parents=True)
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    return System.read(folder / "poise.yaml")


def scores(folder: Path, odd: int, *, position: bool) -> tuple[NDArray[np.int64], Floats]:
    """(restaurant, how much higher the log odds of its score are than those that are true) the day after."""
    market = Market(seed=21, days=LEARNED + 1, lists=9000, users=300, restaurants=120)
    system = system_file(folder, position=position)
    prepare.write(market, market.run(favouring(odd), range(LEARNED)), range(LEARNED), folder / "data")
    system.ingest()
    made = system.train().folder
    prepare.write(market, market.run(favouring(odd), [LEARNED]), [LEARNED], folder / "data")
    system.ingest()
    requests = market.requests([LEARNED])
    some = ranked(market, requests, np.random.default_rng(0).random(requests.candidates.shape))
    requests = Requests(requests.list, requests.user, requests.time, some)
    answers = Served.of(system, made, {"engagement": 1.0, "revenue": 0.0}, explore=False).answers(requests)
    told = {
        (row, int(one["restaurant_id"][1:])): one["terms"]["engagement"]
        for row, answer in enumerate(answers)
        for one in answer["shown"]
    }
    row, place = np.nonzero(some >= 0)
    true = market.truth(requests.user[row], some[row, place], requests.time[row]).order
    said = np.array([told[r, int(item)] for r, item in zip(row, some[row, place], strict=True)])
    return some[row, place], log_odds(said) - log_odds(true)


def log_odds(p: Floats) -> Floats:
    return np.log(p / (1 - p))


def leak(folder: Path, *, position: bool) -> tuple[float, float]:
    """(mean, standard error over restaurants) of what being moved to the top adds to the log odds of a score."""
    item, even = scores(folder / "even", 0, position=position)
    _, odd = scores(folder / "odd", 1, position=position)
    added = np.where(item % 2 == 0, even - odd, odd - even)
    means = np.array([added[item == one].mean() for one in np.unique(item) if (item == one).sum() >= 5])
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))


def test_a_place_at_the_top_does_not_leak_into_scores(tmp_path: Path) -> None:
    """What is left comes by way of what sold before, for the file only guesses how many look further down."""
    told, error = leak(tmp_path, position=True)
    assert abs(told) < 0.1, f"{told:.3f} ± {error:.3f}"


@pytest.mark.soak
def test_a_model_that_is_not_told_of_places_takes_them_for_appeal(tmp_path: Path) -> None:
    """One that is told does so less than half as much."""
    told, error = leak(tmp_path / "told", position=True)
    untold, untold_error = leak(tmp_path / "untold", position=False)
    assert untold > 3 * untold_error, f"there is nothing to leak: {untold:.3f} ± {untold_error:.3f}"
    assert abs(told) < untold / 2, f"{told:.3f} ± {error:.3f}; {untold:.3f} where it is not told"
