"""Rows older than `keep` go from every table and, in time, from the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.data.test_drain import SOURCES, Flow, order

from poise.clock import DAY
from poise.data import delta
from poise.data.retention import expire
from poise.data.ward import entries

KEEP = {"orders": {**SOURCES["orders"], "keep": "90d"}, "shops": SOURCES["shops"], "notes": SOURCES["notes"]}
LINES = [
    order("old", at="2025-01-01"),
    order("edge", at="2025-10-03"),
    order("new"),
    order("bad", v=-1, at="2025-01-02"),
    order("worse", v=-1, at="2025-12-02"),
    order("when", at="never"),
]


@pytest.fixture
def flow(bench, make):
    one = Flow(bench, make(**KEEP))
    bench.write("o.jsonl", "\n".join([*map(json.dumps, LINES), "{broken"]))
    bench.write("s.jsonl", '{"id": "s", "city": "x"}')
    bench.write("n.jsonl", '{"text": "x"}')
    yield one
    one.reader.close()
    one.journal.close()


def held(flow):
    lake = flow.bench.lake
    raw = delta.scan(lake.table("raw", "orders")).collect()
    return (
        sorted(lake.read("orders")["id"]),
        sorted(json.loads(row).get("id", "-") for row in entries(lake, "orders")["row"]),
        sorted(id or "-" for id in raw["id"]),
    )


def test_ingest_deletes_old_rows_everywhere_and_counts_them(flow):
    report = flow.bench.take(flow.spec)
    assert report["orders"].expired == 2 and report["shops"].expired == 0
    good, refused = ["oedge", "onew"], ["-", "owhen", "oworse"]
    assert held(flow) == (good, refused, sorted([*good, *refused]))
    assert report["orders"].to_dict()["expired"] == 2
    flow.bench.clock.at += 91 * DAY
    report = flow.bench.take(flow.spec)
    assert report["orders"].expired == 5 and held(flow) == ([], [], [])
    flow.bench.take(flow.spec, force=True)
    assert held(flow)[0] == []


def test_the_drain_deletes_old_rows_and_goes_on(flow):
    flow.bench.take(flow.spec)
    flow.take("orders", order(1, at="2025-10-05"), order(2))
    flow.refuse("orders", b'{"id": "o3", "at": "2025-10-05"}', ["range:v"], ["v is -1"])
    flow.drain.once(everything=True)
    position = flow.drain.done["orders"]
    flow.bench.clock.at += 10 * DAY
    assert flow.drain.expire() == {"orders": 3}
    assert flow.drain.expire() == {}
    assert held(flow)[0] == ["o2", "onew"]
    assert delta.position(flow.bench.lake.table("accepted", "orders"), flow.drain.app) >= position - 1
    flow.take("orders", order(4))
    flow.drain.once(everything=True)
    flow.restart().once(everything=True)
    assert held(flow)[0] == ["o2", "o4", "onew"]
    assert held(flow)[2] == ["-", "o2", "o4", "onew", "owhen", "oworse"]


def test_raw_rows_that_a_kill_left_without_their_accepted_rows_stay_until_these_come(flow, monkeypatch):
    flow.bench.take(flow.spec)
    flow.take("orders", order(1))
    monkeypatch.setattr(flow.drain, "_write", lambda name: None)
    flow.drain.once(everything=True)
    table = flow.restart()._opened("orders", 1)
    records = list(flow.reader.after(0, most_rows=10))
    monkeypatch.setattr(type(table), "_stamped", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        table.write(records, flow.bench.clock.at)
    monkeypatch.undo()
    assert "o1" in held(flow)[2] and "o1" not in held(flow)[0]
    with flow.bench.lake.writing():
        expire(flow.spec, flow.bench.lake, "orders", flow.bench.clock.at + DAY, flow.drain.app)
    flow.restart().once(everything=True)
    assert "o1" in held(flow)[2] and "o1" in held(flow)[0]


def test_old_versions_with_expired_rows_leave_the_disk(flow, monkeypatch):
    flow.bench.take(flow.spec)
    monkeypatch.setattr("poise.data.retention.OLD_VERSIONS", 0)
    flow.bench.clock.at += 91 * DAY
    flow.bench.take(flow.spec)
    for part in ("accepted", "raw", "quarantine"):
        files = list(Path(flow.bench.lake.table(part, "orders")).glob("*.parquet"))
        assert not any(b"onew" in file.read_bytes() for file in files)


def test_replayed_data_are_kept_by_their_own_clock(bench, make):
    spec = make(**KEEP).model_copy(update={"clock": "replay"})
    bench.write("o.jsonl", "\n".join(json.dumps(order(n, at=f"201{n}-01-01")) for n in range(4)))
    bench.write("s.jsonl", '{"id": "s", "city": "x"}')
    bench.write("n.jsonl", '{"text": "x"}')
    assert bench.take(spec)["orders"].expired == 3
    assert bench.lake.read("orders")["id"].to_list() == ["o3"]
