"""A journal and its writer through kill -9, and the order of disk and acknowledgement."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from poise.clock import Clock
from poise.data.journal import Journal, Record
from poise.data.journal_tables import JOURNAL
from poise.errors import StateError

KILLED = """
    import sys, random
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Entry, Journal
    from poise.data.journal_writer import Writer
    journal = Journal.open(Path(sys.argv[1]), Clock())
    known = {int(row) for record in journal.after(0, most_rows=10**9) for row in record.rows()}
    def judge(items):
        return [[Entry("events", "orders", 1, b"%d" % n)] for n in items]
    def applied(group):
        print("\\n".join(f"{n} {first[0]}" for n, first in zip(group.items, group.firsts)), flush=True)
        writer.settled(group.events, Clock().now())
    writer = Writer(journal, judge, applied, print)
    n = max(known, default=0)
    while True:
        n += 1
        if writer.waiting < 200:
            writer.submit(n)
"""


def held(folder: Path) -> list[Record]:
    journal = Journal.open(folder, Clock())
    records = list(journal.after(0, most_rows=10**9))
    journal.close()
    return records


def survive(folder: Path, rounds: int) -> None:
    """Kill a process that writes, again and again: what it said was written is there, once, in order."""
    said: dict[int, int] = {}
    for n in range(rounds):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    row, _, position = line.strip().partition(" ")
                    if position and line.endswith("\n"):
                        said[int(row)] = int(position)
                    if len(said) > (n + 1) * (100 + 37 * n % 300):
                        process.send_signal(signal.SIGKILL)
            finally:
                process.kill()
        records = held(folder)
        there = [(int(row), record.first + k) for record in records for k, row in enumerate(record.rows())]
        assert all(record.known is not None for record in records)
        assert len(dict(there)) == len(there), "doubled"
        assert [position for _, position in there] == list(range(1, len(there) + 1))
        assert set(said.items()) <= set(there), "lost"


def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    survive(tmp_path, 3)


DIES = """
    import os, sys
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Entry, Journal
    journal = Journal.open(Path(sys.argv[1]), Clock())
    for n in range(30):
        journal.append([Entry("events", "orders", 1, b"x" * 3000)])
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """The folder of a process that was killed after 30 appends, all still in the write-ahead log."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(DIES), str(tmp_path)], check=False)
    return tmp_path


def test_what_a_killed_process_left_is_taken_up(died: Path) -> None:
    assert [record.first for record in held(died)] == list(range(1, 31))
    assert len(held(died)) == 30


@pytest.mark.parametrize("how", ["cut", "cut to nothing", "gone", "changed", "changed header", "zeroed"])
def test_a_log_that_lost_commits_is_told_each_time(died: Path, how: str) -> None:
    log = died / f"{JOURNAL}-wal"
    content = bytearray(log.read_bytes())
    if how == "gone":
        log.unlink()
    else:
        if how == "changed":
            content[len(content) // 2] ^= 1
        elif how == "changed header":
            content[17] ^= 1
        elif how == "zeroed":
            content[-4000:] = bytes(4000)
        log.write_bytes(content[: {"cut": len(content) // 2, "cut to nothing": 0}.get(how)])
    for _ in range(2):
        with pytest.raises(StateError, match=r"journal\.db is damaged: its last commits are cut off or changed"):
            Journal.open(died, Clock())
    log.write_bytes(content)
    if how in ("cut", "cut to nothing", "gone"):
        assert len(held(died)) == 30, "restored"


def test_an_index_older_than_the_log_says_nothing(died: Path) -> None:
    """As after a power cut: the log was synced, its index was not."""
    index = died / f"{JOURNAL}-shm"
    content = bytearray(index.read_bytes())
    content[32:36] = content[80:84] = b"else"
    index.write_bytes(content)
    assert len(held(died)) == 30


ACKNOWLEDGES = """
    import sys
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Entry, Journal
    from poise.data.journal_writer import Writer
    journal = Journal.open(Path(sys.argv[1]), Clock())
    def applied(group):
        for first in group.firsts:
            print(f"acknowledged {first[0]}", flush=True)
    writer = Writer(journal, lambda ns: [[Entry("events", "orders", 1, b"%d" % n)] for n in ns], applied, print)
    for n in range(20):
        writer.submit(n)
    writer.close()
"""
TRACED = re.compile(r"\d+\s+(pwrite64|fdatasync|fsync|write)\((\d+)<([^>]*)>(.*)")


def traced(folder: Path) -> list[tuple[str, str, str]]:
    """The calls of a process that acknowledges 20 rows: (call, file, the rest of the line)."""
    out = folder / "trace"
    strace = ["strace", "-f", "-qq", "-y", "-e", "trace=pwrite64,fdatasync,fsync,write", "-o", str(out)]
    done = subprocess.run(
        [*strace, sys.executable, "-c", textwrap.dedent(ACKNOWLEDGES), str(folder / "journal")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    found = [TRACED.match(line) for line in out.read_text().splitlines()]
    return [(call[1], call[3], call[4]) for call in found if call]


@pytest.mark.skipif(
    shutil.which("strace") is None and not os.environ.get("CI"), reason="no strace is installed (apt: strace)"
)
def test_the_disk_has_it_before_it_is_acknowledged(tmp_path: Path) -> None:
    dirty, synced, acknowledged = False, 0, 0
    for call, file, rest in traced(tmp_path):
        if file.endswith(f"{JOURNAL}-wal"):
            dirty = call == "pwrite64"
            synced += call != "pwrite64"
        elif call == "write" and "acknowledged" in rest:
            acknowledged += 1
            assert synced and not dirty, "acknowledged before the log was synced"
    assert acknowledged == 20


FILLS_UP = """
    import sys
    from pathlib import Path
    from poise.clock import Clock
    from poise.data.journal import Entry, Journal
    from poise.errors import StateError
    disk = Path(sys.argv[1])
    (disk / "other").write_bytes(bytes(5_000_000))
    journal = Journal.open(disk / "journal", Clock())
    entry = Entry("events", "orders", 1, b"x" * 20_000)
    firsts, refused = [], 0
    while refused < 3:
        try:
            firsts += journal.append([entry])
        except StateError as error:
            refused += 1
            print(error)
    (disk / "other").unlink()
    for _ in range(5):
        firsts += journal.append([entry])
    assert firsts == list(range(1, len(firsts) + 1)), firsts
    journal.close()
    journal = Journal.open(disk / "journal", Clock())
    assert [record.first for record in journal.after(0)] == firsts
    print("all there")
"""


def test_a_disk_that_is_full_and_then_has_room(tmp_path: Path) -> None:
    """A real one, of 8 MB, that only this test sees."""
    mounted = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    alone = ["unshare", "-rm", "sh", "-c", mounted, str(tmp_path)]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system of its own here (unshare -rm)")
    command = [*alone, sys.executable, "-c", textwrap.dedent(FILLS_UP), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4 and lines[-1] == "all there"
    assert all("is full: nothing was written (make room; then it goes on by itself)" in line for line in lines[:3])
