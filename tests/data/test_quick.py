"""What the quick judge is made of: known ids, hashes, keys, patterns, times, and how bodies are read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.data.strategies import PATTERNS, TEXTS, TIMES

from poise.data.delivery import DeliveryReader
from poise.data.id_hash import of_numbers, of_strings
from poise.data.instants import instants
from poise.data.json_keys import declared_keys, keys
from poise.data.known_ids import KnownIds
from poise.data.placed import Placed
from poise.data.prints_in_polars import hashed
from poise.data.quick_pattern import agreeing
from poise.data.quick_times import instants_of
from poise.data.row_judge import example_judge
from poise.errors import NotJson, PoiseError, RequestError, StateError, TooLarge
from poise.table import MISSING_TIME

ROOM = SimpleNamespace(body=100_000, rows=20)
CODES = st.lists(st.integers(1, 40), max_size=20)


def read(body: bytes) -> Any:
    return DeliveryReader(example_judge()).read(body, ROOM)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), CODES), max_size=12))
def test_known_ids_are_a_set(acts: list[tuple[str, list[int]]]) -> None:
    known, expected = KnownIds(), set[int]()
    for act, codes in acts:
        hashes = np.array(codes, np.uint64)
        if act == "add":
            fresh = known.add(hashes).tolist()
            assert fresh == [c not in expected and c not in codes[:at] for at, c in enumerate(codes)]
            expected |= set(codes)
        else:
            known.remove(hashes)
            expected -= set(codes)
    there = known.contains(np.arange(1, 41).astype(np.uint64)).tolist()
    assert there == [code in expected for code in range(1, 41)]


def test_known_ids_grow_and_are_kept(tmp_path: Path) -> None:
    hashes = np.random.default_rng(0).integers(1, 2**63, 50_000).astype(np.uint64)
    known = KnownIds()
    assert known.add(hashes[:40_000]).all()
    assert not known.contains(hashes[40_000:]).any()
    known.remove(hashes[:30_000])
    assert known.contains(hashes[:40_000]).tolist() == [False] * 30_000 + [True] * 10_000
    known.save(tmp_path / "ids.npy")
    again = KnownIds.load(tmp_path / "ids.npy")
    assert len(again) == 10_000
    assert again.contains(hashes[:40_000]).sum() == 10_000
    (tmp_path / "ids.npy").write_bytes((tmp_path / "ids.npy").read_bytes()[:1000])
    with pytest.raises(StateError, match="cannot be read"):
        KnownIds.load(tmp_path / "ids.npy")


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings_hash_alike_in_python_and_polars(values: list[str]) -> None:
    assert of_strings(values).tolist() == hashed(pl.Series(values, dtype=pl.String)).tolist()


def test_hashes_stay_what_they_are() -> None:
    assert [f"{code:x}" for code in of_strings(["", "a", "é"]).tolist()] == HASHES
    assert of_numbers(np.array([0.0])).tolist() == of_numbers(np.array([-0.0])).tolist()


HASHES = ["c3817c016ba4ff30", "5f29c2aadd9b8527", "6e2411eb685090ba"]


@settings(deadline=None)
@given(st.lists(CODES.filter(len), max_size=30), st.integers(0, 40))
def test_rows_are_found_where_they_were_put_last(groups: list[list[int]], below: int) -> None:
    placed, expected = Placed(), dict[int, tuple[int, int]]()
    first = 1
    for codes in groups:
        placed.add(np.array(codes, np.uint64), first, np.arange(len(codes)))
        expected |= {code: (first, place) for place, code in enumerate(codes)}
        first += len(codes)
    every = np.arange(41).astype(np.uint64)
    assert placed.find(every) == [expected.get(code) for code in range(41)]
    placed.prune(below)
    assert placed.find(every) == [at if (at := expected.get(code)) and at[0] > below else None for code in range(41)]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATTERNS), st.lists(TEXTS, min_size=1))
def test_a_pattern_that_surely_matches_does(pattern: str, texts: list[str]) -> None:
    sure = agreeing(pattern)
    if sure is not None:
        theirs = pl.Series(texts).str.contains(f"^(?:{pattern})$")
        assert not (np.array(sure(texts)) & ~theirs.to_numpy()).any()


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "a**", "[a&&b]", "[[:alpha:]]", "\\pL", "é", "(?i)a", "a+b+c+", "a)", "\\<a"]
)
def test_patterns_that_are_left_to_polars(pattern: str) -> None:
    assert agreeing(pattern) is None


@example(["2100-04-01T00:00:00", "1950-06-01T00:00:00"], "Europe/Berlin")
@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(TIMES, TEXTS, st.none()), min_size=1), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_times_in_their_common_spelling(values: list[str | None], zone: str) -> None:
    times, sure = instants_of(values, zone)
    value, _ = instants(pl.col("t"), pl.String(), None, zone)
    assert value is not None
    theirs = pl.DataFrame({"t": values}, schema={"t": pl.String}).select(
        value.dt.timestamp("us").fill_null(MISSING_TIME)
    )
    assert times[sure].tolist() == theirs.to_series().filter(pl.Series(sure)).to_list()


JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.text('ab:{}[],\\"é', max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text('ab:"\\é', max_size=2), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.text("abé", max_size=2), JSON, max_size=4), max_size=4), st.booleans())
def test_keys_of_a_text(rows: list[dict[str, Any]], blanks: bool) -> None:
    text = json.dumps(rows, ensure_ascii=False, indent=1 if blanks else None).encode()
    found = keys(text, declared_keys(["a", "bé"]), 4)
    assert [json.loads(text[start:end]) for start, end in found.rows.tolist()] == rows
    strange = dict.fromkeys(key for row in rows for key in row if key not in ("a", "bé"))
    assert found.strange == tuple(strange)
    escaped = '\\\\"' in text.decode() or "\\" in text.decode()
    assert not found.unclear or escaped


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.text('[]{}",:\\a ', max_size=60).map(str.encode))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    keys(body, declared_keys(["a"]), 2)
    try:
        found = read(body)
    except RequestError:
        return
    assert [json.loads(row) for row in found.rows]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (b"", NotJson, "the body is empty"),
        (b"3", RequestError, "the body is the number 3"),
        (b"[]", RequestError, "an empty list"),
        (b'[{"order": "a"}, 1]', RequestError, r"rows\[1\]: the number 1 came"),
        (b'{"order": "a", "order": "b"}', RequestError, "'order' is sent twice"),
        (b'{"order": "a", "x": {"y": 1, "y": 2}}', RequestError, "'y' is sent twice"),
        (b'{"rows": [{}], "rows": [{}]}', RequestError, "'rows' is sent twice"),
        (b'{"order": "a"', NotJson, "ends before"),
        (b'{"order": NaN}', NotJson, "NaN is not JSON"),
        (b'{"order": "\\ud800"}', NotJson, "half of a surrogate pair"),
        (b'{"order": "\xff"}', NotJson, "not UTF-8"),
        (b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}", NotJson, "nested too deeply"),
        (b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", NotJson, "nested too deeply"),
        (b"[" + b'{"order": "a"},' * 20 + b'{"order": "a"}]', TooLarge, "21 rows came"),
        (b'{"order": "' + b"a" * 100_000 + b'"}', TooLarge, "the body has 100,013 bytes"),
    ],
)
def test_bodies_that_hold_no_rows(body: bytes, error: type[PoiseError], words: str) -> None:
    with pytest.raises(error, match=words):
        read(body)


def test_bodies_that_hold_rows() -> None:
    row = b'{"order": "a:b",\n "price": 1.50, "more": {"deep": []}}'
    kept = row.replace(b"\n", b" ")
    assert read(row).rows == [kept]
    assert read(b" [" + row + b",\r\n" + row + b"]\n").rows == [kept, kept]
    found = read(b'{"rows": [' + row + b"]}")
    assert (found.rows, found.single, found.undeclared) == ([kept], False, ("more",))
    assert read(b'{"rows": 3}').single
    assert read(b'{"ord\\u0065r": "a"}').rows == [b'{"ord\\u0065r": "a"}']
