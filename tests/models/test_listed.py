"""What models keep of items changes no prediction: lists are answered bit for bit as whole rows."""

import numpy as np

from poise.features.listed import Listed, Made, Parts
from poise.features.sides import Sides
from poise.models.base import Examples, Problem
from poise.models.inputs import Inputs
from poise.models.listed import ListedTrees, WholeRows, for_lists
from poise.models.trees import TreesLearner
from poise.one_row import OneRow, RowForm
from poise.table import MISSING_TIME, Column, Table

ITEM, ONCE, BOTH = ("a", "kind"), ("b",), ("c",)
SIDES = Sides((), (), (), {"a": "item", "kind": "item", "b": "request", "c": "both"})


def columns(random, n):
    return {
        "a": Column.numbers(np.where(random.random(n) < 0.1, np.nan, random.normal(size=n))),
        "kind": Column.coded(random.integers(-1, 5, n), [f"k{i}" for i in range(5)]),
        "b": Column.numbers(random.normal(size=n)),
        "c": Column.numbers(random.normal(size=n)),
    }


def trees(random, n=600):
    rows = columns(random, n)
    y = rows["b"].values * rows["c"].values + np.nan_to_num(rows["a"].values) + (rows["kind"].values == 2)
    types = {"a": "number", "kind": "category", "b": "number", "c": "number"}
    examples = Examples(Table(rows), types, y, None, np.full(n, MISSING_TIME))
    return TreesLearner().fit(Problem("regression"), examples.take(np.arange(400)), examples.take(np.arange(400, n)))


class Kept:
    """Items whose columns are given by hand."""

    def __init__(self, items):
        self.items = items
        self.version = np.ones(items.height, np.int64)
        self.made = 1

    def take(self, name, rows):
        return self.items[name].take(rows)


def listed(kept, rows, request, both):
    names = {name: name for name in (*ITEM, *ONCE, *BOTH)}
    one = OneRow(RowForm(dict.fromkeys(request, "number")), [column.only for column in request.values()])
    return Listed(Parts.of(names, SIDES), Made(one, both, kept, np.array(rows)), len(rows))


def test_states_are_kept_until_the_items_change():
    random = np.random.default_rng(3)
    model = trees(random)
    form = for_lists(model, frozenset(ITEM))
    assert isinstance(form, ListedTrees) and form.bytes_per_item > 0
    kept = Kept(Table({name: column for name, column in columns(random, 8).items() if name in ITEM}))
    made = []
    state = form._whole.state
    form._states._make = lambda items: made.append(items.height) or state(items)
    asked = [
        [0, 3, 5],
        [5, 3, 1],
        [1, 3],
        [6, 1],
        [1, 3],
        list(range(8)),
        list(range(12)),
        [0, 11],
        [3, 10],
        [3, 1],
        [2, 3],
    ]
    for turn, rows in enumerate(asked):
        if turn in (4, 9):  # the second time when all had been seen as they were
            kept.items["a"].values[[1, 3]] += 1
            kept.version[[1, 3]] = kept.made = 9 + turn
        if turn == 6:  # more items: those that are known stay
            more = {name: column for name, column in columns(random, 4).items() if name in ITEM}
            kinds = [*kept.items["kind"].to_list(), *more["kind"].to_list()]
            numbers = np.concatenate([kept.items["a"].values, more["a"].values])
            kept.items = Table({"a": Column.numbers(numbers), "kind": Column.strings(kinds)})
            kept.version = np.concatenate([kept.version, np.full(4, 13)])
            kept.made = 13
        request = {"b": Column.numbers(random.normal(size=1))}
        both = {"c": Column.numbers(random.normal(size=len(rows)))}
        features = listed(kept, rows, request, both)
        assert form.predict(features).tobytes() == model.predict(features).tobytes()
    assert made == [3, 1, 1, 2, 3, 4, 2]


def test_of_other_items_all_is_made_anew():
    random = np.random.default_rng(6)
    model = trees(random)
    form = for_lists(model, frozenset(ITEM))
    for _ in range(2):  # as often made, and all seen, of the ones before
        kept = Kept(Table({name: column for name, column in columns(random, 4).items() if name in ITEM}))
        for rows in ([0], [0, 1, 2, 3], [2]):
            both = {"c": Column.numbers(random.normal(size=len(rows)))}
            features = listed(kept, rows, {"b": Column.numbers(random.normal(size=1))}, both)
            assert form.predict(features).tobytes() == model.predict(features).tobytes()


def test_texts_of_several_sides_are_scored_together():
    """The scores of texts come of all of them, whoever says each: of a person, of an item and of both."""
    random = np.random.default_rng(7)
    n, words = 600, ("spicy", "vegan", "cheap", "late")
    said = random.integers(0, len(words), (4, n))
    sides = {"person": "request", "dish": "item", "menu": "item", "note": "both", "c": "both"}
    texts = [name for name in sides if name != "c"]
    rows = {name: Column.strings([f"{words[k]} food" for k in one]) for name, one in zip(texts, said, strict=True)}
    table = Table({**rows, "c": Column.numbers(random.normal(size=n))})
    y = (said[:3] == 1).sum(axis=0) + (said[3] == 2) + random.normal(size=n) / 4
    types = {**dict.fromkeys(texts, "text"), "c": "number"}
    for inputs in (texts, ["dish", "menu", "c"], ["person", "c"]):
        chosen = {name: types[name] for name in (*inputs, "c")}
        examples = Examples(table.select(chosen), chosen, y, None, np.full(n, MISSING_TIME))
        model = TreesLearner().fit(
            Problem("regression"), examples.take(np.arange(400)), examples.take(np.arange(400, n))
        )
        form = for_lists(model, frozenset(name for name, side in sides.items() if side == "item"))
        assert isinstance(form, ListedTrees) and model.columns.text is not None
        parts = Parts.of({name: name for name in sides}, Sides((), (), (), sides))
        one = OneRow(RowForm({"person": "string"}), [table["person"].to_list()[5]])
        for at in ([3, 1, 4], [2]):
            both = table.select(["note", "c"]).take(np.array(at))
            features = Listed(parts, Made(one, dict(both), Kept(table), np.array(at)), len(at))
            whole = Table({name: features[name] for name in sides}, len(at))
            assert form.predict(features).tobytes() == model.predict(whole).tobytes()


def test_trees_that_are_scored_by_whole_rows_only_keep_nothing():
    random = np.random.default_rng(4)
    model = trees(random)
    object.__setattr__(model, "scorers", (None,))
    form = for_lists(model, frozenset(ITEM))
    assert isinstance(form, WholeRows) and form.bytes_per_item == 0


def test_one_candidate_is_read_by_models_of_whole_rows_too():
    """A list of one takes the way of single rows, whatever the model."""
    random = np.random.default_rng(5)
    rows = columns(random, 1)
    inputs = Inputs(("a", "kind", "b", "c"), (None, ("k0", "k3"), None, None))
    kept = Kept(Table({name: rows[name] for name in ITEM}))
    one = listed(kept, [0], {"b": rows["b"]}, {"c": rows["c"]})
    assert np.array_equal(inputs.encode(one), inputs.encode(Table(rows)), equal_nan=True)
