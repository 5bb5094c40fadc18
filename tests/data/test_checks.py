"""Every kind of check refuses what it should, with a code and a sentence; one row may have several reasons."""

from __future__ import annotations

import json

import pytest

from poise import registry
from poise.data.base import Check
from poise.data.ward import entries
from poise.errors import SpecError

COLUMNS = {
    "id": "string",
    "price": {"type": "float", "required": True, "min": 0, "max": 10},
    "city": {"type": "category", "values": ["a", "b", 3]},
    "zip": {"type": "string", "pattern": "[0-9]{5}"},
    "low": "int",
    "at": "time",
}
SOURCE = {
    "path": "a.csv",
    "id": "id",
    "time": "at",
    "columns": COLUMNS,
    "rules": {"order": "missing(low) or low <= price"},
}
HEADER = "id,price,city,zip,low,at\n"
GOOD = "1,5,a,12345,2,2020-01-01\n"


def refused(bench, make, row):
    bench.write("a.csv", HEADER + GOOD + row + "\n")
    bench.take(make(shop=SOURCE))
    held = entries(bench.lake, "shop")
    return held["reasons"][0].to_list(), held["why"][0].to_list()


@pytest.mark.parametrize(
    ("row", "code", "why"),
    [
        ("2,x,a,12345,2,2020-01-01", "type:price", "price is 'x', which is not a finite number"),
        ("2,,a,12345,,2020-01-01", "required:price", "price is missing, and it is required"),
        (",5,a,12345,2,2020-01-01", "missing:id", "id is missing, and it is the row's id"),
        ("2,-1,a,12345,,2020-01-01", "range:price", "price is -1.0, below its min 0"),
        ("2,11,a,12345,2,2020-01-01", "range:price", "price is 11.0, above its max 10"),
        ("2,5,c,12345,2,2020-01-01", "values:city", "city is 'c', which is not one of a, b, 3"),
        ("2,5,a,123456,2,2020-01-01", "pattern:zip", "zip is '123456', which does not match [0-9]{5}"),
        ("2,5,a,12345,7,2020-01-01", "rule:order", "the rule 'order' does not hold: missing(low) or low <= price"),
        ("2,5,a,12345,2,2200-01-01", "future:at", "at is 2200-01-01 00:00:00"),
        ("2,5,a,12345,2,x", "type:at", "at is 'x', which is not a time"),
        ("1,6,a,12345,2,2020-01-01", "conflict:id", "id 1 came before with other content"),
    ],
)
def test_each_check_has_its_code_and_sentence(bench, make, row, code, why):
    codes, sentences = refused(bench, make, row)
    assert code in codes
    assert sentences[codes.index(code)].startswith(why)


def test_a_row_has_all_its_reasons(bench, make):
    codes, _ = refused(bench, make, "2,-1,c,1,,2200-01-01")
    assert sorted(codes) == ["future:at", "pattern:zip", "range:price", "values:city"]


def test_a_type_that_failed_is_not_called_missing(bench, make):
    codes, _ = refused(bench, make, "2,x,a,12345,,2020-01-01")
    assert codes == ["type:price"]


def test_what_stood_there_is_kept(bench, make):
    refused(bench, make, "2,-1,a,12345,,2020-01-01")
    held = entries(bench.lake, "shop")
    assert json.loads(held["row"][0]) == {
        "id": "2",
        "price": "-1",
        "city": "a",
        "zip": "12345",
        "low": "",
        "at": "2020-01-01",
    }
    assert (held["_path"][0], held["_position"][0]) == ("a.csv", 2)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"type": "category", "min": 3}, "min and max bound numbers"),
        ({"type": "int", "pattern": "x"}, "a pattern matches strings"),
        ({"type": "string", "pattern": "("}, "is not a regular expression"),
        ({"type": "time", "values": ["x"]}, "values cannot list instants"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_an_error(bench, make, column, said):
    bench.write("a.csv", "x\n1\n")
    with pytest.raises(SpecError, match=said):
        bench.take(make(shop={"path": "a.csv", "columns": {"x": column}}))


def test_every_registered_check_is_one():
    kinds = [registry.get("check", name) for name in registry.names("check")]
    assert len(kinds) == 7
    assert all(issubclass(kind, Check) for kind in kinds)


def test_names_that_the_lake_keeps_for_itself_are_refused(bench, make):
    bench.write("a.csv", "_time\n1\n")
    with pytest.raises(SpecError, match="keeps a column '_time' of its own"):
        bench.take(make(shop={"path": "a.csv", "columns": {"_time": "string"}}))


def test_derived_columns_of_every_type_are_kept(bench, make):
    bench.write("a.csv", "id,at,v,_note\n1,2020-01-01,3,x\n")
    columns = {"id": "string", "at": "time", "v": "int", "_note": "text"}
    derive = {
        "gap": "(at + 2h) - at",
        "big": "v > 2",
        "low": "lower(id)",
        "then": "at + 1d",
        "n": "v * 2",
        "m": "n + gap / 3600000000",
    }
    spec = make(shop={"path": "a.csv", "id": "id", "time": "at", "columns": columns, "derive": derive})
    bench.take(spec)
    rows = bench.lake.history(spec, "shop").rows
    day = 86_400_000_000
    kept = {name: rows[name].to_list()[0] for name in derive}
    assert kept == {"gap": day / 12, "big": 1.0, "low": "1", "then": 1_577_836_800_000_000 + day, "n": 6.0, "m": 8.0}
    assert rows["_note"].to_list() == ["x"]
