"""Switches that something is in the way of: a state database that takes nothing, a folder that was changed, and what
people are told until it is mended."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from poise.clock import to_text
from poise.errors import Tampered
from poise.interfaces.contracts import live_at
from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.interfaces.cli.in_process import poise
from tests.journeys.switching import SOON, first_live, live
from tests.serving.bare import ASKED

REFUSING = """
CREATE TRIGGER full BEFORE INSERT ON history WHEN NEW.act = 'switch'
BEGIN SELECT RAISE(ABORT, 'no space left'); END
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """c1 is live; c2 sorts by another rule over the same features."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    return first_live(tmp_path)


def until(true: Callable[[], Any]) -> Any:
    """What `true` gives, once it gives something."""
    ends = time.monotonic() + SOON
    while not (found := true()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)
    return found


def answering(to: Connection, name: str) -> bool:
    status, said = to.exchange(to.request("/v1/decide", ASKED))
    assert status == 200, said
    return bool(json.loads(said)["release"] == name)


def ready(to: Connection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to.get("/health/ready")[1])
    return found


def metric(to: Connection, line: str) -> str:
    found = [one for one in to.get("/metrics")[1].decode().splitlines() if one.startswith(line + " ")]
    return found[0].rpartition(" ")[2] if found else "none"


def change(file: Path) -> bytes:
    """Change a byte; what was there."""
    before = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(before.replace(b'"show": 3', b'"show": 2'))
    assert file.read_bytes() != before
    return before


def acts(system: System, act: str) -> list[str]:
    return [row.subject for row in system.state.history() if row.act == act]


def test_a_switch_stands_where_the_history_takes_no_line_and_the_line_comes_later(system: System) -> None:
    with live(system.path) as server, Connection(server.port) as to:
        with closing(sqlite3.connect(system.settings.home / "state.db", isolation_level=None)) as database:
            database.execute(REFUSING)
            system.state.promote("c2", why="better")
            until(lambda: answering(to, "c2"))
            time.sleep(1.0)
            assert ready(to) == {"ready": True, "release": "c2"}
            assert metric(to, 'poise_switches_total{outcome="stay"}') in ("none", "0.0")
            assert acts(system, "switch") == acts(system, "stay") == []
            database.execute("DROP TRIGGER full")
        until(lambda: acts(system, "switch"))
        system.state.rollback(why="complaints")
        until(lambda: answering(to, "c1"))
        until(lambda: len(acts(system, "switch")) == 2)
    assert acts(system, "switch") == ["c2", "c1"] and acts(system, "stay") == []


def test_a_rollback_to_a_release_that_was_changed_is_refused_and_nothing_is_written(system: System) -> None:
    system.state.promote("c2", why="better")
    before = system.state.seq()
    change(system.folder("c1").path / "contract.json")
    done = poise(system.path.parent, "rollback", "--why", "complaints")
    assert done.returncode == Tampered.exit_code
    assert "c1 cannot answer: contract.json was changed" in " ".join(done.stderr.split())
    with pytest.raises(Tampered, match=r"contract\.json was changed"):
        system.rollback(why="complaints")
    assert system.state.seq() == before


def test_a_loaded_release_that_was_changed_does_not_come_back_until_it_is_restored(system: System) -> None:
    with live(system.path) as server, Connection(server.port) as to:
        system.state.promote("c2", why="better")
        until(lambda: answering(to, "c2"))
        file = system.folder("c1").path / "contract.json"
        before = change(file)
        system.state.rollback(why="somebody who wrote the database by hand")  # the command would refuse
        until(lambda: acts(system, "stay"))
        assert answering(to, "c2")
        said = until(lambda: ready(to) if "tried_again" in ready(to) else None)
        assert said["not_answering"] == ["c1"] and list(said["tried_again"]) == ["c1"]
        at = system.state.history()[-1].at
        (told,) = live_at(system, at)["contracts"]
        assert told["release"] == "c1" and "contract.json was changed" in told["not_answering"]
        (told,) = json.loads(to.get("/v1/releases")[1])["contracts"]
        assert told["release"] == "c1" and "contract.json was changed" in told["not_answering"]
        said_at = poise(system.path.parent, "history", "--at", to_text(at, "UTC"))
        assert "did not answer: c2 goes on: " in said_at.stdout
        assert system.state.rollback_target() == "c2", "which answers"
        file.write_bytes(before)  # nobody tells the server
        until(lambda: answering(to, "c1"))
        until(lambda: acts(system, "switch") == ["c2", "c1"])
        assert ready(to) == {"ready": True, "release": "c1"}


def test_what_is_not_wanted_any_more_is_not_said_not_to_answer(system: System) -> None:
    change(system.folder("c2").path / "contract.json")
    with live(system.path) as server, Connection(server.port) as to:
        system.state.promote("c2", why="better")
        until(lambda: "not_answering" in ready(to))
        assert metric(to, "poise_releases_not_answering") == "1.0"
        assert system.rollback(why="it does not answer") == "c1"
        until(lambda: "not_answering" not in ready(to))
        assert metric(to, "poise_releases_not_answering") == "0.0"
