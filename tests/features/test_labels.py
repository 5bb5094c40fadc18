"""Labels: matching in time, maturity, what cannot be learned, and the form that learners see."""

import time as clock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import DataError, SpecError
from poise.features.label_match import matches
from poise.features.labels import STATES, label
from poise.features.requests import ROW, requests_of
from poise.spec.objective import Objective
from poise.spec.source import Source
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column, History, Table

S = 1_000_000


def system(objectives, timed=True, late="0s"):
    shows = {
        "path": "shows.parquet",
        "id": "show",
        "columns": {
            "show": "string",
            "at": "time",
            "user": "string",
            "grade": "int",
            "kept": "bool",
            "tags": "text",
            "x": "float",
            "a": "bool",
            "b": "int",
        },
        "request": ["user", "at", "x"],
    }
    orders = {
        "path": "orders.parquet",
        "id": "order",
        "late": late,
        "columns": {
            "order": "string",
            "at": "time",
            "show": "string",
            "user": "string",
            "value": "float",
            "kind": "category",
        },
    }
    if timed:
        shows["time"] = orders["time"] = "at"
    return SystemSpec(
        format=1,
        system="shop",
        purpose="Test labels.",
        sources={"shows": Source.model_validate(shows), "orders": Source.model_validate(orders)},
        objectives={name: Objective.model_validate({"per": "shows", **o}) for name, o in objectives.items()},
    )


def shows(rows, timed=True):
    """(time in seconds, show, user, grade, kept, tags, a, b); each may be left out."""
    rows = [(*r, *[None] * (8 - len(r))) for r in rows]
    t = np.array([r[0] * S if timed else MISSING_TIME for r in rows], np.int64)
    columns = {
        "show": Column.strings([r[1] for r in rows]),
        "at": Column.times(t),
        "user": Column.strings([r[2] for r in rows]),
        "grade": Column.numbers([r[3] for r in rows]),
        "kept": Column.numbers([r[4] for r in rows]),
        "tags": Column.strings([r[5] for r in rows]),
        "x": Column.numbers([1.0] * len(rows)),
        "a": Column.numbers([r[6] for r in rows]),
        "b": Column.numbers([r[7] for r in rows]),
    }
    return History("shows", "log", t, t, Table(columns))


def orders(rows):
    """(time in seconds, show, value[, kind[, user]])."""
    rows = [(*r, *[None] * (5 - len(r))) for r in rows]
    t = np.array([r[0] * S for r in rows], np.int64)
    columns = {
        "show": Column.strings([r[1] for r in rows]),
        "user": Column.strings([r[4] for r in rows]),
        "value": Column.numbers([r[2] for r in rows]),
        "kind": Column.strings([r[3] for r in rows]),
    }
    return History("orders", "log", t, t, Table(columns))


def labels_of(objectives, shown, ordered, complete=1000, name="o", **kind):
    spec = system(objectives if "o" in objectives else {"o": objectives}, **kind)
    histories = {"shows": shown, "orders": ordered}
    asked = requests_of(spec, name, shown)
    done = complete * S if complete is not None else None
    return label(spec, name, asked, histories, {"shows": done, "orders": done})


NO_ORDERS = orders([])


def test_a_match_lies_between_asking_and_within_both_included():
    shown = shows([(10, "s1"), (10, "s2"), (10, "s3"), (10, "s4"), (10, None)])
    ordered = orders([(9, "s4", 1.0), (10, "s1", 1.0), (20, "s2", 1.0), (21, "s3", 1.0)])
    found = labels_of({"type": "binary", "label": {"from": "orders", "match": "show", "within": "10s"}}, shown, ordered)
    assert found.target.tolist() == [1, 1, 0, 0, 0]
    assert found.known_at.tolist() == [20 * S] * 5
    assert found.counts["usable"] == found.counts["rows"] == 5


def test_maturity_waits_for_within_and_late_against_the_watermark():
    shown = shows([(10, "s1"), (15, "s2"), (16, "s3")])
    ordered = orders([(11, "s1", 1.0), (15, "s2", 1.0), (16, "s3", 1.0)])
    spec = {"type": "binary", "label": {"from": "orders", "match": "show", "within": "10s"}}
    found = labels_of(spec, shown, ordered, complete=30, late="5s")
    assert found.usable.tolist() == [True, True, False]
    assert found.counts["immature"] == 1
    assert found.known_at.tolist() == [25 * S, 30 * S, 31 * S]
    assert not labels_of(spec, shown, ordered, complete=None).usable.any()


def test_take_reads_the_earliest_and_counts_what_it_could_not_learn():
    shown = shows([(10, "none"), (10, "one"), (10, "two"), (10, "gone")])
    ordered = orders([(11, "one", 5.0), (12, "two", 7.0), (13, "two", 9.0), (14, "gone", None)])
    spec = {"type": "regression", "label": {"from": "orders", "match": "show", "take": "value", "within": "10s"}}
    found = labels_of(spec, shown, ordered)
    assert found.usable.tolist() == [False, True, True, False]
    assert found.target[1:3].tolist() == [5.0, 7.0]
    assert np.isnan(found.target[[0, 3]]).all()
    assert found.counts == {
        "rows": 4,
        "usable": 2,
        "immature": 0,
        "not_given": 0,
        "unmatched": 1,
        "impossible": 1,
        "no_time": 0,
        "multiple": 1,
    }


def test_a_comparison_with_a_missing_value_is_impossible_and_not_false():
    shown = shows([(10, "a"), (10, "b")])
    ordered = orders([(11, "a", None), (11, "b", 3.0)])
    take = {"type": "binary", "label": {"from": "orders", "match": "show", "take": "value > 2", "within": "9s"}}
    assert labels_of(take, shown, ordered).usable.tolist() == [False, True]
    take["label"]["take"] = "missing(value) or coalesce(value, 0) > 2"
    found = labels_of(take, shown, ordered)
    assert found.usable.all()
    assert found.target.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("take", "values", "unmatched"),
    [
        ("count", [0, 2, 1], 0),
        ("sum(value)", [0, 6, 5], 0),
        ("mean(value)", [None, 3, 5], 1),
        ("min(value)", [None, 2, 5], 1),
        ("max(value * 2)", [None, 8, 10], 1),
    ],
)
def test_aggregates(take, values, unmatched):
    shown = shows([(10, "none"), (10, "two"), (10, "one")])
    ordered = orders([(11, "two", 2.0), (12, "two", 4.0), (13, "one", 5.0)])
    spec = {"type": "regression", "label": {"from": "orders", "match": "show", "take": take, "within": "10s"}}
    found = labels_of(spec, shown, ordered)
    assert Column.numbers(found.target).to_list() == values
    assert found.counts["unmatched"] == unmatched
    assert found.counts["multiple"] == 0


def test_an_aggregate_over_a_missing_value_is_impossible():
    ordered = orders([(11, "a", 2.0), (12, "a", None)])
    spec = {"type": "regression", "label": {"from": "orders", "match": "show", "take": "sum(value)", "within": "10s"}}
    assert labels_of(spec, shows([(10, "a")]), ordered).counts["impossible"] == 1


def test_the_row_itself_is_never_its_label():
    shown = shows([(10, "a", "u"), (12, "b", "u"), (12, "c", "v"), (30, "d", "u")])
    spec = {"type": "regression", "label": {"from": "shows", "match": "user", "take": "count", "within": "5s"}}
    assert labels_of(spec, shown, NO_ORDERS).target.tolist() == [1, 0, 0, 0]
    spec["type"], spec["label"] = "binary", {"from": "shows", "match": "user", "within": "20s"}
    assert labels_of(spec, shown, NO_ORDERS).target.tolist() == [1, 1, 0, 0]


def test_own_columns_are_labels_without_from():
    shown = shows([(10, "a", None, 3), (10, "b", None, 10), (10, "c"), (2000, "d", None, 1)])
    spec = {"type": "multi-class", "label": {"take": "grade", "within": "1h"}}
    found = labels_of(spec, shown, NO_ORDERS, complete=5000)
    assert found.classes == ("10", "3")
    assert found.target.tolist() == [1, 0, -1, -1]
    assert found.counts["impossible"] == 1
    assert found.counts["immature"] == 1


def test_without_time_labels_are_known_always():
    shown = shows([(0, "a", None, None, 1.0), (0, "b", None, None, 0.0), (0, "c")], timed=False)
    found = labels_of({"type": "binary", "label": {"take": "kept"}}, shown, NO_ORDERS, complete=None, timed=False)
    assert found.usable.tolist() == [True, True, False]
    assert found.known_at.tolist() == [MISSING_TIME] * 3
    classes = labels_of({"type": "multi-class", "label": {"take": "kept"}}, shown, NO_ORDERS, timed=False)
    assert classes.classes == ("false", "true")
    joined = {"type": "binary", "label": {"from": "orders", "match": "show"}}
    assert labels_of(joined, shown, orders([(0, "b", 1.0)]), timed=False).target.tolist() == [0, 1, 0]


def test_given_learns_only_where_the_parent_is_true_as_of_its_time():
    objectives = {
        "order": {"type": "binary", "at": "at + 2s", "label": {"from": "orders", "match": "show", "within": "20s"}},
        "o": {
            "type": "regression",
            "given": "order",
            "label": {"from": "orders", "match": "show", "take": "value", "within": "10s"},
        },
    }
    shown = shows([(10, "a"), (10, "b"), (10, "c"), (900, "d")])
    ordered = orders([(11, "a", 1.0), (15, "b", 2.0), (30, "c", 3.0), (905, "d", 4.0)])
    found = labels_of(objectives, shown, ordered, complete=915)
    # a came before T, c is an order but too late for its value, d's parent is not mature
    assert found.counts == {
        "rows": 4,
        "usable": 1,
        "immature": 1,
        "not_given": 1,
        "unmatched": 1,
        "impossible": 0,
        "no_time": 0,
        "multiple": 0,
    }
    assert found.target[1] == 2.0
    assert found.known_at[1] == 32 * S
    objectives["o"]["at"] = "at"
    with pytest.raises(SpecError, match="leave out at:"):
        labels_of(objectives, shown, ordered)


def test_multi_label_from_a_list_and_from_a_separated_text():
    shown = shows(
        [
            (1, "a", None, None, None, "x, y", 1.0, 0.0),
            (1, "b", None, None, None, "", 0.0, 1.0),
            (1, "c", None, None, None, None, 1.0),
        ]
    )
    listed = labels_of({"type": "multi-label", "label": {"take": ["a", "b"]}}, shown, NO_ORDERS)
    assert listed.classes == ("a", "b")
    assert listed.target[listed.usable].tolist() == [[1, 0], [0, 1]]
    parted = labels_of({"type": "multi-label", "label": {"take": "tags", "split": ","}}, shown, NO_ORDERS)
    assert parted.classes == ("x", "y")
    assert parted.target[:2].tolist() == [[1, 1], [0, 0]]
    assert parted.usable.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ({"type": "binary", "label": {"take": "grade"}}, DataError, "is 3 .*in 1 rows"),
        ({"type": "binary", "label": {"take": "tags"}}, SpecError, "true or false; 'tags' is a string"),
        ({"type": "regression", "label": {"take": "tags"}}, SpecError, "learns numbers"),
        ({"type": "multi-class", "label": {"take": "at"}}, SpecError, "instant"),
        ({"type": "multi-label", "label": {"take": "a"}}, SpecError, "list of columns"),
        ({"type": "binary", "label": {"take": "grad > 2"}}, SpecError, "did you mean 'grade'"),
        ({"type": "binary", "label": {}}, SpecError, "needs take:"),
        ({"type": "regression", "label": {"from": "orders", "match": "show"}}, SpecError, "needs take:"),
        ({"type": "binary", "label": {"from": "orders"}}, SpecError, "needs match:"),
        ({"type": "binary", "label": {"from": "orders", "match": {"value": "show"}}}, SpecError, "is a number"),
        (
            {"type": "regression", "label": {"from": "orders", "match": "show", "take": "sum(kind)"}},
            SpecError,
            "needs numbers",
        ),
        ({"type": "binary", "label": {"take": ["a", "b"]}}, SpecError, "only a multi-label"),
    ],
)
def test_labels_that_cannot_be(spec, error, says):
    shown = shows([(1, "a", "u", 3, 1.0, "x", 1.0, 0.0)])
    with pytest.raises(error, match=says):
        labels_of(spec, shown, orders([(1, "a", 1.0, "k")]))


def test_a_row_without_a_time_is_counted():
    spec = {"type": "binary", "at": "at + 2s", "label": {"take": "kept"}}
    shown = shows([(1, "a", None, None, 1.0), (2, "b", None, None, 1.0)])
    at = Column.times(np.array([1 * S, MISSING_TIME]))
    shown = History("shows", "log", shown.time, shown.known, shown.rows.with_columns({"at": at}))
    found = labels_of(spec, shown, NO_ORDERS)
    assert found.counts["no_time"] == 1
    assert found.usable.tolist() == [True, False]


def test_a_label_is_not_known_before_the_rows_that_say_it():
    shown = shows([(10, "a"), (10, "b"), (10, "c")])
    ordered = orders([(11, "a", 1.0), (12, "a", 1.0), (13, "b", 1.0)])
    ordered = History("orders", "log", ordered.time, np.array([40, 90, 14]) * S, ordered.rows)
    spec = {"type": "regression", "label": {"from": "orders", "match": "show", "take": "count", "within": "10s"}}
    assert labels_of(spec, shown, ordered).known_at.tolist() == [90 * S, 20 * S, 20 * S]


def test_a_label_of_the_row_itself_is_not_known_before_the_row():
    shown = shows([(10, "a", None, None, 1.0), (10, "b", None, None, 0.0)])
    shown = History("shows", "log", shown.time, np.array([10, 70]) * S, shown.rows)
    spec = {"type": "binary", "label": {"take": "kept", "within": "5s"}}
    assert labels_of(spec, shown, NO_ORDERS).known_at.tolist() == [15 * S, 70 * S]


def test_labels_of_some_of_the_requests_are_those_of_all():
    shown = shows([(10, "a"), (12, "b"), (14, "c")])
    ordered = orders([(11, "a", 1.0), (15, "c", 2.0)])
    spec = system({"o": {"type": "binary", "label": {"from": "orders", "match": "show", "within": "10s"}}})
    some = requests_of(spec, "o", shown).take(np.array([2, 0, 1]))
    found = label(spec, "o", some, {"shows": shown, "orders": ordered}, {"orders": 100 * S})
    assert found.target.tolist() == [1, 1, 0]


def test_of_a_table_only_the_newest_version_is_a_request():
    t = np.array([1, 2, 3, 3], np.int64)
    rows = Table({"user": Column.strings(["u", "v", "u", "w"]), "x": Column.numbers([1.0, 2.0, 3.0, 4.0])})
    history = History("users", "table", t, t, rows, np.array([True, True, False, True]))
    spec = SystemSpec(
        format=1,
        system="s",
        purpose="Test.",
        sources={
            "users": Source.model_validate({"path": "u", "key": "user", "columns": {"user": "string", "x": "float"}})
        },
        objectives={"o": Objective.model_validate({"type": "regression", "per": "users", "label": {"take": "x"}})},
    )
    asked = requests_of(spec, "users", history)
    assert asked.rows[ROW].to_list() == [1, 2, 3]
    assert asked.id.to_list() == ["v", "u", "w"]
    assert asked.time.tolist() == [MISSING_TIME] * 3
    assert label(spec, "o", asked, {"users": history}, {}).target.tolist() == [2.0, 3.0, 4.0]


def test_at_reads_only_what_is_sent():
    with pytest.raises(SpecError, match="reads 'grade', which is not sent"):
        labels_of({"type": "binary", "at": "at + grade * 1h", "label": {"take": "kept"}}, shows([(1, "a")]), NO_ORDERS)
    with pytest.raises(SpecError, match="is not an instant"):
        labels_of({"type": "binary", "at": "x", "label": {"take": "kept"}}, shows([(1, "a")]), NO_ORDERS)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 10), st.integers(1, 15), st.booleans())
def test_matching_is_the_brute_force_answer(data, n, m, same):
    draw = data.draw
    time = np.sort(np.array([draw(st.integers(0, 9)) for _ in range(m)], np.int64))
    keys = [draw(st.sampled_from(["a", "b", None])) for _ in range(m)]
    values = np.array([draw(st.integers(-5, 5)) for _ in range(m)], np.float64)
    history = History("h", "log", time, time, Table({}, m))
    own = np.array([draw(st.integers(0, m - 1)) for _ in range(n)]) if same else None
    asked = time[own] if same else np.array([draw(st.integers(-1, 10)) for _ in range(n)], np.int64)
    asked_keys = [keys[i] for i in own] if same else [draw(st.sampled_from(["a", "b", "c", None])) for _ in range(n)]
    within = draw(st.integers(0, 4))
    found = matches([Column.strings(asked_keys)], [Column.strings(keys)], history, (asked, within), own, None)
    for i in range(n):
        rows = [
            j
            for j in range(m)
            if keys[j] is not None
            and keys[j] == asked_keys[i]
            and asked[i] <= time[j] <= asked[i] + within
            and not (same and own[i] == j)
        ]
        assert found.count[i] == len(rows)
        assert found.earliest[i] == (rows[0] if rows else -1)
        assert found.amount(values, "sum")[i] == sum(values[rows])
        assert np.array_equal(found.amount(values, "max")[i], max(values[rows]) if rows else np.nan, equal_nan=True)
        assert found.having(values > 0)[i] == sum(values[rows] > 0)


def test_the_states_are_a_partition():
    assert len(set(STATES)) == 6


def test_a_year_of_flights_is_labelled_within_a_second():
    random = np.random.default_rng(1)
    n = 330_000
    t = np.sort(random.integers(0, 10**9, n)) * S
    ids = [f"s{i}" for i in range(n)]
    shown = shows([])
    empty = {name: Column.absent(column.kind, n) for name, column in shown.rows.items()}
    shown = History("shows", "log", t, t, Table({**empty, "show": Column.strings(ids)}))
    landed = t + random.integers(0, 10**4, n) * S
    order = np.argsort(landed, kind="stable")
    rows = {"show": Column.strings(ids).take(order), "value": Column.numbers(random.random(n))}
    arrived = History("orders", "log", landed[order], landed[order], Table(rows))
    spec = {"type": "binary", "label": {"from": "orders", "match": "show", "take": "value > 0.5", "within": "2d"}}
    labels_of(spec, shown, arrived, complete=10**10)
    start = clock.perf_counter()
    found = labels_of(spec, shown, arrived, complete=10**10)
    assert found.counts["usable"] == n
    assert clock.perf_counter() - start < 3  # under 1 s on a quiet core


def test_numbers_that_learners_cannot_square_are_told():
    spec = {"type": "regression", "label": {"from": "orders", "match": "show", "take": "value", "within": "10s"}}
    shown = shows([(10, "one"), (10, "two")])
    with pytest.raises(DataError, match=r"learns numbers up to 1e\+18; 'value' is 1e\+300 in 1 rows"):
        labels_of(spec, shown, orders([(11, "one", 5.0), (11, "two", 1e300)]))


def test_the_comparison_that_is_offered_is_one_of_the_values():
    with pytest.raises(DataError, match=r"compare it, e\.g\. grade == 2"):
        labels_of(
            {"type": "binary", "label": {"take": "grade"}}, shows([(10, "a", "u", 2), (10, "b", "u", 1)]), NO_ORDERS
        )
