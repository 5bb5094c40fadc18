"""What is said of an answer, from records made by hand: the parts that a real server shows only now and then."""

from __future__ import annotations

import json
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from poise.decisions.rank import Ranker
from poise.decisions.terms import Predicted
from poise.interfaces.http.openapi_lists import list_schemas
from poise.models.reference import Levels, Numbers
from poise.releases.contract import Contract, Input
from poise.serving.explain import Explained
from poise.serving.explain_change import nearest_change
from poise.serving.explain_first import OtherFirst, other_first
from poise.serving.explain_list import listing
from poise.serving.explain_rule import by_rule
from poise.serving.explain_shared import one_value_everywhere
from poise.serving.explain_terms import MOST_PREDICTIONS, NotTakenApart, effects_of
from poise.serving.explain_weights import another_first, places, to_be_first
from poise.serving.explain_words import changed, number, reasons, sentence
from poise.serving.limits import Limits
from poise.serving.list_entries import ListEntries
from poise.spec.decision import Decision
from poise.table import Column, Table


def test_effects_are_shapley_values() -> None:
    """By the definition: the mean over all orders in which predictions become known."""
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"]
    base = dict(zip(names, rng.random(3).tolist(), strict=True))
    predicted = {name: rng.random(4) for name in names}

    def value(p: Any) -> Any:
        return np.maximum(p["a"] * p["b"], 0.3) + p["c"] ** 2 * p["a"]

    found = effects_of(lambda p: {"term": value(p)[:, :, None]}, base, predicted)["term"]
    for row in range(4):
        for name in names:
            want = 0.0
            for order in permutations(names):
                before = order[: order.index(name)]
                known = {n: predicted[n][row] if n in before else base[n] for n in names}
                want += value({**known, name: predicted[name][row]}) - value(known)
            got = found.slopes[name][row, 0] * (predicted[name][row] - base[name])
            assert got == pytest.approx(want / 6)
    total = sum(found.slopes[n][:, 0] * (predicted[n] - base[n]) for n in names)
    np.testing.assert_allclose(found.average[:, 0] + total, found.value[:, 0])


def test_a_prediction_at_its_average_has_the_slope_there() -> None:
    """Its contributions may be large and cancel: then they still say what each does to the term."""
    found = effects_of(
        lambda p: {"t": (p["a"] * p["b"])[:, :, None]},
        {"a": 0.5, "b": 2.0},
        {"a": np.array([0.5]), "b": np.array([3.0])},
    )
    effects = found["t"]
    assert effects.slopes["a"][0, 0] == pytest.approx(2.5)
    inputs = {"a": {"x": np.array([0.2]), "y": np.array([-0.2])}, "b": {"x": np.array([1.0])}}
    added = effects.of(inputs)
    assert added["x"][0, 0] == pytest.approx(0.2 * 2.5 + 0.5) and added["y"][0, 0] == pytest.approx(-0.5)


def test_terms_without_predictions_and_with_too_many() -> None:
    found = effects_of(lambda p: {"t": np.full((2, 1, 1), 7.0)}, {}, {})["t"]
    assert found.value.tolist() == found.average.tolist() == [[7.0], [7.0]] and found.slopes == {}
    many = {f"k.{i}": 0.1 for i in range(MOST_PREDICTIONS + 1)}
    with pytest.raises(NotTakenApart, match="11 predictions"):
        effects_of(lambda p: {}, many, {name: np.zeros(1) for name in many})


@pytest.mark.parametrize("seed", range(20))
def test_weights_that_are_named_are_the_nearest(seed: int) -> None:
    """Against a search: nothing changes before them, and beyond them the one that is named is first."""
    rng = np.random.default_rng(seed)
    terms = {name: rng.normal(size=6).round(2) for name in "ab"}
    weights = {"a": float(rng.uniform(0.1, 2)), "b": float(rng.uniform(-2, 2))}

    def first(at: dict[str, float]) -> int:
        return int(np.argmax(sum(at[t] * v for t, v in terms.items())))

    best = first(weights)
    for one in another_first(terms, weights, best):
        way = one["becomes"] - one["weight"]
        assert first({**weights, one["term"]: one["weight"] + 0.999 * way}) == best
        assert first({**weights, one["term"]: one["becomes"] + 1e-6 * np.sign(way)}) == one["then"]
    for other in range(6):
        for one in to_be_first(terms, weights, other):
            scores = sum({**weights, one["term"]: one["becomes"]}[t] * v for t, v in terms.items())
            assert scores[other] >= scores.max() - 1e-9


def test_places_without_a_term_that_alone_counts() -> None:
    found = places({"a": np.array([1.0, 2.0]), "b": np.array([5.0, 4.0])}, {"a": 1.0, "b": 0.0})
    assert found["a"] == {"alone": [2, 1], "without": [None, None]} and found["b"]["without"] == [2, 1]


def test_places_by_one_term_alone_do_not_depend_on_how_much_it_weighs() -> None:
    terms = {"off": np.array([1.0, 3.0, 2.0]), "less": np.array([1.0, 3.0, 2.0]), "more": np.array([5.0, 4.0, 6.0])}
    found = places(terms, {"off": 0.0, "less": -0.5, "more": 2.0})
    assert {term: one["alone"] for term, one in found.items()} == {
        "off": [3, 1, 2],
        "less": [1, 3, 2],
        "more": [2, 3, 1],
    }


@pytest.mark.parametrize(
    ("value", "said"), [(999.4, "999"), (999.5, "1,000"), (-999.96, "-1,000"), (1000.4, "1,000"), (99.96, "100")]
)
def test_numbers_near_a_thousand(value: float, said: str) -> None:
    assert number(value) == said


def test_a_change_of_a_category_and_of_what_was_missing() -> None:
    row = Table({"city": Column.strings(["Ghent"]), "x": Column.numbers([None])})
    seen = {"city": Levels(("Ghent", "Lyon", "Oslo"), (0.6, 0.3, 0.1)), "x": Numbers((1.0, 2.0))}
    found = nearest_change(row, seen, lambda rows: np.array([c != "Ghent" for c in rows["city"].to_list()]))
    assert found is not None and (found.becomes, found.distance) == ("Lyon", 0.7)
    found = nearest_change(row, seen, lambda rows: rows["x"].values > 1.5)
    assert found is not None and found.to_dict() == {"input": "x", "from": None, "to": 2.0, "distance": 1.0}
    assert nearest_change(row, seen, lambda rows: np.zeros(rows.height, bool)) is None
    assert changed(found, {"x": "the size"}) == "if the size had been 2 instead of missing"


FOOD: dict[str, Any] = {
    "logged": [0, 1, 2],
    "allowed": [1, 1, 1],
    "features": {"heat": [3.0, 3.0, 3.0], "wet": [1.0, 1.0, 1.0], "likes": [2.0, 1.0, 0.0], "roof": [1.0, 0.0, 0.0]},
}
"""A list of three, as the log kept it: the heat and the wet are equal for all, the rest is of the item."""


def another_first_by_input(record: dict[str, Any], observed: dict[str, Numbers]) -> OtherFirst | None:
    """Of a release whose score is heat + likes + 3 wet x roof, - 1: so the heat never changes the order."""

    def scored(rows: Table) -> Any:
        of = {name: column.values for name, column in rows.items()}
        return of["heat"] + of["likes"] + 3 * of["wet"] * of["roof"] - 1

    def features(record: Any, rows: list[int]) -> Table:
        at = [record["logged"].index(row) for row in rows]
        return Table({n: Column.numbers([v[i] for i in at]) for n, v in record["features"].items()})

    explained: Any = None
    release: Any = SimpleNamespace(
        observed=observed,
        shared=lambda record: frozenset({"heat", "wet"}),
        features=features,
        predict=lambda rows, explained: {},
        terms=lambda predictions, rows: {"worth": scored(rows)[:, None]},
        in_step=lambda rows: rows,
        read_by_where=frozenset[str],
        ranker=SimpleNamespace(where=lambda rows: np.ones(rows.height)),
    )
    whole = features(FOOD, [0, 1, 2])
    scores = scored(whole).tolist()
    return other_first(release, record, {"worth": 1.0}, explained, 0, {1: scores[1], 2: scores[2]})


def test_what_is_equal_for_all_candidates_is_changed_in_all_of_them() -> None:
    """The heat would put the first behind the second, were it changed in the first alone."""
    assert another_first_by_input(FOOD, {"heat": Numbers((-9.0, 3.0, 9.0))}) is None
    assert another_first_by_input(FOOD, {"wet": Numbers((0.0, 1.0))}) is None, "without the wet the first likes most"
    found = another_first_by_input(FOOD, {"wet": Numbers((-2.0, 0.0, 1.0))})
    assert found is not None and found.to_dict("b") == {
        "input": "wet",
        "from": 1.0,
        "to": -2.0,
        "distance": 1.0,
        "then": "b",
        "in": "all candidates",
    }
    found = another_first_by_input(FOOD, {"wet": Numbers((-2.0, 0.0, 1.0)), "likes": Numbers((-9.0, 1.0, 2.0))})
    assert found is not None and not found.everywhere and found.change.becomes == -9.0


def test_what_is_equal_for_all_is_left_out_where_the_log_lacks_a_candidate() -> None:
    kept = {**FOOD, "logged": [0, 1], "features": {name: values[:2] for name, values in FOOD["features"].items()}}
    assert another_first_by_input(kept, {"wet": Numbers((-2.0, 0.0, 1.0))}) is None
    assert another_first_by_input({**kept, "allowed": [1, 1, 0]}, {"wet": Numbers((-2.0, 0.0, 1.0))}) is not None
    assert one_value_everywhere(kept) == frozenset() and one_value_everywhere(FOOD) == {"heat", "wet"}


def test_sentences_name_what_counted_most() -> None:
    row = Table({"x": Column.numbers([3.0]), "city": Column.strings(["Oslo"]), "gone": Column.numbers([None])})
    seen = {"x": Numbers((1.0, 2.0, 9.0))}
    adds = {"x": 0.5, "city": 0.2, "gone": 0.06, "small": 0.001, "down": -1.0}
    said = reasons(adds, row, seen, {"city": "city of users"})
    assert said == "x is 3 (usually 2), city of users is Oslo and gone is not known"
    assert reasons(adds, row, seen, {}, up=False) == "down"
    assert sentence("'a' is first", "", f"because {said}").startswith("'a' is first. Because x is 3")


def test_a_list_says_of_each_row_what_made_its_place_beside_the_score() -> None:
    """Of equals the earlier is first; of a row that was ranked to be shown and was not, that the order was drawn."""
    record: dict[str, Any] = {
        "ids": ["d"],
        "weights": 3,
        "items": ["a", "b", "c"],
        "allowed": [1.0, 1.0, 1.0],
        "scores": [0.2, 0.2, 0.2],
        "terms": {"orders": [0.2, 0.2, 0.2]},
        "shown": [2],
        "propensities": [0.25],
        "explored": {"method": "plackett-luce", "temperature": 0.5, "top": 3, "seed": 1, "cost": None},
        "fallbacks": {"order": {"by": "constant", "why": "its model failed"}},
        "logged": [],
        "features": {},
    }
    release: Any = SimpleNamespace(
        ranker=SimpleNamespace(decision=SimpleNamespace(item="shop")), shared=lambda record: frozenset()
    )
    said = {}
    for row in range(3):
        told = listing(release, record, {"orders": 1.0}, Explained([], Table({}), {}, {}), [], row)
        said[row] = told["rows"][0]["said"]
        assert told["explored"]["method"] == "plackett-luce"
    instead = "Order could not be predicted then (its model failed): its average stood in."
    why = "since the order was drawn, so that others are tried too (plackett-luce"
    assert said[0] == f"'a' is first of 3 by its score, level with 2 others. It was not shown {why}). {instead}"
    assert said[1] == f"'b' is number 2 of 3 by its score, level with 2 others. {instead}"
    place = f"It was shown at place 1 {why}; probability 25%)."
    assert said[2] == f"'c' is number 3 of 3 by its score, level with 2 others. {place} {instead}"


def test_a_list_that_the_rule_sorted_says_what_was_missing_and_that_it_was_drawn() -> None:
    spec = Decision.model_validate(
        {"per": "shown", "list": "page", "item": "shop", "where": "open", "rule": "liked", "terms": {"orders": "order"}}
    )
    types: Any = {"open": "bool", "liked": "number"}
    ranker = Ranker(spec, {"order": Predicted("binary")}, types)
    record: dict[str, Any] = {
        "items": ["a", "b", "c", "d"],
        "allowed": [1.0, 1.0, 0.0, 1.0],
        "scores": [5.0, 5.0, 9.0, None],
        "terms": {"orders": [None, None, 0.2, None], "off": [None, None, None, None]},
        "shown": [1, 0],
        "propensities": [0.25, 0.75],
        "explored": {"method": "epsilon", "share": 0.5, "top": 2, "seed": 1, "cost": None},
    }
    told = by_rule(ranker, record, {"orders": 1.0, "off": 0.0}, {1: {"features": {}}, 0: {"features": {}}}, None)
    assert told["missing"] == {"orders": 3}
    assert told["said"] == (
        "No candidate had a score, since orders was missing for 3 of 3. The rule sorted: liked. "
        "Of that the order was drawn, so that others are tried too (epsilon)."
    )
    assert [(row["shop"], row["rank"], row["position"], row["propensity"]) for row in told["rows"]] == [
        ("b", 2, 1, 0.25),
        ("a", 1, 2, 0.75),
    ]
    assert told["rows"][0]["said"] == (
        "'b' is number 2 of 3 by the rule, level with another one. The rule gives it 5. "
        "It was shown at place 1 since the order was drawn, so that others are tried too (epsilon; probability 25%)."
    )
    (left,) = by_rule(ranker, record, {"orders": 1.0}, {}, 2)["rows"]
    assert left["said"] == "'c' could not be shown: where: open is false." and "not_kept" in left
    (last,) = by_rule(ranker, record, {"orders": 1.0}, {}, 3)["rows"]
    assert last["rank"] == 3 and "drawn" not in last and "says nothing of it" in last["said"]


def test_an_item_that_is_called_like_a_word_of_the_answer_stands_as_item() -> None:
    """In what is shown, left out, described and explained alike; else it would hide the word, or be hidden by it."""
    entries = ListEntries("score", ["orders"])
    shown = json.loads(msgspec.json.encode(entries.shown("d", [0], ["a"], [0.5], [[0.5]], [1.0])))[0]
    left = json.loads(msgspec.json.encode(entries.ranked(["b"], ["ranked 2"], [0.2])))[0]
    assert (shown["item"], shown["score"], left["item"], left["score"]) == ("a", 0.5, "b", 0.2)
    contract = Contract("x", (Input("score", "string", per="asked"),), decides_on="asked", item="score", show=3)
    described = list_schemas(contract, "score", Limits(), timed=True)
    assert described["Shown"]["properties"].keys() == shown.keys()
    assert described["LeftOut"]["properties"].keys() == left.keys()
    assert described["Candidate"]["required"] == ["score"]
    record: dict[str, Any] = {
        "ids": ["d"], "weights": 3, "items": ["a", "b"], "allowed": [1.0, 1.0], "scores": [0.5, 0.2],
        "terms": {"orders": [0.5, 0.2]}, "shown": [0], "propensities": [1.0], "logged": [], "features": {},
    }  # fmt: skip
    decision = SimpleNamespace(item="score", rule=None)
    release: Any = SimpleNamespace(ranker=SimpleNamespace(decision=decision), shared=lambda record: frozenset())
    told = listing(release, record, {"orders": 1.0}, Explained([], Table({}), {}, {}), [], 0)["rows"][0]
    ruled = by_rule(release.ranker, record, {"orders": 1.0}, {}, 0)["rows"][0]
    assert [(one["item"], one["score"]) for one in (told, ruled)] == [("a", 0.5), ("a", 0.5)]
