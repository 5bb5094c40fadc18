"""YAML to values with places; everything odd is one clear sentence."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import PoiseError, SpecError
from poise.spec.yaml_text import MAX_BYTES, decode, load


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("a: yes\nb: no\nc: on", {"a": "yes", "b": "no", "c": "on"}),  # YAML 1.2: words, not truths
        ("a: true\nb: null\nc: ~", {"a": True, "b": None, "c": None}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 012\nb: 0o17\nc: 1e3\nd: .5", {"a": 12, "b": 15, "c": 1000.0, "d": 0.5}),
        ("a: 12:30", {"a": "12:30"}),
        ("1: x\ntrue: y", {"1": "x", "true": "y"}),
        ("\ufeffa: 1", {"a": 1}),
        ("x: &k {a: 1, b: 2}\ny: {<<: *k, b: 3}", {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 3}}),
        ("x: &k {a: 1}\nl: &m {b: 2}\ny:\n  <<: [*k, *m]", {"x": {"a": 1}, "l": {"b": 2}, "y": {"a": 1, "b": 2}}),
    ],
)
def test_values(text: str, content: Any) -> None:
    assert load(text, "f").content == content


def test_merged_keys_come_first_and_keep_their_places() -> None:
    found = load("base: &b\n  one: 1\nall:\n  <<: *b\n  two: 2", "f")
    assert list(found.content["all"]) == ["one", "two"]
    assert found.place(("all", "one")) == "f:2:8"
    assert found.place(("all", "two"), key=True) == "f:5:3"


def test_places() -> None:
    found = load("a:\n  - x: 1\n    y: [2, 3]", "f")
    assert found.place(("a", 0, "y", 1)) == "f:3:12"
    assert found.place(("a", 0, "y"), key=True) == "f:3:5"
    assert found.place(("a", 0, "nothing", "there")) == "f:2:5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f: the file is empty (docs/spec.md shows how one begins)"),
        ("# only this", "f: the file is empty (docs/spec.md shows how one begins)"),
        ("a: 1\nb: 2\na: 3", "f:3:1: the key 'a' is here twice; the first is in line 1"),
        ("a:\n\tb: 1", "f:2:1: a tab stands in the indentation; YAML is indented with spaces"),
        ("a: b: c", "f:1:5: ': ' is not expected here; quote the text, or mind the indentation of the line before"),
        ("a: [1, 2", "f:1:9: this is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: &x [*x]", "f:1:4: an anchor contains itself"),
        (
            "a: !!python/object:os.system x",
            "f:1:4: 'python/object:os.system' is a tag; tags are not used in system files",
        ),
        ("a: 1\n---\nb: 2", "f:2:1: a second document begins here; a system file is one document"),
        ("a: *x", "f:1:4: this is not YAML: found undefined alias 'x'"),
        ("? [a]\n: 1", "f:1:3: a key must be a word, not a list or mapping"),
        ("<<: 3", "f:1:5: '<<' takes a mapping, e.g. '<<: *name'"),
        ("a: !!int x", "f:1:4: 'x' is not a number that can be read (quote it if it is text)"),
        ("[" * 1500, "f: the file is nested more than 50 deep"),
        ("[" * 60 + "]" * 60, "f:1:52: the file is nested more than 50 deep"),
        ("a: \x00", "f: this is not YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(text, "f")
    assert str(caught.value) == message


def test_size_is_bounded() -> None:
    with pytest.raises(SpecError, match=r"f: the file has 1,000,001 bytes; at most 1,000,000 are read"):
        decode(b"#" * (MAX_BYTES + 1), "f")
    doubling = "\n".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}, *a{n}, *a{n}]" for n in range(12))
    with pytest.raises(SpecError, match="more than 100,000 values"):
        load(f"a0: &a0 [x, x]\n{doubling}", "f")


def test_another_encoding() -> None:
    with pytest.raises(SpecError, match=r"^f:2: the file is not UTF-8 \(save it as UTF-8\)$"):
        decode("a: 1\nb: é".encode("latin-1"), "f")


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"\n\t #?,<%@0")))
def test_any_text_gives_values_or_a_spec_error(text: str) -> None:
    with contextlib.suppress(PoiseError):
        load(text, "f")
