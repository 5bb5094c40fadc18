"""PA06 on tables whose leaks are known: every trap is named, and honest signals are not called leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from poise.assessment.base import Answer
from poise.assessment.immature import fall_at_end
from poise.assessment.leakage import Leakage
from poise.assessment.leaking_columns import heaps
from poise.assessment.leaking_rows import keys_of, leaking_rows
from poise.assessment.reading import read_case
from poise.assessment.trials import Trials
from poise.clock import DAY

N = 1_500


def ask(frame: pl.DataFrame, **more: Any) -> Answer:
    case = read_case(frame, "y", **more)
    return Leakage().ask(case, Trials(case))


def honest(seed: int = 0, n: int = N) -> tuple[np.random.Generator, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] * 1.5 + X[:, 1] + rng.logistic(size=n) > 0).astype(np.int64)
    return rng, {**{f"x{i}": X[:, i] for i in range(5)}, "y": y}


def named(answer: Answer, weight: str) -> set[str]:
    return {column for finding in answer.findings if finding.weight == weight for column in finding.columns}


@pytest.mark.parametrize("seed", range(5))
def test_honest_signals_are_quiet(seed: int) -> None:
    assert ask(pl.DataFrame(honest(seed)[1])).answer == "yes"


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris])
def test_real_signals_are_no_leaks(load: Any) -> None:
    found = load(as_frame=True).frame
    answer = ask(pl.DataFrame({("y" if c == "target" else c): found[c].to_numpy() for c in found}))
    assert answer.answer != "no", answer.sentence


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1, 0.15])
def test_the_target_with_tiny_noise(noise: float) -> None:
    rng, columns = honest()
    answer = ask(pl.DataFrame({**columns, "z": columns["y"] + noise * rng.normal(size=N)}))
    assert answer.answer == "no" and named(answer, "stop") == {"z"}


def test_tiny_noise_is_seen_however_much_other_columns_say() -> None:
    found = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "y"})
    frame = pl.DataFrame({c: found[c].to_numpy() for c in found})
    answer = ask(frame.with_columns(copy=pl.col("y") + 0.001 * pl.int_range(frame.height) / frame.height))
    assert answer.answer == "no" and named(answer, "stop") == {"copy"}


def test_a_threshold_without_noise_is_a_suspect_at_most() -> None:
    _, columns = honest(n=4_000)
    answer = ask(pl.DataFrame({**columns, "y": (columns["x0"] > 0.3) * 1}))
    assert not named(answer, "stop") and named(answer, "warn") == {"x0"}


def test_what_is_called_after_is_a_suspect_beside_columns_that_say_much_themselves() -> None:
    rng, columns = honest()
    calls = rng.poisson(1 + 5 * columns["y"])
    assert named(ask(pl.DataFrame({**columns, "n_calls_after": calls})), "warn") == {"n_calls_after"}
    assert not named(ask(pl.DataFrame({**columns, "n_calls": calls})), "warn")


def test_a_column_far_ahead_of_every_other_is_worth_a_note() -> None:
    rng, columns = honest()
    slips = columns["y"] ^ (rng.random(N) < 0.03)
    assert named(ask(pl.DataFrame({**columns, "score": slips + 0.2 * rng.normal(size=N)})), "note") == {"score"}


def test_a_size_measured_in_several_ways_is_no_leak_but_what_tops_them_is() -> None:
    rng = np.random.default_rng(0)
    size = rng.gamma(4, size=N)
    sides = {f"side{j}": size * np.exp(0.08 * rng.normal(size=N)) for j in range(4)}
    price = size * np.exp(0.1 * rng.normal(size=N))
    assert not named(ask(pl.DataFrame({**sides, "y": price})), "warn")
    band = np.floor(np.log(price) * 4)
    assert named(ask(pl.DataFrame({**sides, "band": band, "y": price})), "warn") == {"band"}
    assert named(ask(pl.DataFrame({"side0": sides["side0"], "other": rng.normal(size=N), "y": price})), "warn")


def test_heaps_need_a_valley() -> None:
    x = np.random.default_rng(0).random(1_000)
    y = (x > 0.5).astype(np.float64)
    assert not heaps(x, y) and heaps(x + 5 * y, y)


@pytest.mark.parametrize("empty", [None, 0.0])
@pytest.mark.parametrize("filled", [1.0, 0.7])
def test_what_is_filled_in_where_it_happened(empty: float | None, filled: float) -> None:
    rng, columns = honest()
    there = (columns["y"] == 1) & (rng.random(N) < filled)
    values = [v if t else empty for v, t in zip(rng.exponential(10, N).tolist(), there.tolist(), strict=True)]
    answer = ask(pl.DataFrame({**columns, "refund": values}))
    assert answer.answer == "no" and "refund" in named(answer, "stop")


def test_missing_by_chance_is_quiet() -> None:
    rng, columns = honest()
    values = [None if rng.random() < 0.4 else float(v) for v in columns["x2"]]
    assert ask(pl.DataFrame({**columns, "x2": values})).answer == "yes"


def test_a_near_copy_of_a_number() -> None:
    rng, columns = honest()
    y = columns["x0"] + columns["x1"] + 0.5 * rng.normal(size=N)
    assert ask(pl.DataFrame({**columns, "y": y})).answer == "yes"
    answer = ask(pl.DataFrame({**columns, "y": y, "z": np.exp(y) + 0.001 * rng.random(N)}))
    assert named(answer, "stop") == {"z"}


def test_a_word_in_a_text_that_gives_it_away() -> None:
    rng, columns = honest()
    words = np.array(
        ["the", "order", "came", "late", "and", "was", "cold", "but", "tasty", "indeed", "we", "liked", "it"]
    )
    texts = [
        " ".join(rng.choice(words, 9)) + f" n{i}" + (" refunded" if y else "")
        for i, y in enumerate(columns["y"].tolist())
    ]
    frame = pl.DataFrame({**columns, "comment": texts})
    answer = ask(frame)
    assert named(answer, "warn") == {"comment"} and "refunded" in answer.sentence
    assert answer.answer == "unclear", "a word may be an honest reason, and a rule over texts is one that can be used"
    refunds = [3.5 + i if y else None for i, y in enumerate(columns["y"].tolist())]
    both = ask(frame.with_columns(refund=pl.Series(refunds)))
    assert named(both, "stop") == {"comment", "refund"}, "a column beyond the text says so too"


def test_rows_of_one_customer_know_each_other() -> None:
    rng = np.random.default_rng(0)
    each = np.repeat(np.arange(300), 5)
    own, outcome = rng.normal(size=(300, 4))[each], (rng.random(300) < 0.4)[each]
    order = rng.permutation(len(each))
    columns = {f"x{i}": (own[:, i] + 0.01 * rng.normal(size=len(each)))[order] for i in range(4)}
    frame = pl.DataFrame({**columns, "customer": each[order], "y": outcome[order] * 1})
    answer = ask(frame)
    assert named(answer, "warn") == {"customer"} and "--key customer" in answer.sentence
    assert not named(ask(frame, key="customer"), "warn")


def test_a_key_of_one_or_two_rows_each_is_tried_though_it_is_no_input() -> None:
    """Twin rows, told from all others by what belongs to neither outcome."""
    rng = np.random.default_rng(4)
    kinds, outcome = rng.normal(size=(1_200, 3)), rng.integers(0, 2, 1_200)
    each = rng.permutation(np.r_[np.repeat(np.arange(1_000), 2), np.arange(1_000, 1_200)])
    columns = {f"x{j}": kinds[each, j] + 0.01 * rng.normal(size=len(each)) for j in range(3)}
    keys = [f"K{one:04}" for one in each]
    answer = ask(pl.DataFrame({**columns, "customer": keys, "y": outcome[each]}))
    assert named(answer, "warn") == {"customer"} and "--key customer" in answer.sentence
    some = np.arange(0, len(each), 4)
    typed = np.array(keys)
    typed[some] = typed[rng.permutation(some)]
    better = pl.DataFrame({"size": 5 * each, **columns, "customer": typed, "y": outcome[each]})
    assert named(ask(better), "warn") == {"customer"}, "what is called a key is named, though another column tells more"
    unique = read_case(pl.DataFrame({**columns, "customer": [f"K{n}" for n in range(2_200)], "y": outcome[each]}), "y")
    assert "customer" not in unique.table and "customer" not in unique.types


def test_copies_are_named() -> None:
    _, columns = honest()
    frame = pl.DataFrame(columns)
    assert "copies" in ask(pl.concat([frame, frame.head(300)])).sentence


def test_a_number_of_the_row_in_a_sorted_table() -> None:
    _, columns = honest()
    frame = pl.DataFrame(columns).sort("y").with_columns(place=pl.int_range(N) * 1.7)
    assert "place" in named(ask(frame), "stop")


def in_time(columns: dict[str, Any]) -> pl.DataFrame:
    at = pl.Series("t", np.arange(N) * DAY // 4).cast(pl.Datetime("us"))
    return pl.DataFrame(columns).with_columns(at)


def test_immature_labels() -> None:
    rng, columns = honest()
    assert ask(in_time(columns), time="t").answer == "yes"
    age = np.arange(N)[::-1] / N
    late = np.where(rng.random(N) < age / 0.07, columns["y"], 0)
    answer = ask(in_time({**columns, "y": late}), time="t")
    assert named(answer, "warn") == {"y"} and answer.details["rate"]["since"]


def test_a_fall_is_unusual_only_where_there_was_none_before() -> None:
    sizes, starts = np.full(40, 100.0), list(range(40))
    calm = np.full(40, 40.0)
    assert fall_at_end(calm, sizes, starts) is None
    fallen = calm.copy()
    fallen[-2:] = 5
    assert fall_at_end(fallen, sizes, starts) is not None
    seasons = np.where(np.arange(40) // 4 % 2, 5.0, 40.0)
    assert fall_at_end(seasons, sizes, starts) is None


def test_an_instant_after_the_row() -> None:
    rng, columns = honest()
    frame = in_time(columns).with_columns(closed=pl.col("t") + pl.duration(hours=pl.Series(rng.integers(1, 50, N))))
    assert "closed" in named(ask(frame, time="t"), "warn")


def test_a_measurement_that_others_foretell_is_no_key() -> None:
    """Few of its values are drawn, all of whose rows are: models learn which they are, as of a key, but it is none."""
    rng = np.random.default_rng(0)
    n = 60_000
    left = rng.integers(0, 1_000, n)
    took, planned = rng.integers(60, 200, n), rng.integers(60, 200, n)
    frame = pl.DataFrame({"left": left, "planned": planned, "landed": left + took, "y": took - planned})
    case = read_case(frame, "y")
    assert "landed" in keys_of(case)
    found, tried = leaking_rows(case)
    assert not found and not tried
    own = rng.normal(size=400)
    numbers = rng.permutation(10_000)[:400]
    each = rng.integers(0, 400, 4_000)
    rows = {"x": own[each] + 0.01 * rng.normal(size=4_000), "z": rng.normal(size=4_000), "who": numbers[each]}
    assert [one["column"] for one in leaking_rows(read_case(pl.DataFrame({**rows, "y": own[each] ** 2}), "y"))[1]] == [
        "who"
    ]


def test_what_is_written_down_together_with_the_target_is_named() -> None:
    """Flights that never landed have neither a delay nor a time in the air; what was planned they have."""
    rng, columns = honest()
    lost = rng.random(N) < 0.05
    frame = pl.DataFrame({**columns, "air": rng.normal(size=N), "left": rng.normal(size=N)}).with_columns(
        y=pl.when(~pl.Series(lost)).then(pl.col("y")),
        air=pl.when(~pl.Series(lost)).then(pl.col("air")),
        left=pl.when(~pl.Series(lost & (rng.random(N) < 0.9))).then(pl.col("left")),
    )
    answer = ask(frame)
    assert named(answer, "warn") == {"air", "left"}
    empty = frame.with_columns(pl.when(~pl.Series(lost)).then(pl.col(name)) for name in frame.columns)
    assert not named(ask(empty), "warn"), "rows that are empty altogether say nothing"


def test_the_parts_of_a_sum_are_certain() -> None:
    rng, columns = honest()
    by_hour = np.exp(columns["x0"])
    casual, registered = rng.poisson(20 * by_hour), rng.poisson(100 * by_hour)
    frame = pl.DataFrame({**columns, "casual": casual, "registered": registered, "y": casual + registered})
    answer = ask(frame)
    assert answer.answer == "no" and named(answer, "stop") == {"casual", "registered"}
    assert "'y' is exactly 'registered' + 'casual'" in answer.sentence or "'casual' + 'registered'" in answer.sentence
    less = ask(frame.with_columns(y=pl.col("registered") - pl.col("casual")))
    assert named(less, "stop") == {"casual", "registered"} and "'registered' - 'casual'" in less.sentence


def test_columns_that_add_up_to_a_number() -> None:
    _, columns = honest()
    answer = ask(pl.DataFrame({**columns, "y": 2 * columns["x0"] + columns["x1"]}))
    assert named(answer, "warn") == {"x0", "x1"}
