"""What each column is taken for."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from poise.assessment.kinds import kind_of
from poise.assessment.number_text import spelt_numbers

N = 60
DRAWN = np.random.default_rng(0)


def text(values: list[object]) -> pl.Series:
    return pl.Series("c", [None if v is None else str(v) for v in values], pl.String)


@pytest.mark.parametrize(
    ("values", "kind", "type"),
    [
        ([1.5, 2.5, "NA", ""], "number", "float"),
        ([3, 1, 4, 1, 5], "number", "int"),
        (["Yes", "no", "yes"], "flag", "bool"),
        (["true", "false", None], "flag", "bool"),
        (["2024-01-01", "2024-02-03"], "time", "time"),
        (["2024-01-01T10:00:00Z", "2024-02-03T10:00:00+08:00"], "time", "time"),
        (["Paris", "Rome", "Paris"], "category", "category"),
        (["", "NA", "?"], "empty", "float"),
        (["same", "same", ""], "constant", "category"),
        (["7", "7"], "constant", "int"),
    ],
)
def test_text_is_taken_for_what_it_spells(values: list[object], kind: str, type: str) -> None:
    found = kind_of(text(values))
    assert (found.kind, found.type) == (kind, type)


@pytest.mark.parametrize(
    ("spelt", "number", "says"),
    [
        ("1,234.50", 1234.5, "commas"),
        ("$1,234", 1234.0, "commas"),
        ("(12.5)", -12.5, "commas"),
        ("12.5%", 12.5, "commas"),
        ("1.234,56", 1234.56, "decimals after a comma"),
        ("12 345", 12345.0, "spaces"),
        ("-€ 80", -80.0, "commas"),
    ],
)
def test_numbers_in_other_spellings_are_read_and_said(spelt: str, number: float, says: str) -> None:
    found = kind_of(text([spelt, spelt.replace("2", "3").replace("8", "9")] * 3))
    assert found.kind == "number"
    assert found.values[0] == pytest.approx(number)
    assert found.note is not None and says in found.note and spelt in found.note


def test_a_few_words_among_numbers_are_missing_and_named() -> None:
    found = kind_of(text([*range(49), *range(49), "unknown", "soon"]))
    assert found.kind == "number" and found.values.null_count() == 2
    assert found.note is not None and "'unknown'" in found.note and "2 other values" in found.note


def test_words_with_digits_are_no_numbers() -> None:
    assert spelt_numbers(text(["A1", "B2", "C3"])) is None
    assert kind_of(text(["A1", "B2", "A1"] * 5)).kind == "category"


def test_dates_that_could_be_read_in_two_ways_say_so() -> None:
    both = kind_of(text(["01/02/2024", "03/04/2024"]))
    assert both.format == "%d/%m/%Y" and both.note is not None and "%m/%d/%Y" in both.note
    american = kind_of(text(["01/31/2024", "03/04/2024"]))
    assert american.format == "%m/%d/%Y" and american.note is None


def test_ids_are_left_out_and_named() -> None:
    numbering = kind_of(pl.Series("row", range(1, N + 1)))
    assert numbering.kind == "id" and numbering.dropped == "it numbers the rows: every row has its own value"
    assert kind_of(pl.Series("customer_id", DRAWN.choice(10**9, N, replace=False))).kind == "id"
    assert kind_of(pl.Series("salary", DRAWN.choice(10**9, N, replace=False))).kind == "number"
    codes = kind_of(text([f"u{v}" for v in range(N)]))
    assert codes.kind == "id" and codes.dropped is not None and "60 in 60 rows" in codes.dropped
    rarely = kind_of(text([f"u{v // 3 * 2 + v % 3 // 2}" for v in range(N)]))
    assert rarely.kind == "id" and rarely.dropped is not None and "too few rows for each" in rarely.dropped


def test_prose_is_text_and_repeated_phrases_are_categories() -> None:
    words = ["good", "bad", "slow", "fast", "late", "never"]
    prose = [" ".join(DRAWN.choice(words, 6)) for _ in range(N)]
    assert kind_of(text(list(prose))).kind == "text"
    assert kind_of(text(["left at the front door", "handed to a neighbour there"] * 20)).kind == "category"


def test_columns_of_other_types_are_understood_or_refused_with_a_reason() -> None:
    assert kind_of(pl.Series("d", [date(2024, 1, 1), date(2024, 1, 2)])).kind == "time"
    assert kind_of(pl.Series("b", [True, False, None])).kind == "flag"
    assert kind_of(pl.Series("c", ["a", "b", "a"], dtype=pl.Categorical)).kind == "category"
    assert kind_of(pl.Series("n", [None, None])).kind == "empty"
    nested = kind_of(pl.Series("l", [[1], [2]]))
    assert nested.kind == "other" and nested.dropped is not None and "not single values" in nested.dropped
    infinite = kind_of(pl.Series("x", [1.5, np.inf, np.nan, 2.5]))
    assert infinite.values.null_count() == 2 and infinite.note == "1 infinite values are taken as missing"
