"""Keys and as-of lookups against a brute-force reading of the rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.features.asof import newest
from poise.features.keys import joint_codes
from poise.table import MISSING_TIME, Column, History, Table

values = st.one_of(st.none(), st.integers(-3, 3).map(float), st.sampled_from([0.5, 1e300, 2.0**60]))
words = st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""]))
instants = st.one_of(st.none(), st.integers(-5, 2**62))


def _rows(draw, part, size):
    return [draw(part) for _ in range(size)]


@given(st.data(), st.integers(0, 12), st.integers(0, 12))
def test_codes_are_equal_exactly_where_all_parts_are(data, n, m):
    kinds = data.draw(st.lists(st.sampled_from(["number", "string", "time"]), min_size=1, max_size=3))
    make = {"number": (values, Column.numbers), "string": (words, Column.strings), "time": (instants, Column.times)}
    raw = [(_rows(data.draw, make[k][0], n), _rows(data.draw, make[k][0], m)) for k in kinds]
    left, right = ([make[k][1](side[i]) for k, side in zip(kinds, raw, strict=True)] for i in (0, 1))
    a, b = joint_codes(left, right)
    keys = [tuple(side[0][i] for side in raw) for i in range(n)] + [tuple(side[1][i] for side in raw) for i in range(m)]
    codes = [*a.tolist(), *b.tolist()]
    assert max(codes, default=0) < 4 * (n + m) + 1024
    for key, code in zip(keys, codes, strict=True):
        assert (code == -1) == (None in key)
        for other, other_code in zip(keys, codes, strict=True):
            if None not in key and None not in other:
                assert (key == other) == (code == other_code)


def test_codes_with_one_dictionary_for_both_and_repeated_levels():
    both = Column.coded(np.array([0, 1, 2, -1]), ["a", "b", "a"])
    a, b = joint_codes([both], [both])
    assert a.tolist() == b.tolist()
    assert a[0] == a[2] != a[1]


def test_kinds_that_cannot_be_equal_are_refused():
    with pytest.raises(ValueError, match="number cannot be equal to a string"):
        joint_codes([Column.numbers([1.0])], [Column.strings(["1"])])


def _brute(code, T, row_codes, history):
    best = -1
    for i in range(history.height):
        first = history.first is not None and history.first[i]
        seen = T == MISSING_TIME or first or (history.time[i] < T and history.known[i] < T)
        if code >= 0 and row_codes[i] == code and seen:
            best = i  # rows stand in the order of (τ, arrival)
    return best


@settings(max_examples=200, deadline=None)  # the first call compiles
@given(st.data(), st.integers(0, 12), st.integers(0, 12), st.sampled_from(["table", "history"]))
def test_newest_is_the_brute_force_answer(data, n, m, kind):
    draw = data.draw
    time = np.sort(np.array([draw(st.integers(0, 8)) for _ in range(m)], np.int64))
    known = time + np.array([draw(st.integers(-2, 5)) for _ in range(m)], np.int64)
    row_codes = np.array([draw(st.integers(-1, 3)) for _ in range(m)], np.int64)
    first = None
    if kind == "table":
        known = time
        first = np.array([c not in row_codes[:i] for i, c in enumerate(row_codes)], bool)
    history = History("s", kind, time, known, Table({}, m), first)
    codes = np.array([draw(st.integers(-1, 4)) for _ in range(n)], np.int64)
    T = np.array([draw(st.one_of(st.just(MISSING_TIME), st.integers(-1, 10))) for _ in range(n)], np.int64)
    want = [_brute(c, t, row_codes, history) for c, t in zip(codes, T, strict=True)]
    assert newest(codes, T, row_codes, history).tolist() == want


def test_a_row_at_the_same_time_is_not_seen():
    t = np.array([100], np.int64)
    history = History("s", "history", t, t, Table({}, 1))
    zero = np.zeros(1, np.int64)
    assert newest(zero, t, zero, history).tolist() == [-1]
    assert newest(zero, t + 1, zero, history).tolist() == [0]


def test_a_late_row_is_seen_once_it_is_known_and_the_newest_by_its_own_time_wins():
    history = History("s", "history", np.array([1, 2, 3]), np.array([1, 9, 3]), Table({}, 3))
    T = np.array([3, 4, 10])
    assert newest(np.zeros(3, np.int64), T, np.zeros(3, np.int64), history).tolist() == [0, 2, 2]
