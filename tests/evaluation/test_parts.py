"""Parts: nothing is learned from what was not known when the next part began, and every row is accounted for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.clock import DAY
from poise.errors import NotEnoughData
from poise.evaluation.origins import fit_and_tune, origins
from poise.evaluation.parts import NAMES, split
from poise.spec.system import Parts
from poise.table import MISSING_TIME


def everything(n: int) -> np.ndarray:
    return np.ones(n, np.bool_)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), distinct=st.integers(40, 400), late=st.integers(0, 20))
def test_in_time_no_part_knows_a_later_one(seed: int, distinct: int, late: int) -> None:
    rng = np.random.default_rng(seed)
    time = rng.integers(distinct, size=600) * DAY
    known = time + rng.integers(0, late + 1, size=600) * DAY
    usable = rng.random(600) < 0.9
    try:
        made = split(Parts(), time, known, usable)
    except NotEnoughData:
        return
    rows = np.concatenate([made.part(name) for name in NAMES])
    assert len(rows) == len(np.unique(rows)) and usable[rows].all()
    assert len(rows) + made.border + made.unusable == 600
    for one, following in pairwise(NAMES):
        first = time[made.part(following)].min()
        assert (time[made.part(one)] < first).all()
        assert (known[made.part(one)] < first).all()
    for train, valid in origins(made):
        assert (known[train] < time[valid].min()).all() and (time[train] < time[valid].min()).all()
        assert not np.isin(valid, made.judge).any() and not np.isin(train, made.judge).any()
        fit, tune = fit_and_tune(made, train)
        assert (time[fit] < time[tune].min()).all() and len(fit) and len(tune)
        if len(fit) + len(tune) < len(train):
            assert (known[fit] < time[tune].min()).all()
        assert set(fit) | set(tune) <= set(train)


def test_shares_and_dates_in_time() -> None:
    time = np.arange(1000) * DAY
    made = split(Parts(), time, time, everything(1000))
    assert [len(made.part(name)) for name in NAMES] == [600, 150, 100, 150]
    said = made.to_dict()
    assert said["kind"] == "time" and said["fit"] == {
        "rows": 600,
        "from": "1970-01-01T00:00:00+00:00",
        "to": "1971-08-23T00:00:00+00:00",
    }


def test_rows_of_one_instant_stay_together() -> None:
    time = np.repeat(np.arange(20), 50) * DAY
    made = split(Parts(), time, time, everything(1000))
    days = [set(time[made.part(name)]) for name in NAMES]
    assert sum(len(d) for d in days) == len(set.union(*days))


def test_labels_that_come_late_are_dropped_at_borders_and_counted() -> None:
    time = np.arange(1000) * DAY
    made = split(Parts(), time, time + 10 * DAY, everything(1000))
    assert made.border == 30
    assert [len(made.part(name)) for name in NAMES] == [582, 146, 96, 146]


def test_labels_that_take_longer_than_a_part_leave_every_part_its_share() -> None:
    """Whether somebody buys again within 90 days, on 600 days: *calibrate* would last 60 of them."""
    time = np.arange(600) * DAY
    made = split(Parts(), time, time + 90 * DAY, everything(600))
    assert made.border == 270
    assert [len(made.part(name)) for name in NAMES] == [198, 50, 32, 50]


def test_an_origin_shorter_than_its_labels_take_still_has_rows_to_learn_and_to_tune_on() -> None:
    time = np.arange(600) * DAY
    made = split(Parts(), time, time + 90 * DAY, everything(600))
    train = np.arange(100)
    fit, tune = fit_and_tune(made, train)
    assert [len(fit), len(tune)] == [80, 20]
    fit, tune = fit_and_tune(made, np.arange(400))
    assert [len(fit), len(tune)] == [248, 62]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), distinct=st.integers(30, 600), late=st.integers(0, 60))
def test_parts_have_shares_of_the_rows_that_stay(seed: int, distinct: int, late: int) -> None:
    time = np.sort(np.random.default_rng(seed).integers(distinct, size=distinct)) * DAY
    try:
        made = split(Parts(), time, time + late * DAY, everything(distinct))
    except NotEnoughData:
        return
    sizes = np.array([len(made.part(name)) for name in NAMES])
    most = np.bincount(time // DAY).max()  # rows of one instant stay together
    assert (np.abs(sizes - np.array([0.6, 0.15, 0.1, 0.15]) * sizes.sum()) <= 3 * most + 3).all()


def test_entities_stay_whole() -> None:
    groups = np.random.default_rng(0).integers(80, size=1000)
    none = np.full(1000, MISSING_TIME)
    made = split(Parts(), none, none, everything(1000), groups)
    found = [set(groups[made.part(name)]) for name in NAMES]
    assert sum(len(g) for g in found) == len(set.union(*found)) == 80
    assert abs(len(made.judge) - 150) < 20
    for train, valid in origins(made):
        assert not set(groups[train]) & set(groups[valid])
    assert made.to_dict()["judge"]["from"] is None


@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_single_rows_are_drawn_so_that_classes_are_shared(kind: str) -> None:
    target = np.r_[np.zeros(960), np.ones(40)]
    none = np.full(1000, MISSING_TIME)
    made = split(Parts(), none, none, everything(1000), None, target, kind)  # type: ignore[arg-type]
    assert [round(float(target[made.part(name)].sum())) for name in NAMES] == [24, 6, 4, 6]
    assert [len(made.part(name)) for name in NAMES] == [600, 150, 100, 150]
    assert all(3 <= target[valid].sum() <= 8 for _, valid in origins(made))


def test_rare_labels_are_shared() -> None:
    target = np.zeros((1000, 2))
    target[:500, 0] = 1
    target[:40, 1] = 1
    none = np.full(1000, MISSING_TIME)
    made = split(Parts(), none, none, everything(1000), None, target, "multi-label")
    assert 4 <= target[made.judge, 1].sum() <= 8


def test_seeds_draw_differently_and_repeatably() -> None:
    none = np.full(500, MISSING_TIME)
    one, same, other = (split(Parts(), none, none, everything(500), seed=s) for s in (1, 1, 2))
    assert (one.fit == same.fit).all() and not (one.fit == other.fit).all()


@pytest.mark.parametrize(
    ("time", "says"),
    [
        (np.arange(12) * DAY, "12 of 12 rows have a label that can be learned from; at least 35 are needed"),
        (np.repeat(np.arange(2), 500) * DAY, "2 different times"),
    ],
)
def test_too_little_data_is_said_with_the_numbers(time: np.ndarray, says: str) -> None:
    with pytest.raises(NotEnoughData, match=says):
        split(Parts(), time, time, everything(len(time)))


def test_labels_that_come_after_everything_leave_no_part() -> None:
    time = np.arange(1000) * DAY
    with pytest.raises(NotEnoughData, match="fit 0 of at least 20"):
        split(Parts(), time, time + 9999 * DAY, everything(1000))


def test_few_entities_are_not_enough() -> None:
    none = np.full(900, MISSING_TIME)
    with pytest.raises(NotEnoughData, match="3 entities"):
        split(Parts(), none, none, everything(900), np.repeat(np.arange(3), 300))


def test_large_data_has_two_origins() -> None:
    time = np.arange(30_000) * DAY // 50
    assert len(origins(split(Parts(), time, time, everything(30_000)))) == 2
    none = np.full(30_000, MISSING_TIME)
    assert len(origins(split(Parts(), none, none, everything(30_000)))) == 2
