"""The state database between processes, and what it says when the file cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poise.errors import MissingExtra, StateError
from poise.stores import state_url
from poise.stores.state import State

EACH = 15

WRITER = """
import sys, time
from poise.stores.state import State

url, start, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
time.sleep(max(0.0, start - time.time()))  # all open the database at the same moment
state = State(url, "shop")
names = [state.next_name("release") for _ in range(count)] if count else iter(lambda: state.next_name("release"), "")
for name in names:
    state.record(name, "released", folder=name, act="release", why="")
    state.promote(name, why="")
    print(name, flush=True)
"""


def writer(url: str, *, start: float = 0.0, count: int = 0) -> subprocess.Popen[str]:
    """A process that records and promotes `count` releases (0: for ever) and prints their names."""
    arguments = [sys.executable, "-c", WRITER, url, str(start), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_processes_never_get_the_same_name_and_no_history_line_is_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/state.db"
    start = time.time() + 1.5
    writers = [writer(url, start=start, count=EACH) for _ in range(3)]
    names = [name for w in writers for name in w.communicate(timeout=120)[0].split()]
    assert sorted(names, key=lambda n: int(n[1:])) == [f"r{i}" for i in range(1, 3 * EACH + 1)]
    state = State(url, "shop")
    history = state.history()
    assert [h.seq for h in history] == list(range(1, 6 * EACH + 1))
    promoted = [h.subject for h in history if h.act == "promote"]
    live = state.live()
    assert live is not None and live.release == promoted[-1]
    froms = [h.details["from"] for h in history if h.act == "promote"]
    assert froms == [None, *promoted[:-1]], "each promotion knows what it replaced"


def test_a_killed_writer_leaves_a_consistent_state(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    process = writer(url)
    state = State(url, "shop")
    deadline = time.monotonic() + 60
    while state.seq() < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=30)
    history = state.history()
    assert [h.seq for h in history] == list(range(1, len(history) + 1))
    live = state.live()
    assert live is not None and live.release == [h.subject for h in history if h.act == "promote"][-1]


def test_a_lock_that_is_held_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_url, "BUSY_SECONDS", 0.1)
    state = State(f"sqlite:///{tmp_path}/state.db", "shop")
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match=r"locked by another process \(wait for it"):
        state.next_name("release")
    assert state.live() is None, "readers go on"
    holder.execute("ROLLBACK")
    holder.close()
    assert state.next_name("release") == "r1"


@pytest.mark.parametrize("content", [b"this is not a database " * 400, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StateError, match=r"state\.db: .*(not a state database|damaged)"):
        State(f"sqlite:///{tmp_path}/state.db", "shop")


def test_a_read_only_database_can_be_read(tmp_path: Path) -> None:
    State(f"sqlite:///{tmp_path}/state.db", "shop").note("note", "x", why="")
    state = State(f"sqlite:///file:{tmp_path}/state.db?mode=ro&uri=true", "shop")
    assert len(state.history()) == 1
    with pytest.raises(StateError, match="read-only"):
        state.note("note", "y", why="")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    State(f"sqlite:///{tmp_path}/state.db", "shop").close()
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("UPDATE meta SET value = '7'")
    raw.close()
    with pytest.raises(StateError, match="format 7; this Poise reads formats up to 3"):
        State(f"sqlite:///{tmp_path}/state.db", "shop")


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as raw:
        raw.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    raw.close()
    with pytest.raises(StateError, match="format None"):
        State(f"sqlite:///{tmp_path}/state.db", "shop")


def test_addresses_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="not a database address"):
        State("state.db", "shop")
    with pytest.raises(StateError, match="not a database address"):
        State("oracel://x/y", "shop")
    with pytest.raises((MissingExtra, StateError), match="driver"):
        State("postgresql://localhost/x", "shop")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="folder of the state database"):
        State(f"sqlite:///{tmp_path}/file/state.db", "shop")
