"""Reception: the fates of rows are those of a file, whatever the source and the rows are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.conftest import NOW, Bench, system
from tests.data.strategies import as_lines, rows, sources

from poise.data import reception
from poise.data.history import to_column
from poise.data.journal_record import Entry, Record
from poise.data.judge import Judge
from poise.data.judged import concluded
from poise.data.known_ids import KnownIds
from poise.data.lines import batch_of
from poise.data.prints_in_polars import frame_prints, known_in_lake
from poise.data.reading import POSITION
from poise.data.reception import Judged, Reception
from poise.data.row_judge import RowJudge
from poise.data.stored import Stored
from poise.data.ward import entries
from poise.errors import NoSuchSource, StateError
from poise.spec.system import SystemSpec
from poise.table import Column, Table

ROOM = SimpleNamespace(body=10**7, rows=10_000)


class Memory:
    """Records in a list: what a journal is to reception."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def after(self, position: int, kinds: Any = (), most_rows: int = 0) -> Any:
        return iter([record for record in self.records if record.first > position and record.kind in kinds])

    def append(self, entries: list[Entry]) -> list[int]:
        firsts = []
        for one in entries:
            first = self.records[-1].last + 1 if self.records else 1
            self.records.append(Record(first, one.count, NOW, NOW, one.kind, one.source, one.body))
            firsts.append(first)
        return firsts


class Desk:
    """A reception, its journal, and the lake behind it."""

    def __init__(self, spec: SystemSpec, lake: str | None = None, known: dict[str, KnownIds] | None = None) -> None:
        self.journal = Memory()
        self.reception = Reception(spec, known or {}, Stored(self.journal, lake))

    def send(self, source: str, *bodies: bytes, now: int = NOW) -> list[Judged]:
        """One group of deliveries, written."""
        found = self.reception.judge([self.reception.read(source, body, ROOM) for body in bodies], now)
        for one in found:
            self.reception.written(one, self.journal.append(one.entries))
        return found

    def fates(self, source: str, *bodies: bytes) -> list[list[str]]:
        return [list(one.fates) for one in self.send(source, *bodies)]


def body_of(lines: list[bytes]) -> bytes:
    return b"[" + b", ".join(lines) + b"]"


def same(ours: Column, theirs: Column) -> bool:
    """Bit for bit."""
    if ours.kind != theirs.kind:
        return False
    if ours.kind == "number":
        return bool((np.asarray(ours.values).view(np.int64) == np.asarray(theirs.values).view(np.int64)).all())
    return ours.to_list() == theirs.to_list()


def same_rows(ours: Table, theirs: pl.DataFrame) -> bool:
    return all(same(ours[name], to_column(theirs[name])) for name in ours) and ours.height == theirs.height


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(["UTC", "America/New_York"]))
def test_a_row_means_what_it_means_in_a_file(data: st.DataObject, zone: str) -> None:
    source = data.draw(sources())
    lines = as_lines(data.draw(rows(source)))
    spec = system(zone, shop=source)
    judge, row_judge = Judge(spec, "shop"), RowJudge(spec, "shop")
    columns = dict.fromkeys(spec.sources["shop"].in_file.values())
    theirs = judge.judge(batch_of(b"\n".join(lines), range(len(lines)), columns), NOW)
    parsed = row_judge.parse(lines)
    if any(row is not None for row in parsed):
        quickly = row_judge.quick.judge([row for row in parsed if row is not None], NOW)
        places = np.array([place for place, row in enumerate(parsed) if row is not None])
        good = theirs.good.filter(pl.col(POSITION).is_in(places[quickly.good].tolist()))
        assert same_rows(quickly.table.take(quickly.good), good)
        left = {*theirs.good[POSITION], *theirs.refused[POSITION]}
        assert not left & set(places[quickly.other].tolist())
    ours = row_judge.judge(lines, NOW)
    assert ours.good.tolist() == theirs.good[POSITION].to_list()
    assert same_rows(ours.table, theirs.good)
    refused = dict(
        zip(theirs.refused[POSITION], zip(theirs.refused["reasons"], theirs.refused["why"], strict=True), strict=True)
    )
    assert {k: (list(codes), list(why)) for k, (codes, why) in ours.refused.items()} == {
        k: (list(codes), list(why)) for k, (codes, why) in refused.items()
    }
    prints = frame_prints(spec.sources["shop"], theirs.good)
    assert (ours.prints is None) == (prints is None)
    if prints is not None and ours.prints is not None:
        assert ours.prints.keys.tolist() == prints.keys.tolist()
        assert ours.prints.prints.tolist() == prints.prints.tolist()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_delivery_fares_as_a_file_does(new_bench: Callable[[], Bench], data: st.DataObject) -> None:
    source = data.draw(sources())
    lines = as_lines(data.draw(rows(source, most=20)))
    spec, bench = system(shop=source), new_bench()
    bench.write("rows.jsonl", "\n".join(line.decode() for line in lines) + "\n")
    counts = bench.take(spec, live=True)["shop"].counts
    (found,) = Desk(spec).send("shop", body_of(lines))
    fates = list(found.fates)
    told = entries(bench.lake, "shop")
    assert sorted(found.refused) == sorted(position - 1 for position in told[POSITION])
    for position, codes, why in told.select(POSITION, "reasons", "why").iter_rows():
        assert list(found.refused[position - 1][0]) == list(codes)
        if not codes[0].startswith("conflict:"):
            assert list(found.refused[position - 1][1]) == list(why)
    assert fates.count("accepted") == counts.accepted
    assert fates.count("duplicate") == counts.duplicates
    assert fates.count("other") == counts.other_rows
    if counts.accepted:
        kept = bench.lake.read("shop")
        assert found.rows.tolist() == [position - 1 for position in kept["_position"]]
        assert same_rows(found.table, kept)
        if spec.sources["shop"].time is not None and spec.sources["shop"].kind != "table":
            assert found.time.tolist() == kept["_time"].dt.timestamp("us").to_list()


ORDERS = {
    "path": "orders.jsonl",
    "id": "order",
    "time": "at",
    "columns": {"order": "string", "price": {"type": "float", "min": 0}, "at": "time"},
}
PRICES = {"path": "prices.jsonl", "key": "item", "columns": {"item": "string", "price": "float"}}


def order(name: str, price: float) -> bytes:
    return b'{"order": "%s", "price": %r, "at": "2025-01-01T10:00:00Z"}' % (name.encode(), price)


def test_an_event_that_came_before_is_a_duplicate_or_a_conflict() -> None:
    desk = Desk(system(orders=ORDERS))
    assert desk.fates("orders", order("a", 1.0), order("a", 1.0), order("a", 2.0)) == [
        ["accepted"],
        ["duplicate"],
        ["conflict"],
    ]
    assert desk.fates("orders", body_of([order("a", 2.0), order("a", 1.0), order("b", 1.0), order("b", 1.0)])) == [
        ["conflict", "duplicate", "accepted", "duplicate"]
    ]
    assert "polars" in sys.modules  # by these tests; the next test shows that the server does not need it
    assert [record.kind for record in desk.journal.records] == ["events", "refused", "events", "refused"]


def test_good_rows_and_their_repetitions_need_no_polars() -> None:
    code = """
import sys
from tests.data.test_reception_light import run
run()
assert not {"polars", "deltalake"} & set(sys.modules), "loaded"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_row_in_flight_is_known_before_it_is_written() -> None:
    desk = Desk(system(orders=ORDERS))
    first = desk.reception.judge([desk.reception.read("orders", order("a", 1.0), ROOM)], NOW)
    again = desk.reception.judge([desk.reception.read("orders", order("a", 1.0), ROOM)], NOW)
    assert [first[0].fates, again[0].fates] == [["accepted"], ["duplicate"]]


def test_what_could_not_be_written_never_came() -> None:
    desk = Desk(system(orders=ORDERS))
    bodies = [order("a", 1.0), body_of([order("a", 1.0), order("b", 1.0)])]
    failed = desk.reception.judge([desk.reception.read("orders", body, ROOM) for body in bodies], NOW)
    desk.reception.forget_unwritten(failed)
    assert desk.fates("orders", order("a", 2.0), order("b", 2.0)) == [["accepted"], ["accepted"]]


class Panic(BaseException):
    """What Polars raises where it fails inside is no `Exception`."""


@pytest.mark.parametrize("fault", [StateError("the lake cannot be read"), Panic("inside Polars")])
@pytest.mark.parametrize("within", ["looking up", "concluding"])
def test_what_could_not_be_judged_never_came(
    monkeypatch: pytest.MonkeyPatch, fault: BaseException, within: str
) -> None:
    """Not the rows of the source at fault, and not those of a source that was judged before it."""
    known = {name: KnownIds() for name in ("orders", "prices")}
    for ids in known.values():
        ids.add(np.array([7], np.uint64))  # an empty one would be replaced
    desk = Desk(system(orders=ORDERS, prices=PRICES), known=known)
    desk.send("prices", b'{"item": "a", "price": 1}')
    before = {name: len(ids) for name, ids in known.items()}
    again = body_of([b'{"item": "a", "price": 1}', b'{"item": "b", "price": 3}'])
    group = [desk.reception.read("orders", order("a", 1.0), ROOM), desk.reception.read("prices", again, ROOM)]

    def fail(*asked: Any) -> None:
        raise fault

    def conclude(judge: RowJudge, *rest: Any) -> list[Judged]:
        return fail() or [] if judge.name == "prices" else concluded(judge, *rest)

    with monkeypatch.context() as patched:
        if within == "looking up":
            patched.setattr(Stored, "find", fail)
        else:
            patched.setattr(reception, "concluded", conclude)
        with pytest.raises(type(fault)):
            desk.reception.judge(group, NOW)
    assert {name: len(ids) for name, ids in known.items()} == before
    assert desk.fates("orders", order("a", 1.0)) == [["accepted"]]
    assert desk.fates("prices", again) == [["duplicate", "accepted"]]


def test_a_table_takes_versions_but_one_a_delivery() -> None:
    desk = Desk(system(prices=PRICES))
    a1, a2 = b'{"item": "a", "price": 1}', b'{"item": "a", "price": 2}'
    assert desk.fates("prices", a1, a1, a2, a1) == [["accepted"], ["duplicate"], ["accepted"], ["accepted"]]
    assert desk.fates("prices", body_of([a1, a2, a1])) == [["duplicate", "conflict", "duplicate"]]
    assert desk.fates("prices", a2, a2) == [["accepted"], ["duplicate"]]


def test_rows_of_the_lake_are_known(bench: Bench) -> None:
    spec = system(orders=ORDERS, prices=PRICES)
    bench.write("orders.jsonl", f"{order('a', 1.0).decode()}\n{order('b', 1.0).decode()}\n")
    bench.write("prices.jsonl", '{"item": "a", "price": 1}\n')
    bench.take(spec, live=True)
    bench.write("prices.jsonl", '{"item": "a", "price": 2}\n')
    bench.take(spec, live=True)
    known = {name: known_in_lake(bench.lake, name, spec.sources[name]) for name in spec.sources}
    assert {name: len(ids) for name, ids in known.items() if ids is not None} == {"orders": 2, "prices": 2}
    desk = Desk(spec, bench.lake.url, {name: ids for name, ids in known.items() if ids is not None})
    assert desk.fates("orders", order("a", 1.0), order("b", 2.0), order("c", 1.0)) == [
        ["duplicate"],
        ["conflict"],
        ["accepted"],
    ]
    items = [b'{"item": "a", "price": 2}', b'{"item": "a", "price": 1}', b'{"item": "a", "price": 1}']
    assert desk.fates("prices", *items) == [["duplicate"], ["accepted"], ["duplicate"]]


def test_the_journal_is_replayed_at_start() -> None:
    spec = system(orders=ORDERS, prices=PRICES)
    desk = Desk(spec)
    desk.send("orders", body_of([order("a", 1.0), order("b", -1.0), order("c", 3.0)]), order("d", 4.0))
    desk.send("prices", b'{"item": "a", "price": 1}')
    after = Desk(spec)
    after.journal.records = desk.journal.records
    replayed = list(after.reception.replay(desk.journal.records))
    assert [(one.source, one.table.height) for one in replayed] == [("prices", 1), ("orders", 3)]
    assert replayed[1].table["order"].to_list() == ["a", "c", "d"]
    assert replayed[0].time.tolist() == [NOW]
    assert after.fates("orders", order("a", 1.0), order("c", 9.0), order("b", 1.0)) == [
        ["duplicate"],
        ["conflict"],
        ["accepted"],
    ]


def test_a_source_that_is_not_there() -> None:
    with pytest.raises(NoSuchSource, match="did you mean 'orders'") as error:
        Desk(system(orders=ORDERS)).reception.read("order", b"{}", ROOM)
    assert error.value.status == 404


def test_one_row_that_cannot_be_read_costs_that_row_only() -> None:
    desk = Desk(system(orders=ORDERS))
    broken = b'{"order": "b", "price": 1e999, "at": "2025-01-01T10:00:00Z"}'
    (found,) = desk.send("orders", body_of([order("a", 1.0), broken, order("c", -1.0)]))
    assert found.fates == ["accepted", "quarantined", "quarantined"]
    assert [codes for codes, _ in found.refused.values()] == [("type:price",), ("range:price",)]
