"""From the journal to the lake: every row once, whatever happens between two commits."""

from __future__ import annotations

import json

import pytest

from poise.clock import MINUTE, SECOND
from poise.data import delta, quarantine
from poise.data.drain import DECISION, Drain
from poise.data.drain_source import END
from poise.data.journal import Journal
from poise.data.journal_reader import reading
from poise.data.journal_record import Entry
from poise.data.lake import Lake
from poise.data.ward import entries
from poise.errors import StateError

COLUMNS = {"id": "string", "at": "time", "v": {"type": "int", "min": 0}}
SOURCES = {
    "orders": {"path": "o.jsonl", "id": "id", "time": "at", "columns": COLUMNS, "derive": {"double": "v * 2"}},
    "shops": {"path": "s.jsonl", "key": "id", "columns": {"id": "string", "city": "category"}},
    "notes": {"path": "n.jsonl", "columns": {"text": "text"}},
}


class Flow:
    """A journal that the test writes, and the drain that reads it."""

    def __init__(self, bench, spec):
        self.bench, self.spec = bench, spec
        self.journal = Journal.open(bench.base / "journal", bench.clock)
        self.reader = reading(bench.base / "journal")
        self.restart()

    def restart(self):
        self.drain = Drain([self.spec], self.bench.lake, self.reader, self.bench.clock)
        return self.drain

    def take(self, source, *rows, kind="events", after=SECOND):
        """Acknowledge rows; they become known a moment later."""
        body = b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
        (first,) = self.journal.append([Entry(kind, source, len(rows), body)])
        self.bench.clock.at += after
        if kind == "events":
            self.journal.append([], [(first, self.bench.clock.at)])
        return first

    def refuse(self, source, row, reasons, why):
        line = b'{"row":' + row + b',"reasons":' + json.dumps(reasons).encode() + b',"why":' + json.dumps(why).encode()
        return self.take(source, line + b"}", kind="refused")

    def accepted(self, source):
        return self.bench.lake.read(source)

    def raw(self, source):
        return delta.scan(self.bench.lake.table("raw", source)).collect().sort("_position")


@pytest.fixture
def flow(bench, make):
    one = Flow(bench, make(**SOURCES))
    yield one
    one.reader.close()
    one.journal.close()


def order(n, v=1, at="2025-12-31T12:00:00Z", **more):
    return {"id": f"o{n}", "at": at, "v": v, **more}


def test_rows_land_once_typed_by_tau_and_count_from_kappa(flow):
    flow.take("orders", order(1), order(2, at="2025-06-01", more="?"))
    flow.take("shops", {"id": "s1", "city": "Oslo"}, {"id": "s1", "city": "Rome"})
    flow.take("notes", {"text": "a"}, {"text": "a"})
    flow.drain.once(everything=True)
    rows = flow.accepted("orders")
    known = rows["_known"].dt.timestamp("us").to_list()
    assert known == [flow.bench.clock.at - 2 * SECOND] * 2
    assert rows["_time"].to_list() == rows["at"].to_list() and rows["at"].dt.month().to_list() == [12, 6]
    assert rows["double"].to_list() == [2.0, 2.0] and rows["_seq"].to_list() == [0, 1]
    assert rows["_position"].to_list() == [1, 2] and set(rows["_ingest"]) == {flow.drain.app}
    assert flow.accepted("shops")["city"].to_list() == ["Oslo", "Rome"]
    assert flow.accepted("notes").height == 2
    assert flow.raw("orders")["v"].to_list() == ["1", "1"]
    assert flow.drain.done == {"orders": 2, "shops": 4, "notes": 6}
    for _ in range(2):
        flow.restart().once(everything=True)
    assert flow.accepted("orders").height == 2 and flow.raw("shops").height == 2
    assert flow.drain.done == {"orders": 2, "shops": 4, "notes": 6}


def test_few_rows_wait_for_more_and_nothing_unsettled_is_written(flow):
    flow.take("orders", order(1))
    flow.drain.once()
    assert flow.bench.lake.version("orders") is None
    flow.bench.clock.at += MINUTE
    flow.drain.once()
    assert flow.accepted("orders").height == 1
    flow.journal.append([Entry("events", "orders", 1, json.dumps(order(2)).encode())])
    flow.take("orders", order(3))
    flow.drain.once(everything=True)
    assert flow.accepted("orders").height == 1, "a row whose κ is not written is not drained, nor what follows it"


def test_refused_rows_are_listed_explained_and_readmitted(flow, make):
    flow.refuse("orders", json.dumps(order(1, v=-1)).encode(), ["range:v"], ["v is -1, below its min 0"])
    flow.refuse("orders", b"7", ["line"], ["the row is no JSON object"])
    flow.take("orders", order(2))
    flow.refuse("orders", b'{"v": -2, "at": "2025-12-01", "id": "o3"}', ["range:v"], ["v is -2, below its min 0"])
    flow.drain.once(everything=True)
    flow.restart().once(everything=True)
    lake = flow.bench.lake
    assert [(g.reason, g.rows) for g in quarantine.listing(lake, ["orders"])] == [("range:v", 2), ("line", 1)]
    told = quarantine.explain(lake, "orders", 0)
    assert told.path == "POST /v1/events/orders" and told.position == 1 and told.row["v"] == "-1"
    assert quarantine.explain(lake, "orders", 1).row == {"line": "7"}
    loose = make(**{**SOURCES, "orders": {**SOURCES["orders"], "columns": {**COLUMNS, "v": "int"}}})
    assert quarantine.readmit(loose, lake, "orders", clock=flow.bench.clock, live=True).accepted == 2
    assert sorted(flow.accepted("orders")["v"]) == [-2, -1, 1]
    assert entries(lake, "orders")["reasons"].to_list() == [["line"]]
    flow.take("orders", order(4))
    flow.drain.once(everything=True)
    flow.restart().once(everything=True)
    assert flow.accepted("orders")["_seq"].to_list() == [0, 1, 2, 3] and flow.accepted("orders").height == 4
    assert flow.raw("orders").height == 5


def test_a_row_that_todays_rules_refuse_goes_to_quarantine_with_its_reasons(bench, make):
    flow = Flow(bench, make(**SOURCES))
    flow.take("orders", order(1, v=5), order(2, v=50))
    strict = {**SOURCES["orders"], "columns": {**COLUMNS, "v": {"type": "int", "max": 9}}}
    flow.spec = make(**{**SOURCES, "orders": strict})
    flow.restart().once(everything=True)
    assert flow.accepted("orders")["id"].to_list() == ["o1"]
    assert entries(bench.lake, "orders")["reasons"].to_list() == [["range:v"]]
    flow.spec = make(**SOURCES)
    flow.restart().once(everything=True)
    assert flow.accepted("orders").height == 1 == entries(bench.lake, "orders").height


def test_rows_that_where_leaves_out_today_are_kept_in_quarantine(bench, make):
    spec = make(orders={**SOURCES["orders"], "where": "v > 3"})
    flow = Flow(bench, spec)
    flow.take("orders", order(1, v=5), order(2, v=1))
    flow.drain.once(everything=True)
    assert flow.accepted("orders")["id"].to_list() == ["o1"]
    assert "its 'where' is false" in entries(bench.lake, "orders")["why"].to_list()[0][0]


@pytest.mark.parametrize("table", ["raw", "accepted", "quarantine"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_failure_between_two_commits_loses_and_doubles_nothing(flow, make, monkeypatch, table, changed):
    flow.take("orders", *(order(n) for n in range(50)))
    flow.refuse("orders", b'{"id": "bad"}', ["missing:at"], ["at is missing"])
    flow.drain.once(everything=True)
    flow.take("orders", *(order(n, v=n) for n in range(50, 100)))
    flow.refuse("orders", b'{"id": "worse"}', ["missing:at"], ["at is missing"])
    if changed:
        strict = {**SOURCES["orders"], "columns": {**COLUMNS, "v": {"type": "int", "max": 60}}}
        flow.spec = make(**{**SOURCES, "orders": strict})
        flow.restart()
    append = delta.sync

    def fail(url, before):
        append(url, before)
        if f"/{table}/" in url:
            raise StateError("the power went")

    monkeypatch.setattr(delta, "sync", fail)
    with pytest.raises(StateError, match="the power went"):
        flow.drain.once(everything=True)
    monkeypatch.undo()
    flow.spec = make(**SOURCES)
    flow.restart().once(everything=True)
    flow.restart().once(everything=True)
    rows, kept = flow.accepted("orders"), entries(flow.bench.lake, "orders")
    refused = 39 if changed and table != "raw" else 0
    assert rows.height == 100 - refused and rows["id"].n_unique() == rows.height
    assert kept.height == 2 + refused and kept["_position"].n_unique() == kept.height
    assert kept["_entry"].to_list() == list(range(kept.height))
    assert sorted([*rows["_position"], *kept["_position"]]) == list(range(1, 103))
    assert flow.raw("orders")["_position"].to_list() == list(range(1, 103))


def test_a_torn_commit_is_taken_back_and_written_again(flow):
    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    flow.take("orders", order(2))
    flow.drain.once(everything=True)
    log = flow.bench.base / "lake/accepted/orders/_delta_log/00000000000000000001.json"
    log.write_bytes(log.read_bytes()[:-20])
    flow.restart().once(everything=True)
    assert flow.accepted("orders")["id"].to_list() == ["o1", "o2"]
    assert flow.raw("orders").height == 2


def test_files_that_come_in_beside_are_neither_doubled_nor_contradicted_in_silence(flow):
    flow.take("orders", order(0))
    flow.drain.once(everything=True)
    flow.take("orders", order(1), order(2, v=2), order(3))
    flow.bench.write("o.jsonl", "\n".join(json.dumps(order(n)) for n in (1, 2, 9)))
    flow.bench.write("s.jsonl", '{"id": "s", "city": "x"}')
    flow.bench.write("n.jsonl", '{"text": "x"}')
    flow.bench.take(flow.spec, live=True)
    flow.drain.once(everything=True)
    rows = flow.accepted("orders")
    assert sorted(rows["id"]) == ["o0", "o1", "o2", "o3", "o9"] and rows["_seq"].to_list() == [0, 1, 2, 3, 4]
    assert entries(flow.bench.lake, "orders")["reasons"].to_list() == [["conflict:id"]]
    flow.restart().once(everything=True)
    assert flow.accepted("orders").height == 5


def test_rows_are_compared_until_the_server_knows_the_newest_of_others(flow):
    def file(name, *numbers):
        flow.bench.write(name, "\n".join(json.dumps(order(n)) for n in numbers))
        flow.bench.take(flow.spec, live=True)
        return flow.bench.lake.version("orders")

    flow.take("orders", order(0))
    flow.bench.write("s.jsonl", '{"id": "s", "city": "x"}')
    flow.bench.write("n.jsonl", '{"text": "x"}')
    flow.drain.once(everything=True)
    first = file("o.jsonl", 1, 2)
    flow.take("orders", order(3))
    flow.drain.once(everything=True)
    second = file("o.jsonl", 1, 2, 4)
    known = flow.take("orders", order(5))
    flow.drain.taken_up("orders", known, first)
    for _ in range(2):
        flow.drain.once(everything=True)
        flow.take("orders", order(4))
    flow.drain.once(everything=True)
    assert sorted(flow.accepted("orders")["id"]) == [f"o{n}" for n in range(6)]
    table = flow.drain._tables["orders"]
    assert table.compare_upto == END
    flow.drain.taken_up("orders", known, second)
    assert table.compare_upto == known
    third = file("o.jsonl", 1, 2, 4, 6)
    flow.drain.taken_up("orders", known + 1, third)  # before the drain itself has looked
    flow.take("orders", order(7))
    flow.drain.once(everything=True)
    flow.drain.expire()
    flow.take("orders", order(8))
    flow.drain.once(everything=True)
    assert flow.drain._tables["orders"].compare_upto == known + 1
    file("o.jsonl", 1, 2, 4, 6, 9)
    flow.drain.expire()
    flow.take("orders", order(9))
    flow.drain.once(everything=True)
    assert sorted(flow.accepted("orders")["id"]) == [f"o{n}" for n in range(10)]


def test_a_source_that_is_opened_after_others_wrote_is_compared_until_the_server_knows(flow):
    flow.bench.write("s.jsonl", '{"id": "s", "city": "x"}')
    flow.bench.write("n.jsonl", '{"text": "x"}')
    flow.drain.has = {}
    flow.bench.write("o.jsonl", "\n".join(json.dumps(order(n)) for n in (1, 2)))
    flow.bench.take(flow.spec, live=True)
    for number in (3, 1):  # the server does not know of the file yet, and acknowledges its row
        known = flow.take("orders", order(number))
        flow.drain.once(everything=True)
    assert sorted(flow.accepted("orders")["id"]) == ["o1", "o2", "o3"]
    table = flow.drain._tables["orders"]
    assert table.compare_upto == END
    flow.drain.taken_up("orders", known, flow.bench.lake.version("orders"))
    assert table.compare_upto == known


def test_decisions_are_written_once(flow):
    line = {"kind": "list", "at": 5, "release": "r1", "per": "orders", "ids": ["a"]}
    flow.take("", line, {**line, "at": None}, kind="decisions")
    flow.drain.once(everything=True)
    flow.restart().once(everything=True)
    rows = delta.scan(flow.bench.lake.decisions).collect().sort("_position")
    assert rows.columns == list(DECISION) and rows["time"].dt.timestamp("us").to_list() == [5, None]
    assert json.loads(rows["decision"][0]) == line and flow.drain.done == {"": 2}


def test_small_files_are_put_together(flow, monkeypatch):
    monkeypatch.setattr("poise.data.drained.SMALL_FILES", 5)
    for n in range(7):
        flow.take("orders", order(n))
        flow.drain.once(everything=True)
    url = flow.bench.lake.table("accepted", "orders")
    assert len(delta.table(url).file_uris()) < 5
    assert flow.accepted("orders")["id"].to_list() == [f"o{n}" for n in range(7)]
    assert delta.position(url, flow.drain.app) == 7
    assert delta.position(url, flow.drain.app, 2) == 3


def test_columns_that_changed_keep_rows_in_the_journal_and_say_so(flow, make):
    flow.take("orders", order(1))
    flow.take("shops", {"id": "s1", "city": "Oslo"})
    flow.drain.once(everything=True)
    flow.take("orders", order(2))
    flow.take("shops", {"id": "s2", "city": "Oslo"})
    before = flow.spec
    wider = {**SOURCES["orders"], "columns": {**COLUMNS, "note": "text"}}
    flow.spec = make(**{**SOURCES, "orders": wider})
    flow.restart().once(everything=True)
    assert "neither the system file nor the live release" in flow.drain.stuck["orders"]
    assert flow.drain.done == {"shops": 4}
    Drain([flow.spec, before], flow.bench.lake, flow.reader, flow.bench.clock).once(everything=True)
    assert flow.accepted("orders").height == 2


def test_who_holds_the_lake_is_waited_for(flow):
    flow.take("orders", order(1))
    with Lake(flow.bench.lake.url).writing(), pytest.raises(StateError, match="another process writes"):
        flow.drain.once(everything=True, wait=0.1)
    flow.drain.once(everything=True)
    assert flow.accepted("orders").height == 1


def test_refused_rows_of_tables_and_of_logs_without_id_are_readmitted_each_by_itself(flow, make):
    flow.refuse("shops", b'{"id": "s1", "city": "Rome"}', ["values:city"], ["city is 'Rome'"])
    flow.take("notes", {"text": "a"})
    flow.refuse("notes", b'{"text": "a"}', ["rule:short"], ["too short"])
    flow.drain.once(everything=True)
    flow.take("shops", {"id": "s2", "city": "Oslo"})
    flow.drain.once(everything=True)
    for source in ("shops", "notes"):
        counts = quarantine.readmit(flow.spec, flow.bench.lake, source, clock=flow.bench.clock, live=True)
        assert counts.accepted == 1 and not entries(flow.bench.lake, source).height
    assert flow.accepted("notes").height == 2
    assert sorted(flow.accepted("shops")["id"]) == ["s1", "s2"]


@pytest.mark.parametrize("limit", ["MOST", "MOST_BYTES"])
def test_no_more_is_read_while_what_was_read_cannot_be_written(flow, monkeypatch, limit):
    monkeypatch.setattr(f"poise.data.drain.{limit}", 3 if limit == "MOST" else 150)
    for n in range(9):
        flow.take("orders", order(n))
    with flow.bench.lake.writing():
        for _ in range(5):
            with pytest.raises(StateError, match="another process"):
                flow.drain.once(wait=0)
    assert flow.drain.once() and flow.drain.done == {"orders": 3}
    while flow.drain.once(everything=True):
        pass
    assert flow.accepted("orders").height == 9


def test_a_disk_that_fails_is_said_and_tried_again(flow, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    flow.take("orders", order(2))
    flow.take("notes", {"text": "a"})
    with monkeypatch.context() as patch:
        patch.setattr("poise.data.drained.delta.sync", full)
        with pytest.raises(StateError, match=r"cannot be written to the lake yet: .*No space"):
            flow.drain.once(everything=True)
    flow.drain.once(everything=True)
    assert flow.accepted("orders").height == 2 and flow.accepted("notes").height == 1
