"""A source whose columns change keeps the rows that came over HTTP: they are judged again as they came."""

from __future__ import annotations

import json

import pytest
from tests.data.test_drain import COLUMNS, SOURCES, Flow, order

from poise.clock import DAY, HOUR
from poise.data import delta, quarantine, rejudged
from poise.data.lake import Lake
from poise.data.ward import entries
from poise.errors import DataError, StateError


@pytest.fixture
def flow(bench, make):
    bench.write("o.jsonl", json.dumps(order("f", v=3, colour=None)) + "\n")
    bench.write("s.jsonl", '{"id": "s1", "city": "Bonn"}\n')
    bench.write("n.jsonl", '{"text": "of a file"}\n')
    one = Flow(bench, make(**SOURCES))
    bench.take(one.spec)
    bench.clock.at += DAY
    yield one
    one.reader.close()
    one.journal.close()


def changed(make, **columns):
    """The system once `v` of the orders is something else, and there is a column more."""
    return make(**{**SOURCES, "orders": {**SOURCES["orders"], "columns": {**COLUMNS, "colour": "category", **columns}}})


@pytest.mark.parametrize("force", [False, True])
def test_rows_of_the_journal_are_judged_again_and_keep_when_they_were_known(flow, make, force):
    flow.take("orders", order(1), order(2, v=20, colour="red"))
    flow.take("orders", order(3))
    flow.refuse("orders", json.dumps(order(4, v=-1)).encode(), ["range:v"], ["v is -1, below its min 0"])
    flow.refuse("orders", b"7", ["line"], ["the row is no JSON object"])
    flow.drain.once(everything=True)
    known = flow.accepted("orders")["_known"].to_list()[1:]
    flow.bench.clock.at += HOUR
    spec = changed(make, v={"type": "float", "max": 9})
    report = flow.bench.take(spec, force=force)["orders"]
    rows = flow.accepted("orders")
    assert rows.filter(rows["_known"].is_in(known))["id"].to_list() == ["o1", "o3"] and known[0] != known[2]
    assert sorted(rows["id"]) == ["o1", "o3", "o4", "of"], "o4 passes now, the file was read again"
    late = rows.filter(rows["id"] == "o4")["_known"].dt.timestamp("us").item()
    assert late == flow.bench.clock.at, "no answer saw it before"
    assert rows["v"].dtype.is_float() and rows["colour"].null_count() == 4 and rows["_seq"].n_unique() == 4
    assert [(g.reason, g.rows) for g in quarantine.listing(flow.bench.lake, ["orders"])] == [
        ("line", 1),
        ("range:v", 1),
    ]
    assert (report.counts.rows_in, report.counts.accepted, report.counts.quarantined) == (6, 4, 2)
    assert (
        "5 of these rows came over HTTP" in report.warnings[-1] and "3 accepted, 2 quarantined" in report.warnings[-1]
    )
    assert flow.raw("orders").height == 6


def test_versions_of_a_table_stay_in_the_order_in_which_they_came(flow, make):
    flow.take("shops", {"id": "s1", "city": "Oslo"}, {"id": "s1", "city": "Bonn"}, {"id": "s2", "city": "Rome"})
    flow.drain.once(everything=True)
    flow.bench.write("s.jsonl", '{"id": "s1", "city": "Bonn"}\n')
    shops = {**SOURCES["shops"], "columns": {"id": "string", "city": "text"}}
    flow.bench.take(make(**{**SOURCES, "shops": shops}))
    rows = flow.accepted("shops")
    assert rows["city"].to_list() == ["Bonn", "Oslo", "Bonn", "Rome"] and rows["_seq"].to_list() == [0, 1, 2, 3]
    assert rows["_known"].is_sorted() and rows["_known"][0] < rows["_known"][1], "the file's row is as old as it was"
    flow.bench.write("s.jsonl", '{"id": "s1", "city": "Kiel"}\n')
    flow.bench.clock.at += DAY
    with pytest.raises(DataError, match="the columns of source 'shops' changed"):
        flow.bench.take(flow.spec)
    flow.bench.take(flow.spec, force=True)
    assert flow.accepted("shops")["city"].to_list() == ["Oslo", "Bonn", "Rome", "Kiel"]


def test_rows_of_a_log_without_id_and_repeated_ones_are_kept(flow, make):
    flow.take("notes", {"text": "a"}, {"text": "a"})
    flow.take("orders", order(1, v=1), order(2, v=1), order(3, v=2))
    flow.drain.once(everything=True)
    orders = {**SOURCES["orders"], "id": "v", "where": "v > 0", "derive": {}}
    notes = {**SOURCES["notes"], "columns": {"text": "category"}}
    report = flow.bench.take(make(**{**SOURCES, "orders": orders, "notes": notes}))
    assert sorted(flow.accepted("notes")["text"]) == ["a", "a", "of a file"]
    kept = flow.accepted("orders")["id"].to_list()
    held = [json.loads(row)["id"] for row in entries(flow.bench.lake, "orders")["row"]]
    assert sorted(kept) == ["o1", "o3", "of"] and held == ["o2"], "another content under the same identity"
    assert report["orders"].counts.reasons == {"conflict:v": 1}


def test_rows_that_where_leaves_out_today_go_to_quarantine(flow, make):
    flow.take("orders", order(1, v=1), order(2, v=5))
    flow.drain.once(everything=True)
    flow.bench.take(make(**{**SOURCES, "orders": {**SOURCES["orders"], "where": "v > 3"}}))
    assert flow.accepted("orders")["id"].to_list() == ["o2"]
    assert "its 'where' is false" in entries(flow.bench.lake, "orders")["why"].to_list()[0][0]


@pytest.mark.parametrize("dies", [1, 2, 3, 4])
def test_a_kill_between_the_tables_loses_nothing(flow, make, dies, monkeypatch):
    flow.take("orders", order(1), order(2, v=20))
    flow.drain.once(everything=True)
    known = flow.accepted("orders")["_known"].to_list()[1]
    write, left = delta.write, [dies]

    def dying(*given, **named):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        write(*given, **named)

    spec = changed(make, v={"type": "float", "max": 9})
    with monkeypatch.context() as one:
        one.setattr(rejudged.delta, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            flow.bench.take(spec)
    flow.bench.take(spec)
    rows = flow.accepted("orders")
    assert sorted(rows["id"]) == ["o1", "of"] and known in rows["_known"].to_list()
    assert [json.loads(row)["id"] for row in entries(flow.bench.lake, "orders")["row"]] == ["o2"]
    assert flow.raw("orders").height == 3


def test_what_the_journal_still_holds_is_judged_by_the_columns_of_then(flow, make):
    flow.take("orders", order(1), order(0, v=20))
    flow.drain.once(everything=True)
    flow.take("orders", order(2, colour="red"), order(3, v="many", colour="blue"))
    flow.spec = changed(make, v={"type": "int", "max": 9})
    flow.bench.take(flow.spec)
    flow.restart().once(everything=True)
    rows = flow.accepted("orders")
    assert dict(zip(rows["id"], rows["colour"], strict=True)) == {"o1": None, "of": None, "o2": "red"}
    assert entries(flow.bench.lake, "orders")["reasons"].to_list() == [["range:v"], ["type:v"]]
    flow.restart().once(everything=True)
    assert flow.accepted("orders").height == 3 and flow.raw("orders").height == 5
    assert entries(flow.bench.lake, "orders").height == 2


def test_a_drain_that_runs_meanwhile_goes_on_by_the_new_columns(flow, make):
    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    flow.take("orders", order(2, colour="red"))
    new = changed(make)
    flow.bench.take(new, live=True)
    flow.drain.once(everything=True)
    assert "orders" in flow.drain.stuck, "it knows the columns of before only"
    flow.drain.follow([new, flow.spec])
    flow.drain.once(everything=True)
    assert not flow.drain.stuck
    rows = flow.accepted("orders")
    assert dict(zip(rows["id"], rows["colour"], strict=True)) == {"o1": None, "of": None, "o2": "red"}


def test_raw_rows_that_are_gone_are_an_error_that_changes_nothing(flow, make):
    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    delta.delete(flow.bench.lake.table("raw", "orders"), "id = 'o1'")
    with pytest.raises(StateError, match="lacks 1 rows that came over HTTP"):
        flow.bench.take(changed(make))
    assert Lake(flow.bench.lake.url).read("orders")["id"].to_list() == ["of", "o1"]
