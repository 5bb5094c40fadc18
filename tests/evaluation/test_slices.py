"""Slices: missing is one, small ones are counted, and many are judged together."""

from __future__ import annotations

import numpy as np

from poise.evaluation.blocks import Blocks
from poise.evaluation.bootstrap import Resampled, mean_sums
from poise.evaluation.log_loss import LogLoss
from poise.evaluation.slices import MISSING, MOST_LEVELS, OTHERS, Slice, hold, scores_by_slice, slices_of
from poise.table import Column

BLOCKS = Blocks(np.arange(6000) % 30, "day", 30)


def test_levels_missing_and_small_ones() -> None:
    values = ["a"] * 4000 + ["b"] * 1850 + [None] * 120 + ["c"] * 30
    found = slices_of("x", Column.strings(values), BLOCKS)
    assert [(s.value, len(s.rows)) for s in found.enough] == [("a", 4000), ("b", 1850), (MISSING, 120)]
    assert found.too_small == 1


def test_many_levels_are_bounded() -> None:
    rng = np.random.default_rng(0)
    found = slices_of("x", Column.strings([str(v) for v in rng.integers(50, size=6000)]), BLOCKS)
    assert len(found.enough) + found.too_small == MOST_LEVELS + 1
    assert any(s.value == OTHERS for s in found.enough)
    assert sum(len(s.rows) for s in found.enough) == 6000


def test_numbers_are_cut_at_quartiles_and_few_numbers_are_levels() -> None:
    x = np.arange(6000.0)
    x[:200] = np.nan
    found = slices_of("x", Column.numbers(x), BLOCKS)
    assert len(found.enough) == 5 and {len(s.rows) for s in found.enough} == {1450, 200}
    flags = slices_of("x", Column.numbers((np.arange(6000) // 30 % 2).astype(float)), BLOCKS)
    assert {s.value for s in flags.enough} == {"0", "1"}


def test_rows_in_few_blocks_are_not_enough() -> None:
    values = np.where(BLOCKS.codes < 5, "early", "late")
    found = slices_of("x", Column.strings(values.tolist()), BLOCKS)
    assert [s.value for s in found.enough] == ["late"] and found.too_small == 1


def test_holm_asks_more_of_the_clearest() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=6000) + np.repeat([0.0, 0.05, 0.3], 2000)
    slices = [Slice("x", str(i), np.arange(2000) + 2000 * i) for i in range(3)]
    tested = hold(slices, lambda rows: Resampled(mean_sums(values[rows], BLOCKS.take(rows))), 0.2, at_most=True)
    assert [t.slice.value for t in tested] == ["2", "1", "0"]
    assert [round(t.level, 4) for t in tested] == [0.95, 0.975, 0.9833]
    assert [t.clears for t in tested] == [False, True, True]


def test_all_slices_at_their_bound_are_rarely_cleared_wrongly() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(200):
        values = rng.normal(size=1200)
        slices = [Slice("x", str(i), np.arange(300) + 300 * i) for i in range(4)]
        blocks = Blocks(np.arange(1200) % 30, "day", 30)
        tested = hold(
            slices, lambda rows, v=values, b=blocks: Resampled(mean_sums(v[rows], b.take(rows))), 0.0, at_most=True
        )  # type: ignore[misc]
        wrong += tested[-1].clears  # the clearest, at 1 - 0.05 / 4
    assert wrong / 200 <= 0.10


def test_the_report_lists_the_worst_first() -> None:
    y = np.tile([0.0, 1.0], 3000)
    p = np.where(np.arange(6000) < 3000, 0.5, np.where(y > 0, 0.9, 0.1))
    column = Column.strings(["bad"] * 3000 + ["good"] * 3000)
    made = scores_by_slice(LogLoss(), y, p, BLOCKS, "x", column)
    assert [row["value"] for row in made] == ["bad", "good"]
    assert set(made[0]) == {"by", "value", "rows", "metric", "score", "low", "high", "blocks"}
