"""What other weights would have shown, against full tables of probabilities and against the truth of a simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.decisions.explore import NONE, Exploration
from poise.errors import StateError
from poise.evaluation.list_log import ListLog
from poise.evaluation.off_policy_estimate import estimate

SHOW = 4
KEPT = np.arange(1, SHOW + 1) ** -0.6
LUCE, EPSILON = Exploration("plackett-luce", 6, 0.7), Exploration("epsilon", 6, 0.4)
NOW, OTHER = {"orders": 1.0, "money": 0.2}, {"orders": 0.3, "money": 1.0}


def simulated(seed: int, lists: int, logging: Exploration, candidates: int = 9) -> tuple[ListLog, np.ndarray]:
    """A log under the weights NOW, and the true worth of each candidate at the first place, (2, N)."""
    random = np.random.default_rng(seed)
    total = lists * candidates
    chance = 1 / (1 + np.exp(1 - random.normal(size=total)))
    price = np.exp(random.normal(size=total) / 2)
    truth = np.array([chance, chance * price])
    guess = truth * np.exp(random.normal(size=truth.shape) / 5) * 1.2
    allowed = random.random(total) < 0.9
    took, rows, places, propensities = np.zeros(total, bool), [], [], []
    for n in range(lists):
        own = slice(n * candidates, (n + 1) * candidates)
        scores = NOW["orders"] * guess[0, own] + NOW["money"] * guess[1, own]
        among = np.flatnonzero(allowed[own])
        order = n * candidates + among[np.argsort(-scores[among], kind="stable")]
        drawn = logging.draw(scores[order - n * candidates], SHOW, int(random.integers(2**40)))
        took[order[: logging.top]] = logging.on
        rows.append(order[drawn.order])
        places.append(np.arange(len(drawn.order)))
        propensities.append(drawn.propensity)
    row, place = np.concatenate(rows), np.concatenate(places)
    bought = random.random(len(row)) < chance[row] * KEPT[place]
    log = ListLog(
        start=np.arange(lists + 1) * candidates,
        terms={"orders": guess[0], "money": guess[1]},
        allowed=allowed,
        took_part=took,
        explored=np.full(lists, logging.on),
        decision=np.repeat(np.arange(lists), [len(one) for one in rows]),
        row=row,
        place=place,
        propensity=np.concatenate(propensities),
        realised={"orders": bought.astype(float), "money": bought * price[row]},
        time=1_700_000_000_000_000 + np.arange(lists) * 600_000_000,
        exposure={"orders": KEPT, "money": KEPT},
    )
    return log, truth


def true_worth(log: ListLog, truth: np.ndarray, weights: dict[str, float], exploration: Exploration) -> np.ndarray:
    """What lists under these weights are worth on average, from the whole table of probabilities of each list."""
    total = np.zeros(2)
    for n in range(log.count):
        own = np.arange(log.start[n], log.start[n + 1])
        own = own[log.allowed[own]]
        scores = sum(weight * log.terms[term][own] for term, weight in weights.items())
        order = own[np.argsort(-scores, kind="stable")]
        table = exploration.propensities(np.sort(scores)[::-1], SHOW)
        total += (truth[:, order, None] * table * KEPT[: table.shape[1]]).sum(axis=(1, 2))
    return total / log.count


@pytest.mark.parametrize("exploration", [LUCE, EPSILON, NONE], ids=["luce", "epsilon", "none"])
def test_targets_are_entries_of_the_whole_table(exploration: Exploration):
    log, _ = simulated(0, 60, LUCE)
    made = log.under(OTHER, exploration)["orders"]
    for n in range(log.count):
        own = np.arange(log.start[n], log.start[n + 1])
        own = own[log.allowed[own]]
        scores = sum(weight * log.terms[term][own] for term, weight in OTHER.items())
        order = own[np.argsort(-scores, kind="stable")]
        table = exploration.propensities(np.sort(scores)[::-1], SHOW)
        rows = log.decision == n
        stands = [int(np.flatnonzero(order == row)[0]) for row in log.row[rows]]
        assert made.target[rows] == pytest.approx(table[stands, log.place[rows]], abs=1e-9)
        drawn = np.arange(table.shape[1]) < log.took_part[log.start[n] : log.start[n + 1]].sum()
        covered = (table * log.took_part[order][:, None] * drawn).sum() / table.shape[1]
        assert made.covered[n] == pytest.approx(covered, abs=1e-4)
        assert made.model is not None
        expected = (log.terms["orders"][order, None] * table * KEPT[: table.shape[1]]).sum()
        assert made.model.target[n] == pytest.approx(expected, rel=1e-4)


def test_the_logging_policy_itself_has_weights_of_one():
    log, _ = simulated(1, 200, LUCE)
    made = log.under(NOW, LUCE)["money"]
    assert made.weight == pytest.approx(np.ones(len(made.weight)), abs=1e-8)
    assert made.effective == pytest.approx(200)
    assert estimate("ips", made, made).value.value == pytest.approx(log.realised["money"].sum() / 200)


def coverage(name: str, seeds: int) -> dict[str, float]:
    """How often the limits of the gain held the truth, of those that were told: one log in twenty may be refused."""
    held, told, near = {"orders": 0, "money": 0}, {"orders": 0, "money": 0}, {"orders": 0.8, "money": 0.4}
    for seed in range(seeds):
        log, truth = simulated(seed, 400, LUCE)
        then, now = log.under(near, LUCE), log.under(NOW, LUCE)
        gain = true_worth(log, truth, near, LUCE) - true_worth(log, truth, NOW, LUCE)
        for at, term in enumerate(held):
            made = estimate(name, then[term], now[term])
            told[term] += made.refused is None
            held[term] += made.refused is None and made.gain.low <= gain[at] <= made.gain.high
    assert min(told.values()) >= 0.95 * seeds, told
    return {term: count / told[term] for term, count in held.items()}


def test_intervals_hold_the_truth_of_the_simulation():
    held = coverage("doubly-robust", 12)
    assert min(held.values()) >= 0.65, held


@pytest.mark.soak
@pytest.mark.parametrize("name", ["ips", "snips", "doubly-robust"])
def test_nine_of_ten_intervals_hold_the_truth_over_200_seeds(name: str):
    held = coverage(name, 200)
    assert all(0.85 <= share <= 0.95 for share in held.values()), held


def test_a_log_that_never_explored_refuses_other_weights_and_knows_its_own():
    log, _ = simulated(2, 300, NONE)
    other, own = log.under(OTHER, NONE)["orders"], log.under(NOW, NONE)["orders"]
    refused = estimate("doubly-robust", other, own).refused
    assert refused is not None and refused.startswith("the log was made without exploration")
    assert estimate("doubly-robust", own, own).refused is None


@pytest.mark.parametrize("top", [2, 3])
def test_behind_the_draw_the_log_could_show_what_it_did(top: int):
    few = Exploration("plackett-luce", top, 0.7)
    log, _ = simulated(5, 300, few)
    same, other = log.under(NOW, few)["orders"], log.under(OTHER, few)["orders"]
    assert same.weight == pytest.approx(np.ones(len(same.weight)), abs=1e-8)
    assert same.covered == pytest.approx(np.ones(300), abs=1e-4)
    assert other.covered.mean() < 0.9, "who newly stands behind the draw was never shown there"


def test_a_candidate_without_a_term_that_counts_is_not_listed():
    log, _ = simulated(3, 50, LUCE)
    gone = log.row[log.decision == 0][0]
    log.terms["money"][gone] = np.nan
    made = log.under(OTHER, LUCE)
    assert made["orders"].target[0] == 0
    assert log.under({"orders": 1.0, "money": 0.0}, LUCE)["orders"].target[0] > 0


def test_the_newest_lists_stand_alone(tmp_path: Path):
    log, _ = simulated(4, 80, LUCE)
    last = log.newest(30)
    assert last.count == 30 and log.newest(500) is log
    whole, part = log.under(OTHER, LUCE)["money"], last.under(OTHER, LUCE)["money"]
    assert whole.target[log.decision >= 50].tolist() == part.target.tolist()
    last.save(tmp_path / "log.npz")
    back = ListLog.load(tmp_path / "log.npz")
    assert back.under(OTHER, LUCE)["money"].reward.tolist() == part.reward.tolist()
    (tmp_path / "log.npz").write_bytes(b"PK")
    with pytest.raises(StateError, match="holds no logged lists"):
        ListLog.load(tmp_path / "log.npz")
