"""The parts of the memory store, each against a plain reading of what it promises."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.features.distinct import RANKS, REGISTERS, estimate, places
from poise.stores.key_slots import KeySlots
from poise.stores.pending import Pending, Rows
from poise.stores.sketches import Sketches
from poise.stores.versions import NEVER, Versions
from poise.table import Column

small = st.integers(0, 6)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 1), small, small, small, small), max_size=14), asked=small)
def test_versions_are_told_as_of_any_time_in_whatever_order_they_come(rows, asked):
    """Per slot: visible from, τ, value; rows come one by one or all at once."""
    for parts in (1, len(rows) or 1):
        versions = Versions()
        versions.reserve(2)
        table = np.array(rows, np.int64).reshape(-1, 5)
        arrival = np.arange(len(table))
        for part in np.array_split(arrival, parts):
            times = np.stack([table[part, 1], table[part, 2], part], axis=1)
            gone = table[part, 4] == 0
            versions.add(table[part, 0].astype(np.int32), times, table[part, 3], gone)
        for slot in (0, 1):
            seen = [n for n in range(len(table)) if table[n, 0] == slot and table[n, 1] < asked]
            newest = max(seen, key=lambda n: (table[n, 2], n), default=None)
            code, gone = versions.as_of(np.array([slot], np.int32), np.array([asked]))
            if newest is None or table[newest, 4] == 0:
                assert gone[0]
            else:
                assert not gone[0] and code[0] == table[newest, 3]


def test_pruned_versions_still_tell_what_came_after():
    versions = Versions()
    versions.reserve(1)
    at = np.arange(10)
    versions.add(np.zeros(10, np.int32), np.stack([at, at, at], axis=1), at * 10, np.zeros(10, bool))
    versions.prune(6)
    assert versions.size == 5 and versions.horizon == 6
    code, gone = versions.as_of(np.zeros(4, np.int32), np.array([6, 7, 10, 100]))
    assert code.tolist() == [50, 60, 90, 90] and not gone.any()
    assert Versions().horizon == NEVER


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(0, 2), st.integers(0, 4)), max_size=40)
)
def test_a_sketch_that_forgets_counts_like_one_that_does_not(rows):
    sketches = Sketches(4, np.array([8, 20], np.int64))
    sketches.blocks.reserve(2)
    for slot, tau, register, rank in rows:
        one = np.array([register], np.int32), np.array([rank], np.int8)
        sketches.add(np.array([slot], np.int32), np.array([tau]), *one, -1)
    found = sketches.read(np.array([0, 1, -1], np.int32), np.full(3, 41))
    assert np.isnan(found[:, 2]).all()
    for window, over in enumerate((8, 20)):
        for slot in (0, 1):
            held = np.zeros(REGISTERS, np.int64)
            for of, tau, register, rank in rows:
                if of == slot and tau >= (41 - over) // 4 * 4:
                    held[register] = max(held[register], rank)
            assert found[window, slot] == estimate(np.bincount(held, minlength=RANKS))


def test_a_sketch_of_a_hot_key_stays_small():
    random = np.random.default_rng(0)
    sketches = Sketches(100, np.array([16_800], np.int64))
    sketches.blocks.reserve(1)
    for hour in range(400):
        tau = np.full(2000, hour * 100)
        hashed = places(Column.numbers(random.random(2000)))
        sketches.add(np.zeros(2000, np.int32), tau, *hashed, hour - 168)
    assert sketches.blocks.used[0] < 8 * REGISTERS
    assert abs(sketches.read(np.zeros(1, np.int32), np.array([40_000]))[0, 0] / (169 * 2000) - 1) < 0.15


def test_the_hash_is_the_same_everywhere():
    """FNV-1a and the finaliser of splitmix64, in plain Python; snapshots and other servers must find it again."""
    words = ["u1", "naïve ☃", "", "x" * 1000, "\ud800"]
    registers, ranks = places(Column.strings([*words, None]))
    assert registers.tolist()[:3] == [368, 285, 391] and ranks[5] == 0
    for word, register, rank in zip(words, registers.tolist(), ranks.tolist(), strict=False):
        bits = f"{_hash(word.encode('utf-8', 'surrogatepass')):064b}"
        assert register == int(bits[:9], 2)
        assert rank == (bits[9:] + "1").index("1") + 1
    numbers = places(Column.numbers([1.5, 0.0, -0.0, None]))
    assert numbers[0][1] == numbers[0][2] and numbers[1].tolist()[3] == 0
    assert numbers[0][0] == _hash(np.float64(1.5).tobytes()) >> 55


def _hash(text):
    code = 0xCBF29CE484222325
    for byte in text:
        code = (code ^ byte) * 0x100000001B3 % 2**64
    code = (code + 0x9E3779B97F4A7C15) % 2**64
    code = (code ^ code >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    code = (code ^ code >> 27) * 0x94D049BB133111EB % 2**64
    return code ^ code >> 31


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), max_size=200))
def test_slots_number_keys_in_the_order_in_which_they_come(keys):
    slots = KeySlots(2)
    codes = np.array(keys, np.int64).reshape(-1, 2).T.copy()
    found = slots.add(codes, np.zeros(len(keys), bool))
    number: dict[tuple[int, int], int] = {}
    assert found.tolist() == [number.setdefault(key, len(number)) for key in keys]
    assert slots.find(codes, np.zeros(len(keys), bool)).tolist() == found.tolist()
    assert slots.find(codes, np.ones(len(keys), bool)).tolist() == [-1] * len(keys)
    fresh = KeySlots(2)
    fresh.restore(slots.arrays())
    assert fresh.find(codes, np.zeros(len(keys), bool)).tolist() == found.tolist()


def test_rows_that_wait_are_kept_in_few_runs_and_in_order() -> None:
    random = np.random.default_rng(3)
    pending, visible = Pending(), []
    for n in range(500):
        some = random.integers(0, 1000, random.integers(1, 4))
        visible += some.tolist()
        pending.add(Rows(some, some, some, np.full(len(some), n), {"x": some * 2}))
        assert len(pending._runs) <= 12, "each at least twice as long as the next"
    every = pending.all()
    assert every.visible.tolist() == sorted(visible) and (every.columns["x"] == 2 * every.visible).all()
    same = np.flatnonzero(np.diff(every.visible) == 0)
    assert (every.arrival[same] <= every.arrival[same + 1]).all(), "of equal ones the later stays behind"
    taken = pending.pop(500)
    assert taken is not None and len(taken) == sum(one < 500 for one in visible)
    assert len(taken) + len(pending) == len(visible) and pending.earliest() >= 500
