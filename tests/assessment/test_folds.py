"""Folds: judged later, or on other keys; and shuffles that respect both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from poise.assessment.folds import MANY_ROWS, folds_of_case, most_compared, most_rows, shuffles
from poise.assessment.reading import read_case
from poise.clock import DAY
from poise.errors import NotEnoughData
from tests.assessment.tables import in_time, table


def test_without_time_every_row_is_judged_once_by_others() -> None:
    case = read_case(table("rule", 200), "y")
    folds = folds_of_case(case)
    assert len(folds) == 10
    assert sorted(np.concatenate([fold.judge for fold in folds])) == list(range(200))
    for fold in folds:
        assert not set(fold.train) & set(fold.judge)


def test_in_time_what_is_judged_comes_later_and_instants_stay_together() -> None:
    frame = in_time(table("rule", 400)).with_columns(pl.col("asked").dt.truncate("2d"))
    case = read_case(frame.sample(fraction=1, shuffle=True, seed=1), "y", time="asked")
    for fold in folds_of_case(case):
        assert case.time[fold.train].max() < case.time[fold.judge].min()
        assert case.time[fold.fit].max() < case.time[fold.tune].min()


def test_nothing_is_learned_from_a_row_whose_truth_was_not_known_yet() -> None:
    case = read_case(in_time(table("rule", 600)), "y", time="asked")
    late = replace(case, known_at=case.time + 10 * DAY)
    folds = folds_of_case(late)
    for fold in folds:
        assert late.known_at is not None and late.known_at[fold.train].max() < late.time[fold.judge].min()
        assert late.known_at[fold.fit].max() < late.time[fold.tune].min()
    assert len(folds[0].train) < len(folds_of_case(case)[0].train)
    assert late.shuffled().known_at is None and len(late.take(folds[0].judge).known_at) == len(folds[0].judge)  # type: ignore[arg-type]


def test_keys_are_never_parted() -> None:
    keys = np.repeat(np.arange(60), 5)
    case = read_case(table("rule", 300).with_columns(k=pl.Series(keys)), "y", key="k")
    for fold in folds_of_case(case):
        assert not set(keys[fold.train]) & set(keys[fold.judge])
        assert not set(keys[fold.fit]) & set(keys[fold.tune])


def test_of_many_rows_some_are_learned_from_and_one_part_is_judged() -> None:
    rows = MANY_ROWS + 5_000
    frame = pl.concat(
        [table("rule", rows), pl.DataFrame({f"z{j}": np.zeros(rows) + j for j in range(3)})], how="horizontal"
    )
    frame = frame.with_columns([(pl.col(f"z{j}") + pl.col("x0") * j).alias(f"z{j}") for j in range(1, 3)])
    case = read_case(frame, "y")
    (fold,) = folds_of_case(case)
    assert len(fold.judge) == rows // 5 and len(fold.train) == rows - rows // 5
    many = read_case(in_time(frame, "1h"), "y", time="asked")
    (later,) = folds_of_case(many)
    assert many.time[later.train].max() < many.time[later.judge].min() and len(later.judge) == pytest.approx(
        0.3 * rows, abs=2
    )
    assert most_rows(case) == 60_000


def test_shuffles_keep_what_belongs_together() -> None:
    case = read_case(table("rule", 300).with_columns(k=pl.Series(np.repeat(np.arange(60), 5))), "y", key="k")
    (by_key,) = shuffles(case, np.arange(300), 5)
    for order in by_key:
        assert sorted(order) == list(range(300))
        assert (np.diff(order.reshape(60, 5), axis=1) == 1).all()
    timed = read_case(in_time(table("rule", 300)), "y", time="asked")
    (moved,) = shuffles(timed, np.arange(300), 5)
    for order in moved:
        assert sorted(order) == list(range(300)) and (np.diff(order) % 300 == 1).all()
        assert not (order == np.arange(300)).any()


def test_too_few_rows_in_time_are_said() -> None:
    case = read_case(in_time(table("rule", 40)).with_columns(asked=pl.lit("2024-01-01")), "y", time="asked")
    with pytest.raises(NotEnoughData):
        folds_of_case(case)


def test_in_time_rows_of_one_key_are_never_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    rows = 900
    time = np.datetime64("2024-01-01T00", "us") + np.arange(rows) * np.timedelta64(1, "h")
    frame = pl.DataFrame({"x": rng.normal(size=rows), "at": time, "y": rng.integers(2, size=rows)})
    lives_on = frame.with_columns(who=pl.Series(rng.integers(60, size=rows)))
    seldom = frame.with_columns(who=pl.Series(np.arange(rows) // 6))
    for keyed in (lives_on, seldom):
        case = read_case(keyed, "y", time="at", key="who")
        assert case.groups is not None
        folds = folds_of_case(case)
        assert len(folds) == 5
        for fold in folds:
            fit, tune, judge = (set(case.groups[part].tolist()) for part in (fold.fit, fold.tune, fold.judge))
            assert not judge & (fit | tune) and not fit & tune
            assert case.time[fold.train].max() < case.time[fold.judge].min()
    assert len(folds_of_case(read_case(seldom, "y", time="at", key="who"))[0].judge) == 90


def test_comparisons_of_many_classes_learn_from_fewer_rows_of_large_tables_only() -> None:
    case = replace(read_case(table("rule", 300), "y"), problem="multi-class", classes=tuple("abcde"))
    sizes = {rows: most_compared(replace(case, target=np.zeros(rows)), 20_000) for rows in (300, 50_000, 100_000)}
    assert sizes == {300: 20_000, 50_000: 20_000, 100_000: 8_000}
    assert most_compared(replace(case, target=np.zeros(100_000), problem="binary"), 20_000) == 20_000


def test_intervals_resample_customers_where_their_targets_go_together_and_time_where_they_do_not() -> None:
    rng = np.random.default_rng(0)
    customers = rng.integers(0, 60, 900)
    frame = in_time(table("noise", 900)).with_columns(customer=pl.Series(customers))
    rows = np.arange(900)
    alone = read_case(frame, "y", time="asked", key="customer")
    assert alone.blocks(rows).unit != "entity"
    shared = read_case(frame.with_columns(y=pl.Series(customers % 2)), "y", time="asked", key="customer")
    assert shared.blocks(rows).unit == "entity" and shared.blocks(rows).count == 60
