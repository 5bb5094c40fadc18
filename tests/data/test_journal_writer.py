"""The writer: groups, what may wait, failures that stay with their group, κ, and the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.conftest import NOW, Fixed

from poise.data.journal import Entry, Journal, Kind
from poise.data.journal_writer import Limits, Writer, Written, merged
from poise.errors import Overloaded, PoiseError, StateError


class Panic(BaseException):
    """What Polars raises where it fails inside is no `Exception`."""


UNFIT = StateError("the lake cannot be read")


class Bench:
    """A writer of numbers whose judge can be held up, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal.open(folder, Fixed())
        self.groups: list[Written[int]] = []
        self.failures: list[tuple[list[int], PoiseError]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.in_judge = threading.Event()
        self.known: int | None = NOW
        self.writer = self.start()

    def start(self, **limits: float) -> Writer[int]:
        return Writer(self.journal, self.judge, self.applied, self.failed, Limits(**limits))  # type: ignore[arg-type]

    def judge(self, items: Sequence[int]) -> list[list[Entry] | BaseException]:
        self.in_judge.set()
        self.gate.wait()
        if 13 in items:
            raise RuntimeError("unlucky")
        if 15 in items:
            raise Panic("inside Polars")
        size = 10**6 if 99 in items else 1
        return [UNFIT if n == 16 else [Entry("events", f"s{n % 2}", 1, b"%d" % n * size)] for n in items]

    def applied(self, group: Written[int]) -> None:
        self.groups.append(group)
        if self.known is not None:
            self.writer.settled(group.events, self.known)
        if 77 in group.items:
            raise RuntimeError("nobody listens")

    def failed(self, items: Sequence[int], error: PoiseError) -> None:
        self.failures.append((list(items), error))

    def hold(self, first: int) -> None:
        """Let the writer be busy with one item until the gate opens."""
        self.gate.clear()
        self.in_judge.clear()
        self.writer.submit(first)
        self.in_judge.wait()

    def stored(self) -> dict[int, int]:
        """Position -> number."""
        return {r.first + k: int(row) for r in self.journal.after(0) for k, row in enumerate(r.rows())}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.gate.set()
    made.writer.close()
    made.journal.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_waits_is_one_group_and_each_knows_its_position(bench: Bench) -> None:
    bench.hold(0)
    for n in range(101, 141):
        bench.writer.submit(n)
    assert bench.writer.waiting == 40
    bench.gate.set()
    bench.writer.close()
    assert [len(group.items) for group in bench.groups] == [1, 40]
    assert len(list(bench.journal.after(0))) == 3, "one record per source of a group"
    said = {first[0]: n for group in bench.groups for n, first in zip(group.items, group.firsts, strict=True)}
    assert said == bench.stored() and len(said) == 41


def test_many_threads_lose_nothing(bench: Bench) -> None:
    def submit(start: int) -> None:
        for n in range(start, start + 100):
            bench.writer.submit(n)

    threads = [threading.Thread(target=submit, args=(1000 * k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.writer.close()
    assert sorted(bench.stored().values()) == sorted(1000 * k + n for k in range(1, 5) for n in range(100))


def test_a_group_has_at_most_so_many_rows(bench: Bench) -> None:
    bench.writer.close()
    bench.writer = bench.start(at_once=10)
    bench.hold(0)
    for n, rows in enumerate([4, 6, 1, 25, 9], start=1):
        bench.writer.submit(n, rows=rows)
    bench.gate.set()
    bench.writer.close()
    assert [group.items for group in bench.groups] == [(0,), (1, 2), (3,), (4,), (5,)]


@pytest.mark.parametrize(("rows", "size"), [(60, 1), (1, 600)])
def test_too_much_waiting_is_refused_in_a_sentence(bench: Bench, rows: int, size: int) -> None:
    bench.writer.close()
    bench.writer = bench.start(rows=100, size=1000)
    bench.hold(0)
    bench.writer.submit(1, rows, size)
    with pytest.raises(Overloaded, match=r"wait to be written.*; at most 100 rows") as caught:
        bench.writer.submit(2, rows, size)
    assert caught.value.retry_after > 0
    bench.gate.set()
    until(lambda: bench.writer.waiting == 0)
    bench.writer.submit(3, rows, size)
    bench.writer.close()
    assert sorted(bench.stored().values()) == [0, 1, 3]
    with pytest.raises(Overloaded, match="stopping"):
        bench.writer.submit(4)


def test_a_failing_group_fails_alone(bench: Bench) -> None:
    """A judge that breaks, a full disk, and a listener that breaks: the next group is written."""
    bench.hold(1)
    bench.writer.submit(13)
    bench.writer.submit(14)
    bench.gate.set()
    until(lambda: bool(bench.failures))
    items, error = bench.failures.pop()
    assert items == [13, 14] and "an unexpected error, logged as" in str(error)
    bench.writer.submit(77)
    until(lambda: len(bench.groups) == 2)
    bench.journal._connection.execute("PRAGMA max_page_count = 20").fetchall()
    bench.writer.submit(99)
    until(lambda: bool(bench.failures))
    items, error = bench.failures.pop()
    assert items == [99] and isinstance(error, StateError) and "is full: nothing was written" in str(error)
    bench.journal._connection.execute("PRAGMA max_page_count = 100000").fetchall()
    bench.writer.submit(2)
    bench.writer.close()
    assert list(bench.stored().values()) == [1, 77, 2] and list(bench.stored()) == [1, 2, 3]
    assert [record.known for record in bench.journal.after(0)] == [NOW] * 3, "no κ is lost by a failure"


def test_what_cannot_be_judged_leaves_the_rest_of_its_group_to_be_written(bench: Bench) -> None:
    bench.hold(1)
    for n in (2, 16, 3, 16):
        bench.writer.submit(n)
    bench.gate.set()
    bench.writer.submit(16)
    bench.writer.close()
    assert [n for items, _ in bench.failures for n in items] == [16, 16, 16]
    assert {error for _, error in bench.failures} == {UNFIT}
    said = {first[0]: n for group in bench.groups for n, first in zip(group.items, group.firsts, strict=True)}
    assert said == bench.stored() and sorted(said.values()) == [1, 2, 3]


def test_callers_are_told_a_number_and_the_log_the_rest(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.writer.submit(13)
    until(lambda: bool(bench.failures))
    told = str(bench.failures[0][1])
    assert "unlucky" not in told and "RuntimeError" not in told, "what a fault says may quote rows"
    number = told.rsplit(" ", 1)[1]
    (record,) = [one for one in caplog.records if number in one.getMessage()]
    assert record.exc_info is not None and "unlucky" in str(record.exc_info[1])


def test_a_panic_fails_its_group_and_the_next_is_written(bench: Bench) -> None:
    bench.writer.submit(15)
    until(lambda: bool(bench.failures))
    assert bench.failures[0][0] == [15] and bench.writer.alive
    bench.writer.submit(2)
    bench.writer.close()
    assert list(bench.stored().values()) == [2] and not bench.writer.alive


def test_nobody_waits_for_a_thread_that_has_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic() -> None:
        raise Panic("where nothing is expected to")

    assert bench.writer.alive
    bench.hold(1)
    bench.writer.submit(2)
    monkeypatch.setattr(bench.writer, "_prune", panic)
    bench.gate.set()
    until(lambda: not bench.writer.alive)
    until(lambda: bool(bench.failures))
    items, error = bench.failures[0]
    assert items == [2] and isinstance(error, StateError) and bench.writer.waiting == 0
    with pytest.raises(StateError, match="the thread that does so has ended"):
        bench.writer.submit(3)


def test_known_is_written_with_the_next_group_or_when_idle(bench: Bench) -> None:
    bench.writer.submit(1)
    until(lambda: next(bench.journal.after(0), None) is not None)
    until(lambda: next(bench.journal.after(0)).known == NOW)


def test_the_end_waits_for_known_but_not_forever(bench: Bench) -> None:
    bench.known = None
    bench.writer.submit(1)
    until(lambda: bool(bench.groups))
    closing = threading.Thread(target=bench.writer.close)
    closing.start()
    bench.writer.settled(bench.groups[0].events, NOW + 4)
    closing.join()
    assert next(bench.journal.after(0)).known == NOW + 4
    bench.writer = bench.start(leaving=0.01)
    bench.writer.submit(2)
    bench.writer.close()
    assert [record.known for record in bench.journal.after(0)] == [NOW + 4, None]


def test_pruning_happens_between_groups(bench: Bench) -> None:
    for n in range(300):
        bench.writer.submit(1000 + n)
        if n % 10 == 0:
            until(lambda: bench.writer.waiting == 0)
    until(lambda: bench.journal.rows_waiting == 300)
    bench.writer.prune({"s0": 10**9})
    until(lambda: bench.journal.rows_waiting == 150)
    bench.writer.prune({"s1": 10**9})
    until(lambda: bench.journal.rows_waiting == 0)


KINDS: list[Kind] = ["events", "refused"]
ENTRY = st.builds(
    lambda kind, source, rows: Entry(kind, source, len(rows), b"\n".join(rows)),
    st.sampled_from(KINDS),
    st.sampled_from(["a", "b"]),
    st.lists(st.binary(max_size=2).filter(lambda row: b"\n" not in row), min_size=1, max_size=4),
)


@given(st.lists(st.lists(ENTRY, max_size=3), max_size=6))
def test_merged_entries_hold_every_row_where_it_is_said_to_be(items: list[list[Entry]]) -> None:
    together, places = merged(items)
    assert len({(entry.kind, entry.source) for entry in together}) == len(together)
    assert sum(entry.count for entry in together) == sum(entry.count for item in items for entry in item)
    lines = [entry.body.split(b"\n") for entry in together]
    for item, told in zip(items, places, strict=True):
        for entry, (record, before) in zip(item, told, strict=True):
            assert (together[record].kind, together[record].source) == (entry.kind, entry.source)
            assert lines[record][before : before + entry.count] == entry.body.split(b"\n")
