"""Quarantine lists, explains, and lets rows in again exactly once when a rule is mended."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from poise.data import quarantine
from poise.data.ward import entries
from poise.errors import DataError

COLUMNS = {"id": "string", "at": "time", "v": {"type": "float", "min": 0}, "c": "string"}
LOG = {"path": "a.csv", "id": "id", "time": "at", "columns": COLUMNS}
MENDED = {**LOG, "columns": {**COLUMNS, "v": {"type": "float", "min": -10}}}
ROWS = "id,at,v,c\n1,2020-01-01,1,x\n2,2020-01-02,-5,\n3,2020-01-02,-50,x\n4,noon,-1,x\n5,2020-01-01\n"


def test_listing_groups_by_reason_and_explains_one(bench, make):
    bench.write("a.csv", ROWS)
    bench.take(make(s=LOG))
    groups = quarantine.listing(bench.lake, ["s"])
    assert [(g.reason, g.rows) for g in groups] == [("range:v", 3), ("line", 1), ("type:at", 1)]
    assert groups[0].example == "v is -5.0, below its min 0"
    assert [g.rows for g in quarantine.listing(bench.lake, ["s"], "type:at")] == [1]
    told = quarantine.explain(bench.lake, "s", 2)
    assert told.row == {"id": "4", "at": "noon", "v": "-1", "c": "x"}
    assert (told.path, told.position, [code for code, _ in told.reasons]) == ("a.csv", 4, ["type:at", "range:v"])
    assert quarantine.explain(bench.lake, "s", 3).row == {"line": "5,2020-01-01"}
    with pytest.raises(DataError, match="no entry 9"):
        quarantine.explain(bench.lake, "s", 9)


def test_a_mended_rule_lets_rows_in_exactly_once(bench, make):
    bench.write("a.csv", ROWS)
    bench.take(make(s=LOG))
    counts = quarantine.readmit(make(s=MENDED), bench.lake, "s", clock=bench.clock)
    assert (counts.rows_in, counts.accepted, counts.quarantined) == (4, 1, 3)
    assert counts.reasons == {"line": 1, "range:v": 1, "type:at": 1}
    assert bench.lake.read("s", ["id"])["id"].to_list() == ["1", "2"]
    assert sorted(r for g in entries(bench.lake, "s")["reasons"] for r in g) == ["line", "range:v", "type:at"]
    counts = quarantine.readmit(make(s=MENDED), bench.lake, "s", clock=bench.clock)
    assert (counts.rows_in, counts.accepted) == (3, 0)
    again = bench.take(make(s=MENDED))["s"].counts
    assert (again.accepted, again.duplicates, again.quarantined) == (0, 2, 3)
    assert bench.lake.read("s")["_position"].to_list() == [1, 2]


def test_readmitted_rows_are_typed_as_when_they_came(bench, make):
    came = pl.DataFrame(
        {
            "id": [1.0, 2.0],
            "at": [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2, 3, 4, 5, 678901)],
            "v": [-1.5, -2.0],
            "c": ["NA", ""],
        },
        schema_overrides={"v": pl.Float32},
    )
    came.write_parquet(bench.base / "a.parquet")
    bench.take(make("Asia/Singapore", s={**LOG, "path": "a.parquet"}))
    quarantine.readmit(make("Asia/Singapore", s={**MENDED, "path": "a.parquet"}), bench.lake, "s", clock=bench.clock)
    rows = bench.lake.read("s", ["id", "at", "v", "c"])
    direct = bench.take(make("Asia/Singapore", t={**MENDED, "path": "a.parquet"}))
    assert direct["t"].counts.accepted == 2
    assert rows.equals(bench.lake.read("t", ["id", "at", "v", "c"]))
    assert rows["id"].to_list() == ["1", "2"]


def test_an_old_row_of_a_table_does_not_replace_a_newer_version(bench, make):
    table = {"path": "a.csv", "key": "k", "columns": {"k": "string", "v": {"type": "int", "min": 0}}}
    mended = {**table, "columns": {"k": "string", "v": "int"}}
    bench.write("a.csv", "k,v\na,-1\nb,-2\n")
    bench.take(make(s=table))
    bench.clock.at += 10
    bench.write("b.csv", "k,v\na,1\n")
    bench.take(make(s={**table, "path": "b.csv"}))
    counts = quarantine.readmit(make(s=mended), bench.lake, "s", clock=bench.clock)
    assert (counts.accepted, counts.reasons) == (1, {"conflict:k": 1})
    assert bench.lake.read("s", ["k", "v"]).rows() == [("a", 1), ("b", -2)]


def test_changed_columns_ask_for_the_files(bench, make):
    bench.write("a.csv", ROWS)
    bench.take(make(s=LOG))
    with pytest.raises(DataError, match="run 'poise ingest'"):
        quarantine.readmit(make(s={**LOG, "derive": {"w": "v * 2"}}), bench.lake, "s")


def test_an_empty_quarantine_is_no_error(bench, make):
    assert quarantine.readmit(make(s=LOG), bench.lake, "s").rows_in == 0
    assert quarantine.listing(bench.lake, ["s"]) == []
