"""Parsing and typing: what is understood, and the exact words for what is not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import ExpressionError
from poise.spec.expression import Type, check, parse
from poise.spec.functions import FUNCTIONS
from poise.spec.in_numpy import compile as compile_numpy
from poise.spec.tokens import SIGNS, WORDS
from poise.table import Column

TYPES: dict[str, Type] = {
    "a": "number",
    "b": "number",
    "carrier": "string",
    "departs": "time",
    "arrives": "time",
    "open": "bool",
    "users.city": "string",
}


def value(text: str) -> object:
    return compile_numpy(parse(text), {})({}).to_list()[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("8 - 3 - 2", 3.0),
        ("8 / 4 / 2", 1.0),
        ("-2 * 3", -6.0),
        ("2 - -3", 5.0),
        ("not true or true", 1.0),
        ("not (true or true)", 0.0),
        ("true or false and false", 1.0),
        ("1 + 1 == 2 and 3 > 2", 1.0),
        ("2 in [1, 2, ]", 1.0),
        ("-1 in [1, -1]", 1.0),
        ("not 2 in [1]", 1.0),
        ("2 not in [1]", 1.0),
        ("'it\\'s' == \"it's\"", 1.0),
        ("1.5e3", 1500.0),
        ("90min / 1h", 1.5),
        ("1d / 1ms", 86_400_000.0),
        ("round(2.5) + round(3.5)", 6.0),
        ("clip(7, 1, 5)", 5.0),
        ("length('né')", 2.0),
        ("string(12.0)", "12"),
        ("string(0.1)", "0.1"),
        ("string(true)", "true"),
        ("number(' 1e2')", 100.0),
        ("number(true)", 1.0),
        ("if(1 > 2, 'a', 'b')", "b"),
        ("weekday(instant(2024, 2, 29, 1200, 'UTC'))", 3.0),
        ("day(instant(2024, 12, 31, 2400, 'UTC'))", 1.0),
        ("year(instant(1912, 6, 23, 0, 'Europe/London'))", 1912.0),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("a", "number"),
        ("arrives - departs", "duration"),
        ("departs - 2h", "time"),
        ("2h + departs", "time"),
        ("(arrives - departs) / 1min", "number"),
        ("a * 1h / 2", "duration"),
        ("-(arrives - departs)", "duration"),
        ("users.city == carrier", "bool"),
        ("coalesce(departs, arrives)", "time"),
        ("if(open, 1h, 2h)", "duration"),
    ],
)
def test_types(text: str, type: Type) -> None:
    assert check(parse(text), TYPES) == type


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("carier == 'AA'", "there is no 'carier' here (did you mean 'carrier'?)\n    carier == 'AA'\n    ^"),
        ("a = 2", "'=' does not belong here (write '==' to compare)\n    a = 2\n      ^"),
        ("a < b < 3", "comparisons do not chain; write e.g. 'a < b and b < c'\n    a < b < 3\n          ^"),
        ("a && b", "'&' does not belong here (write 'and')\n    a && b\n      ^"),
        ("(a + b", "this '(' is never closed\n    (a + b\n    ^"),
        ("a + b)", "this ')' closes nothing\n    a + b)\n         ^"),
        ("a b", "'b' follows a value; an operator is missing before it\n    a b\n      ^"),
        ("a +", "the expression ends where a value should stand\n    a +\n       ^"),
        ("a + 'x", "a string that begins here has no end; a second ' closes it"),
        ("5m", "'5m' has the unknown unit 'm' (did you mean 'ms'?)\n    5m\n     ^"),
        ("1_000", "'1_000' is not a number; write it without '_'\n    1_000\n     ^"),
        ("a in [b]", "only constants may stand in a list\n    a in [b]\n          ^"),
        ("sqrt(a, b)", "sqrt is written sqrt(x); came: 2 arguments\n    sqrt(a, b)\n    ^"),
        ("hour()", "hour is written hour(time[, zone]); came: 0 arguments\n    hour()\n    ^"),
        ("sqr(a)", "there is no function 'sqr' (did you mean 'sqrt'?)\n    sqr(a)\n    ^"),
        ("a + carrier", "came: number + string; allowed: number + number, duration + duration, "),
        ("carrier == 3", "a string cannot be compared with a number (write the constant as a string, e.g. '3'"),
        ("carrier < 'x'", "'<' needs numbers, times or durations; came: strings\n    carrier < 'x'\n            ^"),
        ("departs + 1", "(write a duration, e.g. 2h, or n * 1min)\n    departs + 1\n            ^"),
        ("departs > '2013'", "a time cannot be compared with a string (write e.g. instant(2013, 1, 31, 0, 'UTC'))"),
        ("open + 1", "(if(x, 1, 0) makes a number of a bool)"),
        ("a and open", "'and' needs a bool on both sides; came: number and bool\n    a and open\n      ^"),
        ("not a", "'not' needs a bool; came: a number\n    not a\n    ^"),
        ("-carrier", "'-' needs a number or a duration; came: a string"),
        ("if(a, 1, 2)", "if: condition needs a bool; came: a number\n    if(a, 1, 2)\n       ^"),
        ("coalesce(a, carrier)", "coalesce needs arguments of one type; came: number and string"),
        ("contains(carrier, carrier)", "contains: part must be a constant, e.g. 'abc'"),
        (
            "hour(departs, 'America/NewYork')",
            "there is no time zone 'America/NewYork' (did you mean 'America/New_York'?)",
        ),
        ("null", "there is no constant 'null' (write missing(x) to ask, or coalesce(x, …) to fill)"),
        ("True", "there is no 'True' here (did you mean 'true'?)"),
        ("hour", "'hour' is a function, written hour(time[, zone])"),
        ("1e999", "1e999 is too large for a number"),
        ("a ** 2", "'*' stands where a value should"),
        (".5", "'.' does not belong here (write a digit before the point, e.g. 0.5"),
        ("", "the expression is empty"),
        ("a not b", "'not' after a value is the beginning of 'not in'"),
    ],
)
def test_errors_point_at_the_character(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(parse(text), TYPES)
    assert message in str(caught.value)


def test_the_place_in_the_file_comes_first() -> None:
    with pytest.raises(ExpressionError, match=r"^objectives\.late\.at: there is no 'x' here"):
        check(parse("x"), TYPES, "objectives.late.at")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 4001, "an expression of 4,001 characters; at most 4,000 are read"),
        ("(" * 150 + "a" + ")" * 150, "nested more than 100 deep"),
        ("-" * 3000 + "a", "nested more than 100 deep"),
        ("not " * 900 + "open", "nested more than 100 deep"),
        ("+".join(["a"] * 1500), "has more than 100 steps on top of each other; split it"),
    ],
)
def test_size_is_bounded(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse(text)


def test_a_hundred_deep_is_fine() -> None:
    text = "+".join(["a"] * 100)
    found = compile_numpy(parse(text), TYPES)({"a": Column.numbers([1.0])})
    assert found.to_list() == [100.0]


def test_names() -> None:
    expression = parse("missing(x) or coalesce(y, z.w) > 1 and z.w > 2 and species.`Iris-setosa` > 0.5")
    assert expression.names == {"x", "y", "z.w", "species.Iris-setosa"}
    assert expression.required_names == {"z.w", "species.Iris-setosa"}


def test_every_function_says_how_it_is_written() -> None:
    for name, function in FUNCTIONS.items():
        assert function.does and function.usage(name).startswith(f"{name}(")


@given(st.lists(st.sampled_from([*SIGNS, *WORDS, *FUNCTIONS, *TYPES, "1", "2h", "'x'", "`q`", ".", "$", "é", "\n"])))
def test_any_words_give_a_tree_or_an_expression_error(words: list[str]) -> None:
    text = " ".join(words)
    try:
        expression = parse(text)
        kind = check(expression, TYPES)
    except ExpressionError:
        return
    assert kind in ("number", "bool", "string", "time", "duration")
    assert parse(text) == expression


@given(st.text(max_size=60))
def test_any_text_gives_a_tree_or_an_expression_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse(text)
