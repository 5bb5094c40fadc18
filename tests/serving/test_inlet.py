"""The inlet: judged, on disk, visible, acknowledged, in this order; and what happens when one of them fails."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.serving.bare import ASKED, desk, row, written

from poise.clock import AHEAD, DAY, HOUR, Clock
from poise.data.id_hash import Hashes
from poise.data.journal import Entry
from poise.data.prints_in_polars import frame_prints
from poise.errors import NoSuchSource, Overloaded, PoiseError, StateError
from poise.interfaces.http import request_id
from poise.serving import unhurried
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.write_trouble import TRIED_EVERY
from poise.stores.memory import MemoryStore
from poise.table import Column, History, Table


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return Loaded.of(written(tmp_path_factory.mktemp("bare")).train().folder)


def test_on_disk_then_visible_then_acknowledged(loaded: Loaded, tmp_path: Path) -> None:
    happened: list[str] = []
    with desk(loaded, tmp_path) as made:

        def on_disk(entries: Sequence[Entry]) -> None:
            happened.extend(f"{one.kind} on disk" for one in entries)
            if entries:
                assert made.answerer.store is not None and not visible, "visible before it was durable"

        visible: list[int] = []
        observe = made.online.observe
        made.online.observe = lambda groups: (visible.append(1), observe(groups))[1]  # type: ignore[method-assign]
        made.journal.appended = on_disk

        async def act() -> None:
            assert await made.fates(row(1)) == ["accepted"]
            happened.append("acknowledged")
            assert visible == [1]
            assert made.counted() == {"soup": 1.0, "rice": None}

        made.run(act)
        assert happened == ["events on disk", "acknowledged"]


def test_every_fate_and_its_record(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            first, at = row(1), Clock().now()
            told = await made.send(first, row(2, price=-1), row(1, dish="rice"), {**first}, row(3, at=at + 2 * DAY))
            assert [one["fate"] for one in told["rows"]] == [
                "accepted",
                "quarantined",
                "conflict",
                "duplicate",
                "quarantined",
            ]
            assert told["rows"][1]["reasons"][0]["code"] == "range:price"
            assert told["rows"][2]["reasons"][0] == {
                "code": "conflict:seen_id",
                "why": "seen_id s1 came before with other content",
            }
            assert told["rows"][4]["reasons"][0]["code"].startswith("future")
            assert told["counts"] == {"accepted": 1, "quarantined": 2, "conflict": 1, "duplicate": 1}
            assert await made.fates(first) == ["duplicate"]
            assert await made.fates({"dish": "soup", "kind": "cold"}, source="dishes") == ["accepted"]
            assert await made.fates({"dish": "soup", "kind": "cold"}, source="dishes") == ["duplicate"]
            assert await made.fates({"dish": "soup", "kind": "hot"}, source="dishes") == ["accepted"], "a new version"

        made.run(act)
        kinds = [kind for kind, _ in made.held()]
        assert kinds.count("events") == 3 and kinds.count("refused") == 3


def test_many_callers_share_a_group(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            rows = [row(n) for n in range(200)]
            told = await asyncio.gather(*(made.fates(one) for one in [*rows, rows[150], row(151, dish="rice")]))
            assert told == [["accepted"]] * 200 + [["duplicate"], ["conflict"]]
            assert await made.fates(rows[77], row(199, price=3)) == ["duplicate", "conflict"], "inside a shared record"
            assert made.counted()["soup"] == 200

        made.run(act)
        records = list(made.journal.after(0))
        assert sum(one.count for one in records if one.kind == "events") == 200 and len(records) < 100


def test_a_journal_that_fails_accepts_nothing_and_ids_are_free_again(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            made.journal.fails = StateError("the disk is full")
            for _ in range(2):
                found = await asyncio.gather(made.send(row(1)), made.send(row(2)), return_exceptions=True)
                assert all(isinstance(one, StateError) for one in found)
            assert made.counted()["soup"] is None
            made.journal.fails = None
            assert await made.fates(row(1), row(2)) == ["accepted", "accepted"]
            assert made.counted()["soup"] == 2

        made.run(act)
        assert len(made.held()) == 2


def test_while_nothing_can_be_written_the_inlet_says_so_and_finds_out_by_itself_when_it_can(
    loaded: Loaded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            assert made.inlet.trouble is None
            made.journal.fails = StateError("the disk is full")
            for number in range(20):
                with pytest.raises(StateError):
                    await made.send(row(number))
            assert "cannot be written to the disk" in (made.inlet.trouble or "")
            await asyncio.sleep(TRIED_EVERY * 1.5)
            assert made.inlet.trouble is not None, "a trial fails as well"
            made.journal.fails = None
            while made.inlet.trouble is not None:  # nobody sends anything
                await asyncio.sleep(0.05)
            assert await made.fates(row(1)) == ["accepted"]

        made.run(act)
        assert made.inlet.telemetry.counted["write_failures"][()] >= 21
        warned = [one.message for one in caplog.records if one.message.startswith("what comes in cannot be written")]
        assert warned == ["what comes in cannot be written: the disk is full"], "one in ten seconds"


def test_rows_that_cannot_be_judged_say_nothing_of_the_disk(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            made.journal.fails = ValueError("a fault")
            with pytest.raises(PoiseError):
                await made.send(row(1))
            assert made.inlet.trouble is None

        made.run(act)


def test_rows_that_cannot_be_judged_take_no_decision_with_them(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object) -> None:
        raise StateError("the lake cannot be read")

    with desk(loaded, tmp_path, durable=False) as made:

        async def act() -> None:
            monkeypatch.setattr(made.inlet.reception, "judge", judge)
            assert made.inlet.keep(made.answerer.decide(ASKED)) is None
            with pytest.raises(StateError, match="lake cannot be read"):
                await made.send(row(1))
            monkeypatch.undo()
            await made.send(row(1))

        made.run(act)
        assert sorted(kind for kind, _ in made.held()) == ["decisions", "events"]
        assert not made.inlet.telemetry.counted["unlogged"]


def test_a_decision_that_must_be_durable_is_on_disk_first(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            answer = made.answerer.decide(ASKED)
            waits = made.inlet.keep(answer)
            assert waits is not None
            await waits
            ((kind, line),) = made.held()
            kept = json.loads(line)
            assert kind == "decisions" and kept["ids"] == [json.loads(answer.body)["decision_id"]]
            made.journal.fails = StateError("the disk is full")
            failing = made.inlet.keep(made.answerer.decide(ASKED))
            assert failing is not None
            with pytest.raises(StateError, match="full"):
                await failing
            made.journal.fails = None

        made.run(act)


def test_a_buffered_decision_waits_for_nothing_and_is_written(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path, durable=False) as made:

        async def act() -> None:
            assert all(made.inlet.keep(made.answerer.decide(ASKED)) is None for _ in range(20))

        made.run(act)
        made.inlet.close()
        assert [kind for kind, _ in made.held()] == ["decisions"] * 20


@pytest.mark.parametrize("fields", [{"kind": object()}, {"kind": "\ud800"}], ids=["no form", "no text"])
def test_the_entry_of_a_buffered_decision_is_made_once_its_answer_has_gone(
    loaded: Loaded, tmp_path: Path, fields: dict[str, object]
) -> None:
    """And one of which none can be made costs no other its own."""
    with desk(loaded, tmp_path, durable=False) as made:
        counted = made.inlet.telemetry.stages["log"].counts

        async def act() -> None:
            good, bad = made.answerer.decide(ASKED), made.answerer.decide(ASKED)
            assert bad.kept is not None
            bad = msgspec.structs.replace(bad, kept=msgspec.structs.replace(bad.kept, fields=fields))
            made.inlet.keep(good)
            await asyncio.sleep(0)
            assert (sum(counted), made.inlet.unwritten) == (0, 1), "the long way sends answers in the next turn"
            await asyncio.sleep(0)
            assert sum(counted) == 1
            made.inlet.keep(bad)
            made.inlet.keep(good)
            assert (sum(counted), made.inlet.telemetry.counted["unlogged"]) == (1, {(): 1}), "they wait one at a time"

        made.run(act)
        made.inlet.close()
        assert [kind for kind, _ in made.held()] == ["decisions"] * 2
        assert sum(counted) == 2


def test_the_entry_of_an_answer_that_nobody_waits_for_is_made_in_no_request(loaded: Loaded, tmp_path: Path) -> None:
    """Else its span, and what the process's log says of it, would be put down to the next request."""
    with desk(loaded, tmp_path, durable=False) as made:
        seen: list[str] = []

        async def act() -> None:
            made.inlet.telemetry.listener = lambda *_: seen.append(request_id.current.get() or "nobody")
            for number in ("one", "two"):
                request_id.current.set(number)
                made.inlet.keep(made.answerer.decide(ASKED))
            for _ in range(3):
                await asyncio.sleep(0)

        made.run(act)
        assert seen == ["nobody", "nobody"]


def test_many_bytes_of_buffered_decisions_do_not_wait_for_more(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is written at once stays short."""
    with desk(loaded, tmp_path, durable=False) as made:
        monkeypatch.setattr(unhurried, "LINGER", 3_600.0)

        async def act() -> None:
            kept = made.answerer.decide(ASKED).kept
            assert kept is not None
            size = len(kept.encoded())
            monkeypatch.setattr(unhurried, "AT_ONCE", 5 * size)
            for _ in range(3):
                made.inlet.keep(made.answerer.decide(ASKED))
            await asyncio.sleep(0.1)
            assert not made.held()
            for _ in range(3):  # their ids and instants may make them a few bytes shorter
                made.inlet.keep(made.answerer.decide(ASKED))
            for _ in range(600):
                await asyncio.sleep(0.05)
                if made.held():
                    return

        made.run(act)
        assert made.held()


def test_buffered_decisions_wait_once_too_many_could_be_lost(
    loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unhurried, "MOST_BUFFERED", 5)
    goes_on = threading.Event()
    with desk(loaded, tmp_path, durable=False) as made:
        made.journal.appended = lambda _: (goes_on.wait(10), None)[1]

        async def act() -> None:
            waits = [made.inlet.keep(made.answerer.decide(ASKED)) for _ in range(8)]
            assert [one is None for one in waits] == [True] * 5 + [False] * 3
            goes_on.set()
            await asyncio.gather(*(one for one in waits if one is not None))
            assert made.inlet.keep(made.answerer.decide(ASKED)) is None, "all of them are on the disk"

        made.run(act)
        made.inlet.close()
        assert len(made.held()) == 9


def test_callers_who_hang_up_change_nothing(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            left = [asyncio.create_task(made.fates(row(n))) for n in range(5)]
            await asyncio.sleep(0)
            for task in left:
                task.cancel()
            assert await made.fates(row(99)) == ["accepted"]
            assert made.counted()["soup"] == 6, "what was handed in is written, whoever waits for it"

        made.run(act)


def test_close_writes_what_waits(loaded: Loaded, tmp_path: Path) -> None:
    goes_on = threading.Event()
    with desk(loaded, tmp_path) as made:
        made.journal.appended = lambda _: (goes_on.wait(10), None)[1]

        async def act() -> None:
            waiting = [asyncio.ensure_future(made.fates(row(n))) for n in range(10)]
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.05, goes_on.set)
            await asyncio.get_running_loop().run_in_executor(None, made.inlet.close)
            assert await asyncio.gather(*waiting) == [["accepted"]] * 10
            with pytest.raises(Overloaded, match="stopping"):
                await made.fates(row(11))

        made.run(act)
        assert len(made.held()) == 10 and all(record.known is not None for record in made.journal.after(0))


def test_what_was_made_visible_is_known_between_two_answers(loaded: Loaded, tmp_path: Path) -> None:
    """κ is after every T that was answered without the rows, and before every T that was answered with them."""
    with desk(loaded, tmp_path) as made:

        async def act() -> list[tuple[int, float]]:
            found = []
            for n in range(30):
                answer = made.answerer.decide(ASKED)
                scores = {one["dish"]: one["score"] for one in json.loads(answer.body)["shown"]}
                found.append((answer.instant, scores["soup"] or 0.0))
                await made.fates(row(n, at=Clock().now() - HOUR))
            return found

        answered = made.run(act)
        made.inlet.close()
        known = [record.known for record in made.journal.after(0)]
        for instant, count in answered:
            assert count == sum(one < instant for one in known if one is not None)


def test_no_such_source(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made, pytest.raises(NoSuchSource, match="did you mean 'seen'"):
        made.run(lambda: made.fates(row(1), source="seem"))


def test_the_journal_is_taken_in_at_the_next_start(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:
        made.run(lambda: made.fates(*(row(n) for n in range(7))))
    with desk(loaded, tmp_path, limits=Limits()) as made:
        for rows in made.reception.replay(made.journal.after(0)):
            made.kept.resume(rows)
        made.online.resume_at(made.journal.at)
        assert made.counted()["soup"] == 7
        assert made.run(lambda: made.fates(row(8), row(3, dish="rice"))) == ["accepted", "conflict"]


def test_rows_do_not_pile_up_where_nobody_asks(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            for n in range(40):
                await made.fates(row(n, at=Clock().now() - HOUR))

        made.run(act)
        store = made.answerer.store
        assert isinstance(store, MemoryStore)
        assert len(store._pending["seen"]) == 1, "only those of the last group, which the next answer sees"
        assert made.counted()["soup"] == 40


class Set(Clock):
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.at = super().now()

    def now(self) -> int:
        return self.at


def test_a_clock_that_is_set_back_hides_nothing(loaded: Loaded, tmp_path: Path) -> None:
    clock = Set()
    with desk(loaded, tmp_path, clock=clock) as made:

        async def act() -> None:
            await made.fates(row(1, at=clock.at - HOUR))
            assert made.counted()["soup"] == 1
            clock.at -= 3 * HOUR
            await made.fates(row(2, at=Clock().now() - HOUR))
            assert made.counted()["soup"] == 2, "T and κ stand still until the clock has caught up, and go on by steps"
            await made.fates(row(3, at=Clock().now() - 2 * HOUR))
            assert made.counted()["soup"] == 3

        made.run(act)
        made.inlet.close()
        known = [record.known or 0 for record in made.journal.after(0)]
        assert known == sorted(known) and known[-1] > clock.at


def test_an_event_of_the_next_minutes_waits_for_its_time(loaded: Loaded, tmp_path: Path) -> None:
    clock = Set()
    with desk(loaded, tmp_path, clock=clock) as made:

        async def act() -> None:
            assert await made.fates(row(1, at=Clock().now() + AHEAD // 2)) == ["accepted"]
            assert await made.fates(row(2, at=Clock().now() + 2 * AHEAD)) == ["quarantined"]
            assert made.counted()["soup"] is None
            clock.at += AHEAD
            assert made.counted()["soup"] == 1

        made.run(act)


def test_a_key_of_10_kb_and_very_many_keys(loaded: Loaded, tmp_path: Path) -> None:
    long = "é" * 5_000
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            assert await made.fates(row(long, dish=long)) == ["accepted"]
            assert await made.fates(row(long, dish="rice")) == ["conflict"]
            asked = json.dumps({"candidates": [{"dish": long, "price": 1}]}).encode()
            assert json.loads(made.answerer.decide(asked).body)["shown"][0]["score"] == 1
            for start in range(0, 20_000, 5_000):
                fates = await made.fates(*(row(n, dish=f"dish {n}") for n in range(start, start + 5_000)))
                assert set(fates) == {"accepted"}
            asked = json.dumps(
                {"candidates": [{"dish": f"dish {n}", "price": 1} for n in range(0, 20_000, 7)]}
            ).encode()
            assert {one["score"] for one in json.loads(made.answerer.decide(asked).body)["shown"]} == {1.0}

        made.run(act)


def arrived(loaded: Loaded, *numbers: int) -> tuple[History, Hashes]:
    """Rows of `seen` as another process hands them over, which it wrote to the lake a moment ago."""
    ids = [f"s{number}" for number in numbers]
    rows = Table({"dish": Column.strings(["soup"] * len(ids)), "price": Column.numbers([2.5] * len(ids))})
    at = np.full(len(ids), Clock().now() - HOUR // 2)
    prints = frame_prints(loaded.system.sources["seen"], pl.DataFrame({"seen_id": ids}))
    assert prints is not None
    return History("seen", "log", at, at, rows), prints.prints


def test_a_row_that_came_here_and_by_a_file_counts_once(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            assert await made.fates(row(1)) == ["accepted"]
            await asyncio.to_thread(made.inlet.take_up, *arrived(loaded, 1, 2))
            assert made.counted()["soup"] == 2.0

        made.run(act)


def test_rows_of_others_are_shown_when_they_come_again_after_a_failure(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        async def act() -> None:
            made.journal.fails = StateError("the disk is full")
            with pytest.raises(StateError, match="full"):
                await asyncio.to_thread(made.inlet.take_up, *arrived(loaded, 1, 2))
            made.journal.fails = None
            await asyncio.to_thread(made.inlet.take_up, *arrived(loaded, 1, 2))
            assert made.counted()["soup"] == 2.0

        made.run(act)


def test_rows_of_others_that_cannot_be_shown_leave_nobody_waiting(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        def fails(rows: History, upto: int | None) -> None:
            raise StateError("this came too late")

        made.online.take_up = fails  # type: ignore[method-assign]

        async def act() -> None:
            waits = asyncio.create_task(asyncio.to_thread(made.inlet.take_up, *arrived(loaded, 2)))
            assert await made.fates(row(1)) == ["accepted"]
            with pytest.raises(StateError, match="this came too late"):
                await waits
            assert "start the server again" in str(made.inlet.trouble)

        made.run(act)


def test_rows_that_no_answer_sees_are_not_called_accepted(loaded: Loaded, tmp_path: Path) -> None:
    with desk(loaded, tmp_path) as made:

        def fails(groups: object) -> int:
            raise MemoryError

        async def act() -> None:
            assert made.inlet.trouble is None
            made.online.observe = fails  # type: ignore[method-assign]
            with pytest.raises(StateError, match="on the disk, and no answer sees them"):
                await made.fates(row(1))
            assert made.inlet.trouble is not None

        made.run(act)
        made.inlet.close()
        assert all(one.known is not None for one in made.journal.after(0)), "the drain would wait for ever"
