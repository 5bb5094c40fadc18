"""JSON of releases: deterministic, strict, and open about numbers that are none."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import Tampered
from poise.releases.plain_json import finite, read_json, to_json, write_json

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner), max_leaves=20)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@given(VALUES)
def test_what_is_written_is_strict_json_and_comes_back(value: object) -> None:
    plain, places = finite(value)
    back = json.loads(to_json({"v": value}), parse_constant=refuse)
    assert back["v"] == plain
    assert len(back.get("not_finite", [])) == len(set(places))


def test_places_of_what_was_not_finite_are_named() -> None:
    content = {"a": [1.0, {"b": math.nan}], "c": np.array([np.inf, 2.0]), "not_finite": ["earlier"]}
    assert json.loads(to_json(content))["not_finite"] == ["a[1].b", "c[0]", "earlier"]


def test_keys_are_sorted_and_numpy_values_are_plain() -> None:
    text = to_json({"b": np.float32(0.5), "a": np.bool_(True), 3: {"z", "y"}, "p": Path("x/y"), "i": np.int64(2**40)})
    assert json.loads(text) == {"3": ["y", "z"], "a": True, "b": 0.5, "i": 2**40, "p": "x/y"}
    assert text == to_json(dict(reversed(list(json.loads(text).items()))))


def test_what_json_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"a\.b\[0\] is a complex"):
        to_json({"a": {"b": [1j]}})


def test_files_that_are_no_objects_are_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"猫": "é"})
    assert read_json(tmp_path / "a.json") == {"猫": "é"}
    for name, content in {"b.json": b"[1]", "c.json": b"{", "d.json": b"\xff\xfe"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Tampered, match=name):
            read_json(tmp_path / name)
    with pytest.raises(Tampered, match="cannot be read"):
        read_json(tmp_path / "none.json")
