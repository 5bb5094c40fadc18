"""Both compilers give the same values, bit for bit, for random expressions over columns with missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from poise.spec.expression import Type, check, parse
from poise.spec.functions import FUNCTIONS
from poise.spec.in_numpy import compile as compile_numpy
from poise.spec.in_polars import INSTANT
from poise.spec.in_polars import compile as compile_polars
from poise.table import MISSING_TIME, Column

TYPES: dict[str, Type] = {
    "a": "number",
    "b": "number",
    "s.n": "number",
    "p": "bool",
    "q": "bool",
    "s": "string",
    "z": "string",
    "t": "time",
    "u": "time",
}
FAR = 2**62  # beyond any calendar

numbers = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, 2400.0, 1e-320, 1e308, -1e308, float("inf"), float("nan")]),
    st.integers(-3000, 3000).map(float),
    st.floats(allow_nan=True, allow_infinity=True),
)
truths = st.sampled_from([True, False, None])
words = st.one_of(
    st.none(),
    st.sampled_from(["", "a", "A", "b", "12", " 1e3 ", "1_0", "nan", "-.5", "İß", "true"]),
    st.text(max_size=4),
)
zones = st.sampled_from([None, "UTC", "America/New_York", "Australia/Lord_Howe", "Mars/Base", ""])
times = st.one_of(
    st.none(),
    st.sampled_from([0, -1, 1_383_454_800_000_000, 1_362_895_200_000_000, FAR, -FAR]),
    st.integers(-70_000_000_000_000_000, 260_000_000_000_000_000),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": numbers,
    "bool": truths,
    "string": words,
    "time": times,
}


def _leaf(kind: Type) -> st.SearchStrategy[str]:
    names = [name for name, found in TYPES.items() if found == kind]
    constants = {
        "number": st.sampled_from(["0", "1", "2.5", "1e300", "12", "2400"]),
        "bool": st.sampled_from(["true", "false"]),
        "string": st.sampled_from(["'a'", '"A"', "'12'", "'America/New_York'"]),
        "time": st.just("instant(2013, 3, 10, 130, 'America/New_York')"),
        "duration": st.sampled_from(["2h", "1.5min", "3w", "100ms", "400y"]),
    }[kind]
    return st.one_of(st.sampled_from(names), constants) if names else constants


def _of(kind: Type, depth: int) -> st.SearchStrategy[str]:
    """Texts of expressions of one type."""
    if depth == 0:
        return _leaf(kind)
    below = {k: _of(k, depth - 1) for k in ("number", "bool", "string", "time", "duration")}
    options = [_leaf(kind), _calls(kind, below)]
    arithmetic = {
        "number": [("number", "+-*/", "number"), ("duration", "/", "duration")],
        "duration": [
            ("duration", "+-", "duration"),
            ("time", "-", "time"),
            ("number", "*", "duration"),
            ("duration", "*/", "number"),
        ],
        "time": [("time", "+-", "duration"), ("duration", "+", "time")],
    }.get(kind, [])
    for left, signs, right in arithmetic:
        options.append(st.tuples(below[left], st.sampled_from(signs), below[right]).map(lambda x: f"({' '.join(x)})"))
    if kind in ("number", "duration"):
        options.append(below[kind].map(lambda x: f"(-{x})"))
    if kind == "bool":
        options += _conditions(below)
    return st.one_of(options)


def _conditions(below: dict[str, st.SearchStrategy[str]]) -> list[st.SearchStrategy[str]]:
    found = []
    for kind, signs in (
        ("number", ["==", "!=", "<", "<=", ">", ">="]),
        ("time", ["==", "!=", "<", ">="]),
        ("duration", ["==", "!=", ">"]),
        ("string", ["==", "!="]),
        ("bool", ["==", "!=", "and", "or"]),
    ):
        found.append(st.tuples(below[kind], st.sampled_from(signs), below[kind]).map(lambda x: f"({' '.join(x)})"))
    lists = {"number": "[1, -2.5, 12]", "string": "['a', '12', '']", "duration": "[2h, -3w]", "bool": "[true]"}
    for kind, options in lists.items():
        word = st.sampled_from(["in", "not in"])
        found.append(st.tuples(below[kind], word).map(lambda x, o=options: f"({x[0]} {x[1]} {o})"))
    return [*found, below["bool"].map(lambda x: f"(not {x})")]


def _calls(kind: Type, below: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """Calls of every function of the table that can give this type."""
    options = []
    for name, function in FUNCTIONS.items():
        if function.result not in (kind, "alike"):
            continue
        arguments = []
        for parameter in function.parameters:
            if parameter.constant:
                arguments.append(st.sampled_from(["'a'", "'1'", "''"]))
            elif parameter.zone:
                arguments.append(st.sampled_from(["z", "'UTC'", "'America/New_York'", "'Europe/Dublin'"]))
            elif parameter.alike and function.result == "alike":
                if kind not in parameter.types:
                    break
                arguments.append(below[kind])
            else:
                arguments.append(st.one_of([below[k] for k in parameter.types]))
        else:
            counts = range(len(arguments) - function.optional, len(arguments) + 1 + function.repeat)
            for count in counts:
                chosen = [*arguments, *[arguments[-1]] * function.repeat][:count]
                options.append(st.tuples(*chosen).map(lambda x, n=name: f"{n}({', '.join(x)})"))
    return st.one_of(options)


KINDS: list[Type] = ["number", "bool", "string", "time", "duration"]
expressions = st.sampled_from(KINDS).flatmap(lambda kind: _of(kind, 2))
rows = st.lists(
    st.fixed_dictionaries({name: zones if name == "z" else VALUES[kind] for name, kind in TYPES.items()}),
    min_size=1,
    max_size=6,
)


def arrays(table: list[dict[str, Any]]) -> dict[str, Column]:
    """The rows as columns of arrays."""
    found = {}
    for name, kind in TYPES.items():
        values = [row[name] for row in table]
        if kind == "string":
            found[name] = Column.strings(values)
        elif kind == "time":
            found[name] = Column.times(values)
        else:
            found[name] = Column.numbers([None if v is None else float(v) for v in values])
    return found


def frame(table: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows as a Polars frame."""
    dtypes: dict[str, Any] = {"number": pl.Float64, "bool": pl.Boolean, "string": pl.String, "time": pl.Int64}
    series = [pl.Series(name, [row[name] for row in table], dtypes[kind]) for name, kind in TYPES.items()]
    return pl.DataFrame(series).with_columns(pl.col(n).cast(INSTANT) for n, k in TYPES.items() if k == "time")


def both(text: str, table: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """The values of an expression by each compiler, missing as None, instants as microseconds."""
    expression = parse(text)
    kind = check(expression, TYPES)
    by_numpy = compile_numpy(expression, TYPES)(arrays(table)).to_list()
    column = frame(table).with_columns(compile_polars(expression, TYPES).alias("it"))["it"]
    wanted = {"time": INSTANT, "bool": pl.Boolean, "string": pl.String}.get(kind, pl.Float64)
    assert column.dtype == wanted
    by_polars = (column.cast(pl.Int64) if kind == "time" else column).to_list()
    if kind == "bool":
        by_polars = [None if v is None else float(v) for v in by_polars]
    return by_numpy, by_polars


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(expressions, rows)
@example("if(p, lower(s), string(a))", [{**dict.fromkeys(TYPES), "a": -0.0}])
@example("a != b", [dict.fromkeys(TYPES)])
@example("t + a * 1ms", [{**dict.fromkeys(TYPES), "t": 5, "a": 0.0005}])
@example("round(a)", [{**dict.fromkeys(TYPES), "a": 2.5}, {**dict.fromkeys(TYPES), "a": -0.5}])
@example("t - u", [{**dict.fromkeys(TYPES), "t": 5, "u": 3}])
def test_numpy_and_polars_agree(text: str, table: list[dict[str, Any]]) -> None:
    by_numpy, by_polars = both(text, table)
    assert by_numpy == by_polars, text
    for value in by_numpy:
        assert not isinstance(value, float) or np.isfinite(value), "an infinity got out"


@pytest.mark.parametrize("height", [0, 1, 3])
def test_any_height(height: int) -> None:
    table = [{**dict.fromkeys(TYPES), "a": 1.0, "s": "x", "t": 0, "z": "UTC", "p": True}] * height
    for text in (
        "a + 1",
        "p and a > 0",
        "lower(s)",
        "t + 2h",
        "hour(t, z)",
        "1 + 1",
        "'x'",
        "if(p, s, 'y')",
        "string(a)",
    ):
        by_numpy, by_polars = both(text, table)
        assert by_numpy == by_polars and len(by_numpy) == height, text


def test_integers_categories_and_enums_are_taken() -> None:
    types: dict[str, Type] = {"n": "number", "c": "string", "e": "string"}
    data = pl.DataFrame({"n": [1, None], "c": ["x", "y"], "e": ["x", None]}).with_columns(
        pl.col("n").cast(pl.Int8), pl.col("c").cast(pl.Categorical), pl.col("e").cast(pl.Enum(["x", "y"]))
    )
    run = data.with_columns(
        one=compile_polars(parse("n / 2"), types),
        two=compile_polars(parse("c == e"), types),
        three=compile_polars(parse("coalesce(e, c)"), types),
    )
    assert run.select("one", "two", "three").rows() == [(0.5, True, "x"), (None, False, "y")]


def test_the_functions_are_those_of_the_table() -> None:
    """A function that one compiler lacks would fail here: each is called once with the types it allows first."""
    for name, function in FUNCTIONS.items():
        samples = {"number": "a", "bool": "p", "string": "s", "time": "t", "duration": "2h"}
        words = ["'x'" if p.constant else "'UTC'" if p.zone else samples[p.types[0]] for p in function.parameters]
        if name == "if":
            words = ["p", "a", "b"]
        row = {"a": 1.0, "b": 2.0, "s.n": 1.0, "p": True, "q": True, "s": "x", "z": "UTC", "t": 0, "u": 0}
        by_numpy, by_polars = both(f"{name}({', '.join(words)})", [row])
        assert by_numpy == by_polars


def test_missing_is_one_thing() -> None:
    nothing = [dict.fromkeys(TYPES)]
    wanted = {
        "a + 1": None,
        "a == a": 0.0,
        "a != a": 0.0,
        "a in [1]": 0.0,
        "a not in [1]": 0.0,
        "s == s": 0.0,
        "s != 'x'": 0.0,
        "s not in ['x']": 0.0,
        "t < u": 0.0,
        "t != u": 0.0,
        "p": None,
        "not p": 1.0,
        "p and true": 0.0,
        "p or true": 1.0,
        "missing(a)": 1.0,
        "missing(t - u)": 1.0,
        "missing(a > 1)": 0.0,
        "coalesce(a, 7)": 7.0,
        "if(p, 1, 2)": 2.0,
        "least(a, 1)": None,
        "greatest(t, instant(2000, 1, 1, 0, 'UTC'))": None,
        "1 / 0": None,
        "0 / 0": None,
        "exp(1000)": None,
        "log(0)": None,
        "sqrt(-1)": None,
        "1e308 * 10": None,
        "instant(9999, 12, 31, 0, 'UTC') + 400y": None,
        "number('1e999')": None,
    }
    for text, value in wanted.items():
        assert both(text, nothing) == ([value], [value]), text


def test_an_unseen_level_costs_nothing_for_few_rows() -> None:
    """One request against a dictionary of many levels: only the levels that occur are looked at."""
    levels = [f"v{n}" for n in range(100_000)]
    column = Column.coded(np.array([99_999, -1]), levels)
    found = compile_numpy(parse("lower(s)"), {"s": "string"})({"s": column})
    assert found.to_list() == ["v99999", None]
    assert found.levels is not None and len(found.levels) == 1


def test_missing_time_is_the_least_integer() -> None:
    found = compile_numpy(parse("t + 1h"), {"t": "time"})({"t": Column.times([None, 0])})
    assert found.values.tolist() == [MISSING_TIME, 3_600_000_000]
