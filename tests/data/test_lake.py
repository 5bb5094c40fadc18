"""The lake gives arrays in order of τ, keeps both times, and can be read at any recorded version."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise.clock import DAY
from poise.data import delta
from poise.errors import DataError
from poise.table import MISSING_TIME

COLUMNS = {"id": "string", "at": "time", "told": "time", "v": "int", "ok": "bool", "c": "category"}
LOG = {"path": "a.csv", "id": "id", "time": "at", "columns": COLUMNS}
ROWS = (
    "id,at,told,v,ok,c\n1,2020-01-02,2020-01-05,1,yes,x\n2,2020-01-01,2019-01-01,,no,\n3,2020-01-01,2020-01-01,3,,x\n"
)


def test_history_is_sorted_and_typed(bench, make):
    bench.write("a.csv", ROWS)
    spec = make(s=LOG)
    bench.take(spec)
    history = bench.lake.history(spec, "s")
    assert history.rows["id"].to_list() == ["2", "3", "1"]
    assert [history.rows[c].kind for c in COLUMNS] == ["string", "time", "time", "number", "number", "string"]
    assert history.rows["ok"].to_list() == [0.0, None, 1.0]
    assert history.rows["c"].to_list() == [None, "x", "x"]
    assert history.time.dtype == np.int64 and (np.diff(history.time) >= 0).all()
    assert (history.known == history.time).all() and history.kind == "log" and history.first is None
    assert list(bench.lake.history(spec, "s", ["v"]).rows) == ["v"]


def test_known_is_never_before_the_event(bench, make):
    bench.write("a.csv", ROWS)
    spec = make(s={**LOG, "known": "told"})
    bench.take(spec)
    history = bench.lake.history(spec, "s")
    assert ((history.known - history.time) // DAY).tolist() == [0, 0, 3]


def test_beside_a_live_server_rows_are_known_from_now(bench, make):
    bench.write("a.csv", ROWS)
    spec = make(s=LOG)
    bench.take(spec, live=True)
    assert set(bench.lake.history(spec, "s").known.tolist()) == {bench.clock.at}


def test_untimed_rows_keep_their_order(bench, make):
    bench.write("a.csv", ROWS)
    spec = make(s={**LOG, "time": None})
    bench.take(spec)
    history = bench.lake.history(spec, "s")
    assert history.rows["id"].to_list() == ["1", "2", "3"]
    assert (history.time == MISSING_TIME).all() and (history.known == MISSING_TIME).all()
    assert bench.lake.watermark(spec, "s") is None


def test_a_recorded_version_can_be_read_again(bench, make):
    bench.write("a.csv", ROWS)
    spec = make(s=LOG)
    bench.take(spec)
    versions = bench.lake.versions()
    bench.write("a.csv", ROWS + "4,2021-01-01,,9,no,y\n")
    bench.take(spec)
    assert bench.lake.history(spec, "s").height == 4
    assert bench.lake.history(spec, "s", version=versions["s"]).height == 3
    assert bench.lake.watermark(spec, "s") - bench.lake.watermark(spec, "s", versions["s"]) == 365 * DAY


def test_the_watermark_can_be_declared(bench, make):
    spec = make("Asia/Singapore", s={**LOG, "complete_until": "2020-02-01"})
    assert bench.lake.watermark(spec, "s") == 1_580_486_400_000_000
    with pytest.raises(DataError, match="'someday' is no instant"):
        bench.lake.watermark(make(s={**LOG, "complete_until": "someday"}), "s")


def test_what_is_not_there_is_said(bench, make):
    with pytest.raises(DataError, match="run 'poise ingest' first"):
        bench.lake.history(make(s=LOG), "s")
    bench.write("a.csv", ROWS)
    bench.take(make(s=LOG))
    with pytest.raises(DataError, match="did you mean 'told'"):
        bench.lake.history(make(s=LOG), "s", ["tolt"])


def test_raw_keeps_rows_as_they_came(bench, make):
    bench.write("a.csv", ROWS + "5,x,,1.50,no,\n")
    bench.take(make(s=LOG))
    raw = delta.scan(bench.lake.table("raw", "s")).collect().sort("_position")
    assert raw["v"].to_list() == ["1", "", "3", "1.50"]
    assert raw["at"].to_list()[-1] == "x"


def test_versions_of_a_table_follow_their_first_whatever_its_stamp(bench, make):
    """A file is stamped by the wall clock; what a server accepts on a replay clock is stamped years before that."""
    lake = bench.lake
    system = make(s={"path": "a.csv", "key": "k", "columns": {"k": "string", "v": "int"}})
    times = [2_000_000, 2_000_000, 7, 3_000_000, 9]
    stamps = pl.Series(times).cast(pl.Datetime("us", "UTC"))
    rows = pl.DataFrame({"_time": stamps, "_known": stamps, "_seq": range(5), "k": list("ababc"), "v": range(5)})
    delta.write(lake.table("accepted", "s"), rows)
    whole = lake.history(system, "s")
    assert whole.rows["v"].to_list() == [0, 1, 4, 2, 3] and whole.first.tolist() == [True] * 3 + [False] * 2
    assert whole.known.tolist() == [2_000_000, 2_000_000, 9, 7, 3_000_000]
    assert (whole.time[:3] < 0).all() and whole.time[3:].tolist() == [7, 3_000_000]
    since = lake.history(system, "s", after=0)
    assert since.rows["v"].to_list() == [1, 4, 2, 3] and since.first.tolist() == [True, True, False, False]
