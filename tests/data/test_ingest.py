"""A repeated ingest adds nothing; what contradicts is set apart; every row has one fate."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from poise.data import delta
from poise.data.report import Counts
from poise.data.ward import entries
from poise.errors import DataError, SpecError, StateError

LOG = {
    "path": "a.csv",
    "id": "id",
    "time": "at",
    "columns": {"id": "string", "at": "time", "v": {"type": "int", "min": 0}},
}
BARE = {"path": "a.csv", "time": "at", "columns": {"at": "time", "v": "int"}}
TABLE = {"path": "a.csv", "key": "k", "columns": {"k": "string", "v": "int"}}
HISTORY = {"path": "a.csv", "key": "k", "time": "at", "columns": {"k": "string", "at": "time", "v": "int"}}


def fates(report, name="s"):
    counts = report[name].counts
    return counts.accepted, counts.duplicates, counts.quarantined


def test_an_unchanged_file_is_known_at_once(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n2,2020-01-02,-5\n")
    assert fates(bench.take(make(s=LOG))) == (1, 0, 1)
    report = bench.take(make(s=LOG))
    assert fates(report) == (0, 1, 1)
    assert report["s"].unchanged == 1
    assert fates(bench.take(make(s=LOG), force=True)) == (0, 1, 1)
    assert entries(bench.lake, "s").height == 1
    assert delta.scan(bench.lake.table("raw", "s")).collect().height == 2


def test_a_grown_log_adds_its_new_rows(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n")
    bench.take(make(s=LOG))
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n2,2020-01-02,2\n1,2020-01-01,1\n1,2020-01-01,9\n")
    report = bench.take(make(s=LOG))
    assert fates(report) == (1, 2, 1)
    assert report["s"].counts.reasons == {"conflict:id": 1}
    assert bench.lake.read("s")["_seq"].to_list() == [0, 1]


def test_a_log_without_id_keeps_its_copies(bench, make):
    bench.write("a.csv", "at,v\n2020-01-01,1\n2020-01-01,1\n2020-01-01,\n")
    assert fates(bench.take(make(s=BARE))) == (3, 0, 0)
    bench.write("a.csv", "at,v\n2020-01-01,1\n2020-01-01,1\n2020-01-01,\n2020-01-01,1\n2020-01-01,\n")
    assert fates(bench.take(make(s=BARE))) == (2, 3, 0)
    assert fates(bench.take(make(s=BARE), force=True)) == (0, 5, 0)
    bench.write("b.csv", "at,v\n2020-01-01,1\n2020-01-01,7\n")
    assert fates(bench.take(make(s={**BARE, "path": "b.csv"}))) == (1, 1, 0)


def test_a_log_without_id_in_batches_counts_copies_across_them(bench, make):
    bench.write("a.csv", "at,v\n" + "2020-01-01,1\n" * 3)
    bench.take(make(s=BARE))
    bench.write("a.csv", "at,v\n" + "2020-01-01,1\n" * 5)
    assert fates(bench.take(make(s=BARE), batch=2)) == (2, 3, 0)


def test_a_table_gets_a_version_where_a_row_changed(bench, make):
    bench.write("a.csv", "k,v\na,1\nb,2\n")
    bench.take(make(s=TABLE))
    bench.write("a.csv", "k,v\na,1\nb,3\nb,4\nc,5\n")
    bench.clock.at += 10
    report = bench.take(make(s=TABLE))
    assert fates(report) == (2, 1, 1)
    history = bench.lake.history(make(s=TABLE), "s")
    assert history.rows["k"].to_list() == ["a", "b", "c", "b"], "first versions are older than any T"
    assert history.rows["v"].to_list() == [1, 2, 5, 3]
    assert history.first.tolist() == [True, True, True, False]
    assert (history.known - history.known[0]).tolist() == [0, 0, 10, 10]
    assert (history.time == history.known).tolist() == [False, False, False, True]
    bench.write("a.csv", "k,v\na,1\nb,2\n")
    assert fates(bench.take(make(s=TABLE))) == (1, 1, 0)  # back to what it was: a version again


def test_a_correction_that_a_replay_clock_never_comes_to_is_told(bench, make):
    replay = make(s=TABLE).model_copy(update={"clock": "replay"})
    bench.write("a.csv", "k,v\na,1\n")
    assert not bench.take(replay)["s"].warnings
    bench.write("a.csv", "k,v\na,2\n")
    (said,) = bench.take(replay)["s"].warnings
    assert said.startswith("rows of 's' that correct earlier ones hold from ") and "give the source a time" in said
    assert not bench.take(replay)["s"].warnings, "nothing was new"


def test_a_history_has_one_row_per_key_and_time(bench, make):
    bench.write("a.csv", "k,at,v\na,2020-01-01,1\na,2020-01-02,2\na,2020-01-02,3\na,2020-01-01,1\n")
    report = bench.take(make(s=HISTORY))
    assert fates(report) == (2, 1, 1)
    assert report["s"].counts.reasons == {"conflict:k,at": 1}


def test_copies_of_a_conflicting_row_are_conflicts(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n")
    bench.take(make(s=LOG))
    bench.write("a.csv", "id,at,v\n1,2020-01-01,2\n1,2020-01-01,2\n1,2020-01-01,1\n")
    assert fates(bench.take(make(s=LOG))) == (0, 1, 2)


def test_rows_of_two_sources_over_one_file(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n2,2020-01-02,\n3,2020-01-02,x\n")
    seen = []
    came = {**LOG, "where": "not missing(v)", "derive": {"later": "at + 2h", "twice": "v * 2"}, "time": "later"}
    report = bench.take(make(all=LOG, came=came), progress=lambda name, rows: seen.append((name, rows)))
    assert fates(report, "all") == (2, 0, 1)
    assert fates(report, "came") == (1, 0, 1)
    assert report["came"].counts.other_rows == 1
    assert seen == [("all", 3), ("came", 3)]
    row = bench.lake.read("came").row(0, named=True)
    assert row["twice"] == 2.0 and (row["_time"] - row["at"]).total_seconds() == 7200


def test_rules_that_changed_are_applied_to_the_same_file(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n2,2020-01-02,-5\n3,2020-01-02,-7\n")
    bench.take(make(s=LOG))
    columns = {**LOG["columns"], "v": {"type": "int", "min": -6}}
    assert fates(bench.take(make(s={**LOG, "columns": columns}))) == (1, 1, 1)
    assert entries(bench.lake, "s")["_position"].to_list() == [3]
    columns["v"] = {"type": "int", "values": [1, 2]}
    bench.take(make(s={**LOG, "columns": columns}))
    held = entries(bench.lake, "s").sort("_position")
    assert held["reasons"].to_list() == [["values:v"], ["values:v"]]  # never two entries for one row


def test_changed_columns_rebuild_the_source_from_its_files(bench, make):
    bench.write("a.csv", "id,at,v,w\n1,2020-01-01,1,x\n2,2020-01-01,-1,y\n")
    bench.take(make(s=LOG))
    wider = {**LOG, "columns": {**LOG["columns"], "w": "category"}}
    report = bench.take(make(s=wider))
    assert fates(report) == (1, 0, 1)
    assert "its rows before are version 0" in report["s"].warnings[0]
    assert bench.lake.read("s", ["w"])["w"].to_list() == ["x"]
    assert "w" not in bench.lake.read("s", version=0).columns
    assert entries(bench.lake, "s").height == 1


def test_changed_columns_without_the_files_are_an_error(bench, make):
    bench.write("a.csv", "id,at,v,w\n1,2020-01-01,1,x\n")
    bench.take(make(s=LOG))
    bench.write("a.csv", "id,at,v,w\n2,2020-01-01,1,x\n")
    wider = {**LOG, "columns": {**LOG["columns"], "w": "category"}}
    with pytest.raises(DataError, match="--force"):
        bench.take(make(s=wider))
    assert fates(bench.take(make(s=wider), force=True)) == (1, 0, 0)


def test_rows_of_the_future_come_in_once_their_time_has_come(bench, make):
    bench.write("a.csv", "id,at,v\n1,2026-01-01T00:04,1\n2,2026-01-01T00:06,1\n")
    assert fates(bench.take(make(s=LOG))) == (1, 0, 1)
    bench.clock.at += 120_000_000
    assert fates(bench.take(make(s=LOG))) == (1, 1, 0)
    assert entries(bench.lake, "s").height == 0


def test_a_source_that_is_not_there(bench, make):
    with pytest.raises(SpecError, match="did you mean 'orders'"):
        bench.take(make(orders=LOG), only=["order"])


def test_two_writers_do_not_mix(bench, make, monkeypatch):
    monkeypatch.setattr("poise.data.ingest.TURN", 0.05)
    bench.write("a.csv", "id,at,v\n1,2020-01-01,1\n")
    with bench.lake.writing(), pytest.raises(StateError, match="another process writes"):
        bench.take(make(s=LOG))


def test_a_source_of_which_no_row_is_good_warns(bench, make):
    bench.write("a.csv", "id,at,v\n1,2020-01-01,-1\n")
    assert "the commonest reason is range:v" in bench.take(make(s=LOG))["s"].warnings[0]
    with pytest.raises(DataError, match="all that came were refused"):
        bench.lake.read("s")


VALUES = st.sampled_from(["1", "2", "-3", "x", "", "NA", "7.0", "2020-01-01", "2020-01-02", "2999-01-01"])
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=25)
KINDS = [LOG, {**BARE, "columns": LOG["columns"]}, {**TABLE, "key": "id", "columns": LOG["columns"]}]
KINDS += [{**LOG, "id": None, "key": "id"}, {**LOG, "where": "v > 0"}, {**LOG, "time": None}]


@pytest.mark.parametrize("source", KINDS, ids=["log", "bare", "table", "history", "where", "untimed"])
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate, Phase.reuse],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=ROWS, more=ROWS, size=st.integers(2, 30))
def test_rows_in_are_the_sum_of_their_fates(new_bench, make, source, first, more, size):
    bench = new_bench()
    spec = make(s={k: v for k, v in source.items() if v is not None})
    total = Counts()
    for rows in (first, first + more):
        bench.write("a.csv", "id,at,v\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
        counts = bench.take(spec, batch=size)["s"].counts
        assert counts.rows_in == len(rows)
        total.add(counts)
    repeated = bench.take(spec, force=True, batch=size)["s"].counts
    assert repeated.accepted == 0 and repeated.rows_in == len(first + more)
    kept = bench.lake.scan("s")
    assert (0 if kept is None else kept.select(pl.len()).collect().item()) == total.accepted
    assert entries(bench.lake, "s").select("_path", "_position").is_unique().all()
