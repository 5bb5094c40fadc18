"""List requests: what is read of them, and the sentence for everything that does not fit."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.encoding import encode
from poise.errors import NotJson, PoiseError, RequestError, StateError, TooLarge
from poise.features.candidates import Candidates
from poise.one_row import OneRow, RowForm
from poise.releases.contract import Contract, Input
from poise.serving.different import Different
from poise.serving.limits import Limits
from poise.serving.list_rows import ListReader
from poise.table import Column

INPUTS = (
    Input("user", "string", nullable=False, per="shown"),
    Input("dish", "string", per="shown", pattern="[a-z:]+", varies=True),
    Input("distance", "float", min=0.0, max=100.0, per="shown", varies=True),
    Input("weather", "category", required=False, values=("dry", "rain"), per="shown"),
    Input("seats", "int", required=False, nullable=False, per="shown"),
    Input("time", "string", required=False, per="shown"),
)
CONTRACT = Contract("food", INPUTS, decides_on="shown", item="dish", show=2)


def candidates(*dishes: Any, distance: Any = 1.5) -> list[dict[str, Any]]:
    return [{"dish": dish, "distance": distance} for dish in dishes]


GOOD: dict[str, Any] = {"user": "u1", "candidates": candidates("pho", "udon")}


def body(**changes: Any) -> bytes:
    """The good request with some fields changed; those that are `...` are left out."""
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...}).encode()


@pytest.fixture(scope="module")
def reader() -> ListReader:
    return ListReader(CONTRACT, Limits(candidates=5, body=20_000))


def test_candidates_and_what_they_share(reader: ListReader) -> None:
    found = reader.read(body(weather="rain", time="2026-03-02T11:05:00+08:00"))
    assert (found.per, found.items, found.repeated, found.at) == ("shown", ["pho", "udon"], [], range(2))
    assert found.time == "2026-03-02T11:05:00+08:00"
    assert found.rows["user"].to_list() == ["u1", "u1"]
    assert found.rows["weather"].to_list() == ["rain", "rain"]
    assert found.rows["distance"].to_list() == [1.5, 1.5]
    assert found.rows["seats"].to_list() == [None, None]


def test_what_is_the_same_for_all_may_stand_in_three_places(reader: ListReader) -> None:
    each = [{**one, "user": "u1", "distance": 2} for one in GOOD["candidates"]]
    bare = [{"dish": one["dish"]} for one in GOOD["candidates"]]
    for content in (
        {"user": "u1", "distance": 2, "candidates": bare},
        {"context": {"user": "u1", "distance": 2}, "candidates": bare},
        {"context": {}, "candidates": each},
        {"per": "shown", "context": {"user": "u1"}, "distance": 2, "candidates": bare},
    ):
        rows = reader.read(json.dumps(content).encode()).rows
        assert rows["user"].to_list() == ["u1", "u1"]
        assert rows["distance"].to_list() == [2.0, 2.0]


def test_a_column_that_is_called_like_a_word_goes_into_the_context(reader: ListReader) -> None:
    found = reader.read(body(context={"time": "noon"}))
    assert (found.time, found.rows["time"].to_list()) == (None, ["noon", "noon"])


def test_an_optional_column_may_stand_in_some_of_the_candidates(reader: ListReader) -> None:
    some = [{**candidates("pho")[0], "seats": 4}, *candidates("udon")]
    assert reader.read(body(candidates=some)).rows["seats"].to_list() == [4.0, None]


def test_of_a_repeated_item_the_first_counts(reader: ListReader) -> None:
    dishes = [*candidates("pho", "udon"), *candidates("pho", distance=9), *candidates("ramen", "udon")]
    found = reader.read(body(candidates=dishes))
    assert (found.items, found.at, found.repeated) == (["pho", "udon", "ramen"], [0, 1, 3], [(2, 0), (4, 1)])
    assert found.rows["distance"].to_list() == [1.5, 1.5, 1.5]
    assert found.rows["dish"].to_list() == ["pho", "udon", "ramen"]


def test_items_may_be_numbers() -> None:
    reader = ListReader(
        Contract("food", (Input("dish", "int", per="shown"),), decides_on="shown", item="dish"), Limits()
    )
    found = reader.read(b'{"candidates": [{"dish": 7}, {"dish": 8}, {"dish": 7.0}]}')
    assert (found.items, found.repeated) == ([7, 8], [(2, 0)])
    with pytest.raises(RequestError, match=r"candidates\[0\].dish: true came"):
        reader.read(b'{"candidates": [{"dish": true}]}')


def test_a_contract_without_the_item_is_refused() -> None:
    with pytest.raises(StateError, match="lacks the item 'dish'"):
        ListReader(Contract("food", (), decides_on="shown", item="dish"), Limits())


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"candidates": ...}, "candidates", "nothing came (allowed: a list of 1 to 5 objects, each with 'dish')"),
        ({"candidates": ..., "rows": [{}]}, "candidates", "'rows' are what /v1/predict takes"),
        ({"candidates": None}, "candidates", "null came"),
        ({"candidates": "pho"}, "candidates", "the string 'pho' came"),
        ({"candidates": {"dish": "pho"}}, "candidates", "an object came"),
        ({"candidates": []}, "candidates", "an empty list came"),
        ({"candidates": ["pho"]}, "candidates[0]", "the string 'pho' came (allowed: an object"),
        ({"candidates": [*candidates("pho"), None]}, "candidates[1]", "null came"),
        ({"candidates": [*candidates("pho"), []]}, "candidates[1]", "a list came"),
        ({"candidates": [{}]}, "candidates[0].dish", "nothing came (allowed: a string, matching [a-z:]+)"),
        ({"candidates": [*candidates("pho"), {"distance": 1}]}, "candidates[1].dish", "nothing came"),
        ({"candidates": candidates("pho", None)}, "candidates[1].dish", "null came"),
        ({"candidates": candidates("pho", 17)}, "candidates[1].dish", "the number 17 came"),
        ({"candidates": candidates(["pho"])}, "candidates[0].dish", "a list came"),
        ({"candidates": candidates("PHO")}, "candidates[0].dish", "matching"),
        ({"candidates": candidates("pho", distance="far")}, "candidates[0].distance", "the string 'far' came"),
        ({"candidates": candidates("pho", distance=-1)}, "candidates[0].distance", "at least 0"),
        ({"candidates": candidates("pho", distance=10**400)}, "candidates[0].distance", "larger than a 64-bit float"),
        ({"candidates": candidates("pho", distance=True)}, "candidates[0].distance", "true came"),
        ({"candidates": [*candidates("pho"), {"dish": "udon"}]}, "candidates[1].distance", "nothing came"),
        ({"candidates": [{"dish": "pho"}]}, "distance", "beside 'candidates', in 'context' or in every candidate"),
        ({"candidates": [{"dish": "pho", "distanc": 1}]}, "candidates[0].distanc", "did you mean 'distance'?"),
        ({"user": ...}, "user", "nothing came (allowed: a string; beside 'candidates', in 'context'"),
        ({"user": None}, "user", "null came"),
        ({"user": ["u1"]}, "user", "a list came"),
        ({"usr": "u1"}, "usr", "did you mean 'user'?"),
        ({"contxt": {}}, "contxt", "did you mean 'context'?"),
        ({"dish": "pho"}, "dish", "the item stands in each of the candidates"),
        ({"context": {"dish": "pho"}}, "context.dish", "the item stands in each of the candidates"),
        ({"context": None}, "context", "null came (allowed: an object, or left out)"),
        ({"context": []}, "context", "a list came"),
        ({"context": {"wether": "dry"}}, "context.wether", "did you mean 'weather'?"),
        ({"context": {"weather": "snow"}}, "context.weather", "one of dry, rain"),
        ({"context": {"candidates": []}}, "context.candidates", "there is no such field"),
        ({"context": {"user": "u2"}}, "user", "came twice: beside 'candidates' and in 'context'"),
        ({"distance": 2}, "candidates[0].distance", "came twice: in a candidate and beside 'candidates'"),
        ({"context": {"distance": 2}}, "candidates[0].distance", "came twice: in a candidate and in 'context'"),
        ({"per": "clicks"}, "per", "the string 'clicks' came (allowed: 'shown'"),
        ({"per": None}, "per", "null came"),
        ({"time": 5}, "time", "an ISO 8601 time"),
    ],
)
def test_what_does_not_fit_is_named(reader: ListReader, changes: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(RequestError) as error:
        reader.read(body(**changes))
    assert error.value.field == field
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (b"", NotJson, '{"candidates": [{'),
        (b"[]", RequestError, 'the body is a list (allowed: an object: {"candidates"'),
        (b'{"user": "u1", "candidates": [{"dish": "pho", "distance": NaN}]}', NotJson, "NaN is not JSON"),
        (b'{"user": "u1", "candidates": [{"dish": "pho", "distance": -Infinity}]}', NotJson, "Infinity is not JSON"),
        (b'{"user": "u1", "candidates": [{"dish": "pho", "distance": 1e999}]}', RequestError, "64-bit float"),
        (b'{"user": "u1", "candidates": [{"dish": "pho"', NotJson, "ends before"),
        (b'{"candidates": ' + b"[" * 15_000, NotJson, "nested too deeply"),
        (b'{"candidates": [{},{},{},{},{},{}]}', TooLarge, "6 candidates came (allowed: 1 to 5 objects)"),
        (b" " * 20_001, TooLarge, "20,001 bytes"),
    ],
)
def test_bad_bodies_get_a_sentence(reader: ListReader, text: bytes, error: type[PoiseError], says: str) -> None:
    with pytest.raises(error) as found:
        reader.read(text)
    assert says in str(found.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"user": "u2", "user": "u1", "candidates": [{"dish": "pho", "distance": 1}]}',
        '{"user": "u1", "candidates": [], "candidates": [{"dish": "pho", "distance": 1}]}',
        '{"user": "u1", "candidates": [{"dish": "a:b", "dish": "pho", "distance": 1}]}',
        '{"user": "u1", "candidates": [{"dish": "a", "d\\u0069sh": "pho", "distance": 1}]}',
        '{"context": {"user": "u2", "user": "u1:"}, "candidates": [{"dish": "pho:", "distance": 1}]}',
    ],
)
def test_a_field_sent_twice_in_one_object_is_refused(reader: ListReader, text: str) -> None:
    with pytest.raises(RequestError, match="is sent twice in one object"):
        reader.read(text.encode())


def test_colons_in_items_are_no_second_field(reader: ListReader) -> None:
    assert reader.read(body(candidates=candidates("pho:a", "pho:b"), user="a:b")).items == ["pho:a", "pho:b"]


def test_as_many_candidates_as_allowed_and_no_more() -> None:
    reader = ListReader(CONTRACT, Limits())
    many = [{"dish": "".join(chr(97 + int(d)) for d in str(i)), "distance": 1} for i in range(10_001)]
    assert len(reader.read(body(candidates=many[:10_000])).items) == 10_000
    with pytest.raises(TooLarge, match="10,001 candidates came"):
        reader.read(body(candidates=many))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=10)
NAMES = st.sampled_from(["user", "dish", "distance", "weather", "seats", "time", "per", "context", "other"])


@given(
    st.dictionaries(NAMES, JSON),
    st.lists(st.dictionaries(NAMES, JSON) | JSON, max_size=4) | JSON,
    st.dictionaries(NAMES, JSON) | JSON,
)
def test_any_request_is_read_or_refused_in_words(beside: dict[str, Any], found: Any, context: Any) -> None:
    content = {**GOOD, **beside, "candidates": found, "context": context}
    with contextlib.suppress(RequestError):  # any other exception fails
        ListReader(CONTRACT, Limits()).read(json.dumps(content).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(text: bytes) -> None:
    with pytest.raises(RequestError):
        ListReader(CONTRACT, Limits()).read(text)


def outcome(read: Any, sent: bytes) -> Any:
    """Everything that was read, or the sentence."""
    try:
        found = read(sent)
    except PoiseError as error:
        return type(error), str(error)
    rows = {name: column.to_list() for name, column in found.rows.items()}
    return rows, found.items, found.at, found.repeated, found.time, found.once, found.sent


DISH = st.sampled_from(['"dish": "pho"', '"dish": "a:b"', '"dish": "udon"', '"dish": null', '"dish": 7', '"dish": "P"'])
ONE = st.lists(DISH | st.just('"distance": 2'), min_size=1, max_size=2).map(lambda parts: f"{{{', '.join(parts)}}}")
SHARED = ('"user": "u1"', '"user": "a:b"', '"user": "u\\u003a"', '"distance": 2', '"distance": 1e999', '"distance": -1')
OTHERS = ('"weather": "dry"', '"weather": "hot"', '"seats": 2.5', '"per": "shown"', '"time": "noon"', '"usr": "u1"')
BESIDE = st.sampled_from(SHARED + OTHERS)


@given(st.lists(DISH.map(lambda dish: f"{{{dish}}}") | ONE, max_size=6), st.lists(BESIDE, max_size=4))
def test_the_form_that_is_read_in_one_pass_is_read_as_every_other(reader, ones, beside):
    usual = ['"user": "u0", "distance": 1'][: len(beside) % 2]
    sent = f'{{{", ".join([*usual, *beside])}, "candidates": [{", ".join(ones)}]}}'.replace("{, ", "{").encode()
    assert outcome(reader.read, sent) == outcome(reader._read, sent)


@given(st.lists(st.text(max_size=3), min_size=1, unique=True), st.lists(st.integers(0, 50)))
def test_items_are_a_column_as_any_of_strings(words, places):
    one, other = Different(words), Column.strings(words)
    at = np.array(places, np.intp) % len(words)
    assert one.values.tolist() == other.values.tolist() and one.levels.tolist() == other.levels.tolist()
    assert one.to_list() == other.to_list() == one.take(np.arange(len(words))).to_list()
    assert one.listed(at) == other.listed(at) == one.take(at).to_list()
    assert (len(one), one.gone(), one.missing().tolist()) == (len(other), other.gone(), other.missing().tolist())


@given(
    st.lists(st.integers(0, 4), max_size=40),
    st.none() | st.text() | st.text().map(np.str_),
    st.floats(allow_infinity=False),
)
def test_what_all_candidates_share_is_kept_as_if_each_had_said_it(places, user, price):
    shared = OneRow(RowForm({"user": "string", "price": "number"}), [user, price])
    rows = Candidates({"dish": Column.strings(list("abcde"))}, shared, ("user", "dish", "price"), 5)
    kept = msgspec.json.decode(encode(rows.listed(np.array(places, np.intp))))
    assert kept == {
        "user": [user] * len(places),
        "dish": ["abcde"[place] for place in places],
        "price": [None if price != price else price] * len(places),
    }
