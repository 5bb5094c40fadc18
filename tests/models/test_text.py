"""Hashed words: stable, and the same for one text as for many."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poise.models.text import BUCKETS, TextTerms, buckets_of
from poise.table import Column

texts = st.lists(st.one_of(st.none(), st.text(max_size=40)), min_size=1, max_size=12)


def test_the_hash_never_changes() -> None:
    """A stored model depends on these numbers: changing them needs a new format."""
    assert buckets_of("Good food").tolist() == [20114, 10743, 192389]
    assert buckets_of("").tolist() == []


@given(st.text())
def test_buckets_lie_in_range(text: str) -> None:
    found = buckets_of(text)
    assert not len(found) or (found.min() >= 0 and found.max() < BUCKETS)


@given(texts)
def test_one_text_is_weighed_as_among_others(values: list[str | None]) -> None:
    column = Column.strings(values)
    terms = TextTerms.learn(column, least=1)
    rows = terms.rows(column)
    assert len(rows.starts) == len(values) + 1
    for i in range(len(values)):
        one = terms.rows(column.take(np.array([i])))
        part = slice(rows.starts[i], rows.starts[i + 1])
        np.testing.assert_array_equal(one.columns, rows.columns[part])
        np.testing.assert_array_equal(one.values, rows.values[part])
        length = np.sqrt((one.values**2).sum())
        assert length == 0 or abs(length - 1) < 1e-12


def test_only_terms_that_occur_twice_are_kept() -> None:
    terms = TextTerms.learn(Column.strings(["one two", "two three"]))
    assert terms.buckets.tolist() == [buckets_of("two")[0]]
