"""Reading request bodies: what fits becomes typed columns, everything else a sentence that names the place."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import NotJson, PoiseError, RequestError, TooLarge
from poise.releases.contract import Contract, Input, Output
from poise.serving.field import Field, Unfit
from poise.serving.limits import Limits
from poise.serving.rows import RequestReader
from poise.table import MISSING_TIME

INPUTS = (
    Input("carrier", "category", nullable=False, per="flights"),
    Input("tail", "string", pattern="[A-Z0-9]+", per="flights"),
    Input("origin", "category", values=("EWR", "JFK"), per="flights"),
    Input("distance", "float", min=1.0, max=5000.0, per="flights"),
    Input("seats", "int", per="flights"),
    Input("full", "bool", per="flights"),
    Input("departs", "time", timezone="America/New_York", per="flights"),
    Input("note", "text", required=False, per="flights"),
)
CONTRACT = Contract("flights", INPUTS, (Output("late", "binary", per="flights"),))
GOOD: dict[str, Any] = {
    "carrier": "UA",
    "tail": "N1",
    "origin": "EWR",
    "distance": 719,
    "seats": 150,
    "full": True,
    "departs": "2013-03-01T12:00:00-05:00",
}


@pytest.fixture(scope="module")
def reader() -> RequestReader:
    return RequestReader(CONTRACT, Limits(body=100_000, rows=5, string=50))


def body(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_one_row_and_many_rows_are_read_alike(reader: RequestReader) -> None:
    alone = reader.read(body())
    listed = reader.read(json.dumps({"rows": [GOOD, GOOD], "time": "2013-03-01T10:00Z"}).encode())
    assert (alone.single, listed.single, listed.time) == (True, False, "2013-03-01T10:00Z")
    for name in (i.name for i in INPUTS):
        assert alone.rows[name].to_list() * 2 == listed.rows[name].to_list()
    assert alone.rows["full"].to_list() == [1.0]
    assert alone.rows["note"].to_list() == [None]


def test_null_is_missing(reader: RequestReader) -> None:
    rows = reader.read(body(tail=None, distance=None, full=None, departs=None)).rows
    assert rows["tail"].to_list() == [None]
    assert np.isnan(rows["distance"].values[0])
    assert rows["departs"].values[0] == MISSING_TIME


def test_an_unseen_category_is_fine(reader: RequestReader) -> None:
    assert reader.read(body(carrier="never seen")).rows["carrier"].to_list() == ["never seen"]


def test_naive_times_are_local(reader: RequestReader) -> None:
    naive = reader.read(body(departs="2013-03-01T12:00:00")).rows["departs"]
    assert naive.to_list() == reader.read(body()).rows["departs"].to_list()


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"carrier": 17}, "carrier", "the number 17 came"),
        ({"carrier": None}, "carrier", "null came"),
        ({"carrier": {"a": 1}}, "carrier", "an object came"),
        ({"carrier": "x" * 51}, "carrier", "51 characters"),
        ({"tail": "n 1"}, "tail", "matching [A-Z0-9]+"),
        ({"tail": "N1\n"}, "tail", "matching [A-Z0-9]+"),
        ({"origin": "LAX"}, "origin", "one of EWR, JFK"),
        ({"distance": 0.5}, "distance", "at least 1"),
        ({"distance": 5001}, "distance", "at most 5000"),
        ({"distance": "719"}, "distance", "the string '719' came"),
        ({"distance": True}, "distance", "true came"),
        ({"seats": 1.5}, "seats", "a whole number"),
        ({"seats": 2**53 + 2}, "seats", "a whole number"),
        ({"seats": 10**400}, "seats", "larger than a 64-bit float"),
        ({"full": 1}, "full", "true or false"),
        ({"departs": "tomorrow"}, "departs", "an ISO 8601 time"),
        ({"departs": "2013-03-10T02:30:00"}, "departs", "does not exist in America/New_York"),
        ({"departs": "2013-11-03T01:30:00"}, "departs", "exists twice in America/New_York"),
        ({"departs": 1362157200}, "departs", "an ISO 8601 time"),
        ({"carier": "UA"}, "carier", "there is no such field"),
        ({"time": 5}, "time", "an ISO 8601 time"),
        ({"per": "planes"}, "per", "flights"),
    ],
)
def test_what_does_not_fit_is_named(reader: RequestReader, changes: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(RequestError) as error:
        reader.read(body(**changes))
    assert error.value.field == field
    assert says in str(error.value)


def test_a_misspelt_field_is_never_dropped_silently(reader: RequestReader) -> None:
    with pytest.raises(RequestError, match=r"distanc: there is no such field \(did you mean 'distance'"):
        reader.read(body().replace(b'"distance"', b'"distanc"'))


def test_the_row_of_a_list_is_named(reader: RequestReader) -> None:
    rows = [GOOD, GOOD, {**GOOD, "origin": "LAX"}]
    with pytest.raises(RequestError, match=r"rows\[2\].origin: the string 'LAX' came"):
        reader.read(json.dumps({"rows": rows}).encode())


def test_a_required_field_may_not_be_left_out(reader: RequestReader) -> None:
    lacking = {name: value for name, value in GOOD.items() if name != "distance"}
    with pytest.raises(RequestError, match=r"rows\[1\].distance: nothing came"):
        reader.read(json.dumps({"rows": [GOOD, lacking]}).encode())


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (b"", NotJson, "empty"),
        (b"   ", NotJson, "empty"),
        (b'{"carrier": "UA"', NotJson, "ends before"),
        (rb'{"carrier": "\ud83d"}', NotJson, "half of a surrogate pair"),
        (b'{"carrier": UA}', NotJson, "unexpected character at byte 12"),
        (b'{"distance": NaN}', NotJson, "NaN is not JSON"),
        (b'{"distance": -Infinity}', NotJson, "Infinity is not JSON"),
        (b'{"distance": 1e999}', RequestError, "64-bit float"),
        (b"[" * 100_000, NotJson, "nested too deeply"),
        (b'{"a":' * 10_000, NotJson, "nested too deeply"),
        (b'{"carrier": "\xff"}', NotJson, "UTF-8"),
        (b"[1]", RequestError, "the body is a list"),
        (b"null", RequestError, "the body is null"),
        (b'{"rows": []}', RequestError, "an empty list came"),
        (b'{"rows": 5}', RequestError, "the number 5 came"),
        (b'{"rows": [5]}', RequestError, "rows[0]"),
        (b'{"rows": [{}], "carrier": "UA"}', RequestError, "go into the row"),
        (b'{"rows": [{},{},{},{},{},{}]}', TooLarge, "6 rows came"),
        (b" " * 100_001, TooLarge, "100,001 bytes"),
    ],
)
def test_bad_bodies_get_a_sentence(reader: RequestReader, text: bytes, error: type[PoiseError], says: str) -> None:
    with pytest.raises(error) as found:
        reader.read(text)
    assert says in str(found.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"carrier": "UA", %s, "carrier": "AA"}',
        '{"carrier" : "UA", %s, "carr\\u0069er": "AA"}',
        '{"rows": [], "rows": [{"carrier": "a:b", %s}]}',
        '{"rows": [{"carrier": "::", "carrier": "a", %s}, {"carrier": ":", %s}]}',
    ],
)
def test_a_field_sent_twice_is_refused(reader: RequestReader, text: str) -> None:
    rest = json.dumps({name: value for name, value in GOOD.items() if name != "carrier"})[1:-1]
    with pytest.raises(RequestError, match="is sent twice"):
        reader.read(text.replace("%s", rest).encode())


@given(st.text(max_size=40), st.text(max_size=40))
def test_colons_and_backslashes_in_strings_are_no_second_field(carrier: str, note: str) -> None:
    reader = RequestReader(CONTRACT, Limits())
    for ascii_only in (True, False):
        try:
            text = json.dumps({**GOOD, "carrier": carrier, "note": note}, ensure_ascii=ascii_only).encode()
        except UnicodeEncodeError:
            continue
        rows = reader.read(text).rows
        assert rows["carrier"].to_list() == [carrier]
        assert rows["note"].to_list() == [note]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=10)


@given(st.dictionaries(st.sampled_from([*GOOD, "note", "rows", "time", "per", "other"]), JSON))
def test_any_object_is_read_or_refused_in_words(content: dict[str, Any]) -> None:
    with contextlib.suppress(RequestError):  # any other exception fails
        RequestReader(CONTRACT, Limits()).read(json.dumps({**GOOD, **content}).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_words(text: bytes) -> None:
    with pytest.raises(RequestError):
        RequestReader(CONTRACT, Limits()).read(text)


FIELDS = [
    Field(Input("x", type, min=low, max=high, values=values, nullable=nullable))
    for type in ("int", "float")
    for low, high in ((None, None), (-2.5, None), (0.0, 7.0))
    for values in (None, (1, 2.5))
    for nullable in (True, False)
]
FIELDS += [Field(one) for one in INPUTS]
EDGES = (0, -0.0, 1, -1, 2.5, 2**53, 2**53 + 1, -(2**53) - 1, 1e300, 10**400, True, None, "UA", "EWR", "x" * 51, [], {})


@given(field=st.sampled_from(FIELDS), value=st.sampled_from(EDGES) | st.integers() | st.floats(allow_nan=False))
def test_a_value_alone_is_the_value_of_a_column(field: Field, value: Any) -> None:
    """The same value of the same type, or the same words."""

    def told(read: Any) -> tuple[Any, ...]:
        try:
            found = read()
        except Unfit as error:
            return (str(error),)
        return type(found), found, str(found)

    limits = Limits(string=50)
    assert told(lambda: field.value(value, limits)) == told(lambda: field.column([value], limits).to_list()[0])
