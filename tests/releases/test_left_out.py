"""What is left out of learning: parts that become too small are split once more, or it is said what lacks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poise.errors import NotEnoughData
from poise.evaluation.parts import Split, split
from poise.releases.learn_from import LearnFrom, LeftOut, judged_without, kept, without
from poise.spec.system import Parts
from poise.table import Column, Requests, Table

PARTS = Parts()


def hourly(rows: int) -> Split:
    """So many rows, one an hour, whose labels come at once."""
    time = np.arange(rows, dtype=np.int64) * 3_600_000_000
    return split(PARTS, time, time + 1, np.ones(rows, np.bool_))


def test_a_part_of_which_most_is_held_back_is_split_again_from_what_is_left() -> None:
    made, keep = hourly(400), np.ones(400, np.bool_)
    keep[made.fit[:-5]] = False
    found = without(made, keep, PARTS)
    assert len(found.fit) >= 20 and found.fit.max() < found.tune.min() < found.calibrate.min() < found.judge.min()
    assert keep[found.learning].all() and np.array_equal(found.judge, made.judge)


def test_little_that_is_held_back_moves_no_border() -> None:
    made, keep = hourly(400), np.ones(400, np.bool_)
    keep[made.tune[:10]] = False
    found = without(made, keep, PARTS)
    assert np.array_equal(found.tune, made.tune[10:]) and np.array_equal(found.fit, made.fit)


@pytest.mark.parametrize("left", [0, 7])
def test_what_cannot_be_split_is_refused_with_how_many_rows_are_left(left: int) -> None:
    made, keep = hourly(400), np.zeros(400, np.bool_)
    keep[made.fit[:left]] = True
    with pytest.raises(NotEnoughData, match=f"{left} may be learned from, and at least 30 are needed") as told:
        without(made, keep, PARTS)
    assert told.value.hint is not None and "poise suspects" in told.value.hint


def test_who_is_not_believed_judges_nothing_either() -> None:
    split = hourly(400)
    keep = np.ones(400, bool)
    keep[split.judge[::2]] = False
    made = judged_without(split, keep)
    assert made.judge.tolist() == split.judge[1::2].tolist() and made.fit.tolist() == split.fit.tolist()
    limits = LearnFrom(left_out=(LeftOut("orders", why="trusted"), LeftOut("orders", "user", ("u1",), judges=False)))
    assert [one.judges for one in limits.unbelieved.left_out] == [False]
    assert limits.sentences("UTC")[1] == "Nothing was learned from or judged on rows of orders with user u1."
    assert LearnFrom.from_dict(limits.to_dict()) == limits


def test_too_few_rows_to_judge_on_are_said() -> None:
    with pytest.raises(NotEnoughData, match="may be judged on"):
        judged_without(hourly(400), np.zeros(400, bool))


def test_rows_of_somebody_are_left_out_within_the_time_alone() -> None:
    system: Any = SimpleNamespace(objectives={"late": SimpleNamespace(per="orders", label=SimpleNamespace(from_=None))})
    users = Column.strings(["u1", "u2", "u1", None, "u3", "u1"])
    requests = Requests(Table({"user": users}), np.arange(6, dtype=np.int64))
    groups = LeftOut("orders", "user", ("u1",), since=1, until=5), LeftOut("orders", "user", ("u3",))
    found = kept(system, "late", requests, {}, LearnFrom(left_out=groups))
    assert found is not None and np.flatnonzero(~found).tolist() == [2, 4]
    nobody = LearnFrom(left_out=(LeftOut("orders", "user", ("u1",), since=6),))
    assert kept(system, "late", requests, {}, nobody) is None
