"""Looking often whether the state changed: nothing that anybody writes is missed, and a quiet file is not opened."""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from poise.errors import StateError
from poise.stores import state as state_module
from poise.stores.state import State
from poise.stores.state_mark import SETTLED


def state(folder: Path) -> State:
    return State(f"sqlite:///{folder / 'state.db'}", "shop")


def test_every_line_is_seen_whenever_it_is_written(tmp_path: Path) -> None:
    looks, writes, drawn = state(tmp_path), state(tmp_path), random.Random(1)
    for number in range(1, 40):
        writes.note("note", "r1", why=f"line {number}")
        assert looks.seq() == number, "at once"
        time.sleep(drawn.choice([0, 0.002, SETTLED + 0.02]))
        assert looks.seq() == number


def test_a_look_that_meets_a_write_sees_it_at_the_next_one(tmp_path: Path) -> None:
    looks, writes = state(tmp_path), state(tmp_path)
    over = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not over.is_set():
            seen.append(looks.seq())

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(50):
        writes.note("note", "r1", why=f"line {number}")
    over.set()
    thread.join()
    assert seen == sorted(seen)
    assert looks.seq() == 50
    time.sleep(SETTLED + 0.02)
    assert looks.seq() == 50


def test_a_quiet_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = state(tmp_path)
    looks.note("note", "r1", why="a line")
    time.sleep(SETTLED + 0.05)
    assert looks.seq() == 1
    monkeypatch.setattr(state_module, "last_number", lambda *_: pytest.fail("it was opened"))
    assert looks.seq() == 1


def test_a_file_that_is_gone_or_another_one_is_not_taken_for_a_quiet_one(tmp_path: Path) -> None:
    looks = state(tmp_path)
    looks.note("note", "r1", why="a line")
    time.sleep(SETTLED + 0.05)
    assert looks.seq() == 1
    shutil.copy(tmp_path / "state.db", tmp_path / "kept")
    for _ in range(2):
        looks.note("note", "r1", why="another line")
    time.sleep(SETTLED + 0.05)
    assert looks.seq() == 3
    shutil.copy(tmp_path / "kept", tmp_path / "other")
    (tmp_path / "other").replace(tmp_path / "state.db")
    assert looks.seq() == 1
    (tmp_path / "state.db").unlink()
    with pytest.raises(StateError):
        looks.seq()
