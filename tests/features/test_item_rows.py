"""Rows of items are found by their bytes exactly where a dictionary would find them."""

import numpy as np
import pytest

from poise.features import item_rows
from poise.features.item_rows import CLEAN, MARKED, UNKNOWN, ItemRows

NAMES = [
    *(f"i{number:06d}" for number in range(60)),
    *("", "a", "é", "日本", "x" * 39, "x" * 40, "x" * 41, "x" * 50, "éé" * 10, "é" * 21, "a\0b", "a", "b", "\0"),
    *(f"{'12345678' * 2}{number}" for number in range(20)),
    *("\ud800", 1.0, 2.5, 7, None),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pool", [NAMES, [name for name in NAMES if type(name) is str and len(name) < 30]])
def test_rows_are_those_of_a_dictionary(seed, pool, monkeypatch):
    random = np.random.default_rng(seed)
    if seed == 2:  # all end up in few places, one behind the other
        monkeypatch.setattr(item_rows.secrets, "randbits", lambda bits: 0)
    size, known = 4, {}
    rows_of, marks = ItemRows(size), np.zeros(64, np.bool_)
    for _ in range(400):
        item = pool[random.integers(len(pool))]
        if item in known:
            if random.random() < 0.5:
                rows_of.forget(item)
                del known[item]
        elif len(known) < 64:
            if len(known) == size:
                size *= 2
                rows_of.grow(size)
            row = min(set(range(size)) - set(known.values()))
            rows_of.put(item, row)
            known[item] = row
        marks[:] = random.random(64) < 0.02
        among = list(known) if random.random() < 0.5 and known else pool
        items = [among[at] for at in random.integers(0, len(among), random.integers(1, 6))]
        rows, state = rows_of.find(items, marks)
        wanted = [known.get(item, -1) for item in items]
        assert rows.tolist() == wanted
        assert state == (UNKNOWN if -1 in wanted else MARKED if marks[wanted].any() else CLEAN)
