"""The journal: what it keeps, in which order, through clocks, kills of its process, full disks and damage."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl
import pytest
from tests.data.conftest import NOW, Fixed

from poise.data import delta, journal_checkpoint, journal_wal
from poise.data.journal import AGAIN, Entry, Journal
from poise.data.journal_checkpoint import Checkpoints
from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL, LARGEST_WAL, beside
from poise.errors import StateError


def some(count: int = 1, source: str = "orders", size: int = 10) -> Entry:
    return Entry("events", source, count, b"\n".join([b"x" * size] * count))


@contextmanager
def opened(folder: Path, clock: Fixed | None = None) -> Iterator[Journal]:
    journal = Journal.open(folder, clock or Fixed())
    try:
        yield journal
    finally:
        journal.close()


def test_records_come_back_in_order_with_their_rows(tmp_path: Path) -> None:
    refused = Entry("refused", "orders", 1, b'{"row": 1}')
    with opened(tmp_path / "a" / "journal") as journal:
        assert journal.append([some(2), refused, Entry("decisions", "", 1, b"{}")]) == [1, 3, 4]
        assert journal.append([some(1, "users")], [(1, NOW + 5)]) == [5]
        name = journal.id
    with opened(tmp_path / "a" / "journal") as journal:
        assert journal.id == name and journal.rows_waiting == 5 and journal.size > 0
        records = list(journal.after(0))
        assert [(r.first, r.last, r.kind, r.source) for r in records] == [
            (1, 2, "events", "orders"),
            (3, 3, "refused", "orders"),
            (4, 4, "decisions", ""),
            (5, 5, "events", "users"),
        ]
        assert records[0].rows() == [b"x" * 10] * 2 and records[0].known == NOW + 5
        assert [r.known for r in records[1:3]] == [NOW, NOW]
        assert [r.first for r in journal.after(3, kinds=["events"])] == [5]
        assert [r.first for r in journal.after(0, most_rows=3)] == [1, 3]
        assert journal.append([some()]) == [6]


def test_time_never_goes_back(tmp_path: Path) -> None:
    clock = Fixed()
    with opened(tmp_path, clock) as journal:
        journal.append([some()])
        clock.at -= 1000
        journal.append([some()], [(1, NOW + 7)])
        journal.append([some()])
        journal.append([Entry("decisions", "", 1, b"{}", not_before=NOW + 9)])
        assert [r.at for r in journal.after(0)] == [NOW, NOW, NOW + 7, NOW + 9]
        while journal.prune({"orders": 9, "": 9}):
            pass
    with opened(tmp_path, clock) as journal:
        assert journal.at == NOW + 9 and journal.rows_waiting == 0
        assert journal.append([some()]) == [5], "positions are never given again"
        assert next(journal.after(0)).at == NOW + 9


def test_events_without_a_known_get_one_after_all_that_is_written(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append([some()])
        journal.append([Entry("decisions", "", 1, b"{}", not_before=NOW + 50)])
        assert [r.known for r in journal.after(0)] == [None, NOW + 50]
    with opened(tmp_path) as journal:
        assert [r.known for r in journal.after(0)] == [NOW + 50, NOW + 50]


def test_one_process_holds_it(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StateError, match=f"held by process {os.getpid()}"):
        Journal.open(tmp_path, Fixed())
    with opened(tmp_path) as journal:
        assert journal.rows_waiting == 0


def test_a_count_that_is_not_the_lines_is_a_fault(tmp_path: Path) -> None:
    with opened(tmp_path) as journal, pytest.raises(ValueError, match="says 2 rows"):
        journal.append([Entry("events", "orders", 2, b"{}")])


def test_pruned_positions_are_no_gap_and_others_are(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for n in range(200):
            journal.append([some(2, "a" if n % 2 else "b")])
        dropped = 0
        while step := journal.prune({"a": 300, "b": 10}):
            assert step <= 200
            dropped += step
        left = [r.first for r in journal.after(0)]
        assert dropped + journal.rows_waiting == 400
        assert left == [1 + 2 * n for n in range(200) if not (2 * n + 2 <= (300 if n % 2 else 10))]
    with opened(tmp_path) as journal:
        assert [r.first for r in journal.after(0)] == left
    tamper(tmp_path, "DELETE FROM records WHERE first IN (389, 391, 397)")
    with pytest.raises(StateError, match=r"positions 389 to 392, 397 to 398 are missing .*backup"):
        Journal.open(tmp_path, Fixed())


def tamper(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / JOURNAL, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_changed_body_is_told_and_where(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append([some(3)])
    tamper(tmp_path, "UPDATE records SET body = CAST(replace(body, 'x', 'y') AS BLOB)")
    with opened(tmp_path) as journal, pytest.raises(StateError, match=r"journal\.db is damaged: .* 1 to 3 .*backup"):
        list(journal.after(0))
    with pytest.raises(StateError, match="positions 1 to 3"):
        list(reading(tmp_path).after(0))


@pytest.mark.parametrize("size", [0, 100, 4096, 20_000])
def test_a_truncated_file_is_told(tmp_path: Path, size: int) -> None:
    with opened(tmp_path) as journal:
        for _ in range(20):
            journal.append([some(20, size=500)])
    os.truncate(tmp_path / JOURNAL, size)
    with pytest.raises(StateError, match=r"journal\.db is damaged"), opened(tmp_path) as journal:
        list(journal.after(0))


def test_a_file_of_noise_or_none_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append([some()])
    (tmp_path / JOURNAL).write_bytes(b"not a database, by far" * 400)
    with pytest.raises(StateError, match="damaged"):
        Journal.open(tmp_path, Fixed())
    (tmp_path / JOURNAL).unlink()
    with pytest.raises(StateError, match="the file is gone"):
        Journal.open(tmp_path, Fixed())
    with opened(tmp_path / "other"):
        pass
    (tmp_path / "other" / JOURNAL).rename(tmp_path / JOURNAL)
    with pytest.raises(StateError, match="it is journal"):
        Journal.open(tmp_path, Fixed())


def test_a_journal_that_ends_before_the_lake_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append([some(5)])
    lake, rows = tmp_path / "lake", pl.DataFrame({"x": [1]})
    for position in (5, 6):
        delta.write(str(lake / "accepted" / "orders"), rows, upto=(f"journal:{journal.id}", position))
        delta.write(str(lake / "accepted" / "orders"), rows)  # what a file brings says nothing of it
        delta.write(str(lake / "raw" / "orders"), rows, upto=("journal:another", 900))
        if position == 5:
            Journal.open(tmp_path, Fixed(), str(lake)).close()
    with pytest.raises(StateError, match="ends at position 5, and the lake has its rows up to 6"):
        Journal.open(tmp_path, Fixed(), str(lake))


def test_a_full_disk_writes_nothing_and_it_goes_on_once_there_is_room(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.append([some(2)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(StateError, match=r"journal\.db .*\(look at the disk, its free space"):
                journal.append([some(), some(500, size=1000)], [(1, NOW)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [(r.first, r.known) for r in journal.after(0)] == [(1, None)]
        assert journal.append([some()], [(1, NOW + 1)]) == [3]
    with opened(tmp_path) as journal:
        assert [(r.first, r.known) for r in journal.after(0)] == [(1, NOW + 1), (3, NOW + 1)]


def test_no_room_in_the_database_is_said_as_a_full_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal._connection.execute("PRAGMA max_page_count = 20").fetchall()
        with pytest.raises(StateError, match="is full: nothing was written"):
            journal.append([some(500, size=1000)])
        journal._connection.execute("PRAGMA max_page_count = 1000").fetchall()
        assert journal.append([some(500, size=1000)]) == [1]


def test_the_log_begins_anew_where_nobody_else_sees_to_it(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        file, log = tmp_path / JOURNAL, tmp_path / f"{JOURNAL}-wal"
        before = file.stat().st_size
        for _ in range(14):
            journal.append([some(size=AGAIN)])
            journal.catch_up()
        assert file.stat().st_size == before, "too little for that"
        for _ in range(60):
            journal.append([some(size=AGAIN)])
            journal.catch_up()
            assert log.stat().st_size < LARGEST_WAL + 3 * AGAIN
        assert file.stat().st_size > 48 * AGAIN
        assert journal.rows_waiting == len(list(journal.after(0))) == 74


def test_another_brings_over_what_was_written_beside_who_writes(tmp_path: Path) -> None:
    """As the drain does: who writes has little left to do when the log is to begin anew, and neither loses anything."""
    with opened(tmp_path) as journal:
        file, log = tmp_path / JOURNAL, tmp_path / f"{JOURNAL}-wal"
        before, troubles = file.stat().st_size, list[StateError]()
        with closing(Checkpoints(tmp_path, troubles.append)):
            journal.append([some(size=10 * AGAIN)])
            until = time.monotonic() + 30
            while file.stat().st_size < before + 10 * AGAIN:
                assert time.monotonic() < until
                time.sleep(0.01)
            for _ in range(100):
                journal.append([some(size=AGAIN)])
                journal.catch_up()
                assert log.stat().st_size < 2 * LARGEST_WAL
        assert journal.rows_waiting == len(list(journal.after(0))) == 101 and not troubles
    with opened(tmp_path) as journal:
        assert [one.first for one in journal.after(0)] == list(range(1, 102))


BESIDE = """
    import sys, time
    from contextlib import closing
    from pathlib import Path
    from poise.data.journal_checkpoint import Checkpoints
    from poise.data.journal_reader import reading
    while True:
        with closing(reading(Path(sys.argv[1]))) as journal, closing(Checkpoints(Path(sys.argv[1]), print)):
            time.sleep(0.15)
            assert journal.newest("events", 1)
        print("once", flush=True)
"""


def test_processes_that_come_and_go_beside_who_writes_take_nothing_from_it(tmp_path: Path) -> None:
    """SQLite's locks belong to a process, not to a file that it opened: nobody may open these files past SQLite."""
    with opened(tmp_path) as journal:
        journal.append([some()])
        command = [sys.executable, "-c", textwrap.dedent(BESIDE), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            count = 1
            for _ in range(5):
                assert other.stdout.readline() == b"once\n"
                for _ in range(20):
                    journal.append([some(size=AGAIN)])
                    journal.catch_up()
                    count += 1
            other.kill()
        assert journal.rows_waiting == len(list(journal.after(0))) == count


def test_who_brings_over_commits_nothing_and_waits_for_nobody_who_does(tmp_path: Path) -> None:
    """Else a drain that is stopped amid it would keep the server from writing, and could not start on a full disk."""
    with opened(tmp_path) as journal:
        journal.append([some()])
        log = tmp_path / f"{JOURNAL}-wal"
        written = log.read_bytes()
        journal._connection.execute("BEGIN IMMEDIATE")
        with closing(beside(tmp_path / JOURNAL)) as connection:
            busy, pages, there = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            assert not busy and pages == there > 0
        journal._connection.execute("ROLLBACK")
        assert log.read_bytes() == written


def test_trouble_with_bringing_over_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_checkpoint, "LATEST", 0.05)
    troubles, there = list[StateError](), threading.Event()
    with closing(Checkpoints(tmp_path, lambda error: (troubles.append(error), there.set()))):
        assert there.wait(30) and "journal.db" in str(troubles[0])
        assert not (tmp_path / JOURNAL).exists(), "it makes none"
        with opened(tmp_path) as journal:
            before = (tmp_path / JOURNAL).stat().st_size
            journal.append([some(size=AGAIN)])
            until = time.monotonic() + 30
            while (tmp_path / JOURNAL).stat().st_size < before + AGAIN:
                assert time.monotonic() < until
                time.sleep(0.01)


def test_a_log_that_is_brought_over_while_it_is_looked_at_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain that outlives its killed server brings all over, and takes the log away as the last that has it open."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], check=True)
    log, lost = tmp_path / f"{JOURNAL}-wal", journal_wal._lost
    assert log.stat().st_size > 0

    def meanwhile(file: Path, index: journal_wal._Index) -> str:
        with closing(sqlite3.connect(file)) as drain:
            drain.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        assert not log.exists()
        return lost(file, index)

    monkeypatch.setattr(journal_wal, "_lost", meanwhile)
    with opened(tmp_path) as journal:
        assert journal.rows_waiting == 1


def test_a_commit_of_one_record_is_all_or_nothing_too(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal._connection.execute("PRAGMA max_page_count = 20").fetchall()
        assert journal.append([some()]) == [1]
        with pytest.raises(StateError, match="nothing was written"):
            journal.append([some(size=500_000)])
        assert not journal._connection.in_transaction
        assert journal.append([some()]) == [2]
    with opened(tmp_path) as journal:
        assert [one.first for one in journal.after(0)] == [1, 2]


KILLED = """
    import os
    import sys
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Entry, Journal
    journal = Journal.open(Path(sys.argv[1]), Clock())
    journal.append([Entry("events", "orders", 1, b"{}")])
    os._exit(0)
"""
READ_ONLY = """
    import sys
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Journal
    from poise.errors import StateError
    for folder in sys.argv[1:]:
        try:
            Journal.open(Path(folder), Clock())
        except StateError as error:
            print(error)
"""


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    there, none = tmp_path / "there", tmp_path / "none"
    with opened(there):
        pass
    none.mkdir()
    for path in (there, there / JOURNAL, there / "lock", none):
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [sys.executable, "-c", textwrap.dedent(READ_ONLY), str(there), str(none)]
    if os.geteuid() == 0:  # root may write everywhere, unless this is taken from it
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("Permission denied (the folder must be there and writable" in line for line in lines)
    (there / "lock").chmod(0o644)
    there.chmod(0o755)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "make the file and its folder writable" in done.stdout


def test_the_log_and_the_file_stay_small(tmp_path: Path) -> None:
    """Readers amid their reading do not keep the write-ahead log from being used again; pruned room is given back."""
    with opened(tmp_path) as journal:
        reader = reading(tmp_path)
        for n in range(400):
            first = journal.append([some(100, size=2000)], [(1 + 100 * (n - 1), NOW)] if n else [])[0]
            if n % 50 == 10:
                slow = reader.after(first - 1000)
                next(slow)
            journal.catch_up()
            assert (tmp_path / f"{JOURNAL}-wal").stat().st_size <= LARGEST_WAL + 4 * AGAIN
        grown = journal.size
        while journal.prune({"orders": first}):
            pass
        for _ in range(40):
            journal.append([some()])
            journal.prune({"orders": 10**9})
        reader.close()
    assert grown > 80e6 and (tmp_path / JOURNAL).stat().st_size < grown / 2
    assert len(list((tmp_path).glob("*-wal"))) == 0


def test_another_process_reads_what_is_settled(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no journal"):
        reading(tmp_path)
    with opened(tmp_path) as journal:
        journal.append([some(), Entry("decisions", "", 1, b"{}")])
        reader = reading(tmp_path)
        assert reader.id == journal.id
        assert list(reader.after(0)) == [], "nothing at or after an event whose known is not written"
        journal.append([some()], [(1, NOW + 3)])
        assert [(r.first, r.known) for r in reader.after(0)] == [(1, NOW + 3), (2, NOW)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("DELETE FROM records")
        reader.close()
