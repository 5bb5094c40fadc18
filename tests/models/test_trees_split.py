"""Predictions from inputs known in stages, against whole rows."""

from __future__ import annotations

import numpy as np
import pytest

from poise.models.base import Examples, Problem
from poise.models.forest_text import NotServed
from poise.models.proof import same_bits
from poise.models.trees import TreesLearner
from poise.models.trees_model import TreesModel
from poise.table import MISSING_TIME, Column, Table

WORDS = ("spicy", "vegan", "cheap", "late", "noodles", "rice")
REQUEST, ITEM = ("x0", "city"), ("x1", "chef", "menu")


def learned(problem: Problem) -> tuple[TreesModel, Table]:
    """1,200 rows: numbers (one with holes), a category of 5 and one of 150 levels, and a text."""
    random = np.random.default_rng(2)
    n = 1_200
    x = random.normal(size=(n, 3))
    city, chef = random.integers(0, 5, n), random.integers(0, 150, n)
    menu = random.integers(0, len(WORDS), (n, 2))
    z = x[:, 0] + x[:, 1] * (city == 2) + np.sin(chef) + (menu[:, 0] == 1) + random.normal(size=n)
    target = np.digitize(z, [0.0, 1.0]) if problem.many else z > 0
    if problem.type == "multi-label":
        target = np.stack([z > 0, z > 1], axis=1)
    holes = np.where(random.random(n) < 0.2, np.nan, x[:, 2])
    table = Table(
        {
            "x0": Column.numbers(x[:, 0]),
            "x1": Column.numbers(x[:, 1]),
            "x2": Column.numbers(holes),
            "city": Column.strings([f"city {c}" for c in city]),
            "chef": Column.strings([f"chef {c}" if c else None for c in chef]),
            "menu": Column.strings([f"{WORDS[a]} {WORDS[b]}" for a, b in menu]),
        }
    )
    types = dict.fromkeys(("x0", "x1", "x2"), "number") | {"city": "category", "chef": "category", "menu": "text"}
    rows = Examples(table, types, target.astype(np.float64), None, np.full(n, MISSING_TIME))
    index = np.arange(n)
    return TreesLearner().fit(problem, rows.take(index < 900), rows.take(index >= 900)), table


@pytest.mark.parametrize("item", [ITEM, ("x1",), ("x1", "x2", "chef", "menu"), ()])
@pytest.mark.parametrize("problem", [Problem("binary"), Problem("multi-class", ("a", "b", "c"))], ids=["two", "three"])
def test_a_split_model_predicts_every_bit_of_whole_rows(problem: Problem, item: tuple[str, ...]) -> None:
    model, table = learned(problem)
    split = model.sides(REQUEST, item)
    candidates = np.random.default_rng(0).integers(0, table.height, 101)
    asked = table.take(np.full(101, 7)).select(REQUEST)
    others = table.take(candidates)
    whole = Table({**others, **asked}, 101)

    kept = split.state(table.select(item) if item else Table({}, table.height))
    assert kept.nbytes == table.height * split.bytes_per_item
    request = split.request.matrix(asked.take(np.arange(1)))
    mixed = split.mixed.matrix(others)
    assert same_bits(split.predict(request, kept, mixed, candidates), model.predict(whole))
    assert same_bits(split.predict(request, kept[candidates], mixed), model.predict(whole))


def test_a_model_of_several_labels_is_not_split() -> None:
    model, _ = learned(Problem("multi-label", ("good", "best")))
    with pytest.raises(NotServed, match="several labels"):
        model.sides(REQUEST, ITEM)


def test_a_model_tells_what_answers_and_what_that_takes() -> None:
    model, _ = learned(Problem("multi-class", ("a", "b", "c")))
    assert model.engine is not None and model.engine.name == "mask tables"
    assert model.engine.bytes > 10_000 and model.engine.seconds > 0
