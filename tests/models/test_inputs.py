"""Categories become codes the same way in batch and for one row."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import DataError
from poise.models.base import Examples
from poise.models.inputs import Inputs
from poise.table import MISSING_TIME, Column, Table

words = st.one_of(st.none(), st.sampled_from(["a", "b", "", "ü", "a b"]), st.text(max_size=3))
numbers = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


def table(strings: list[str | None], floats: list[float | None]) -> Table:
    n = min(len(strings), len(floats))
    return Table({"s": Column.strings(strings[:n]), "n": Column.numbers(floats[:n]), "m": Column.numbers(floats[:n])})


@given(st.lists(words, min_size=1, max_size=30), st.lists(numbers, min_size=1, max_size=30), st.integers(1, 3))
def test_one_row_is_encoded_as_in_batch(strings: list[str | None], floats: list[float | None], least: int) -> None:
    rows = table(strings, floats)
    types = {"s": "category", "n": "number", "m": "category"}
    inputs = Inputs.learn(Examples(rows, types, np.zeros(rows.height), None, np.zeros(rows.height)), lambda _: least)
    inputs = Inputs.from_json(json.loads(json.dumps(inputs.to_json())))
    together = inputs.encode(rows)
    for i in range(rows.height):
        np.testing.assert_array_equal(inputs.encode(rows.take(np.array([i])))[0], together[i])


def test_levels_are_ordered_by_frequency_then_name_whatever_the_order_of_rows() -> None:
    for strings in (["b", "a", "c", "c"], ["c", "a", "c", "b"]):
        rows = Table({"s": Column.strings(strings)})
        examples = Examples(rows, {"s": "category"}, np.zeros(4), None, np.zeros(4))
        assert Inputs.learn(examples, lambda _: 1).levels == (("c", "a", "b"),)
        assert Inputs.learn(examples, lambda _: 2).levels == (("c",),)


def test_a_large_dictionary_of_few_rows_is_not_walked() -> None:
    levels = np.array([f"v{i}" for i in range(1_000)], object)
    column = Column("string", np.array([5, -1, 999], np.int32), levels)
    assert Inputs(("s",), (("v999", "v5"),)).encode(Table({"s": column})).tolist()[0::2] == [[2.0], [1.0]]


def test_instants_are_numbers() -> None:
    for values in ([3, MISSING_TIME], [MISSING_TIME], [3]):
        out = Inputs(("t",), (None,)).encode(Table({"t": Column.times(values)}))[:, 0]
        np.testing.assert_array_equal(out, [np.nan if v == MISSING_TIME else 3.0 for v in values])


def test_absent_and_wrong_columns_are_named() -> None:
    inputs = Inputs(("x",), (None,))
    with pytest.raises(DataError, match="'x', which these rows do not have"):
        inputs.encode(Table({}, 1))
    for strings in (["a"], ["a", "b"]):
        with pytest.raises(DataError, match="'x' as a number; strings came"):
            inputs.encode(Table({"x": Column.strings(strings)}))
