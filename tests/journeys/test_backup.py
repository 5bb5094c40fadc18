"""A backup, taken while a server is busy or while none runs: nothing that was acknowledged before it is missing."""

from __future__ import annotations

import json
import shutil
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from poise.clock import Clock, to_text
from poise.errors import StateError
from poise.interfaces.backup import back_up, restore
from poise.interfaces.system import System
from tests.interfaces.cli.in_process import poise
from tests.journeys.people import Server, written

BATCH = 50


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a system with a live release."""
    made = written(tmp_path_factory.mktemp("visitors"))
    made.ingest()
    made.train()
    outcome = made.release().outcome
    assert outcome is not None and outcome.released
    return made.path.parent


@pytest.fixture
def system(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(whole, tmp_path / "here")
    return System.read(tmp_path / "here" / "poise.yaml")


class Load:
    """Posts orders without a pause; `acknowledged` are those that were accepted, in order."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: list[dict[str, Any]] = []
        self._server, self._end = server, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for first in count(0, BATCH):
            if self._end.is_set():
                return
            at = to_text(Clock().now(), "UTC")
            numbers = range(first, first + BATCH)
            rows = [{"id": f"load{n}", "seen_id": f"x{n}", "user": f"user-{n % 30}", "at": at} for n in numbers]
            assert self._server.post("/v1/events/orders", rows)["counts"] == {"accepted": BATCH}
            self.acknowledged += rows

    def go_on(self) -> None:
        """Wait a little; it must not have failed."""
        self._thread.join(0.05)
        assert self._thread.is_alive()

    def end(self) -> None:
        self._end.set()
        self._thread.join()


def asked(server: Server, time: str) -> list[dict[str, Any]]:
    """What models say of every user, as of `time`."""
    rows = [{"user": f"user-{n}", "dish": f"dish-{n % 6}", "price": 5.0} for n in range(30)]
    lists = [{"user": row["user"], "candidates": [{"dish": row["dish"], "price": 5.0}], "time": time} for row in rows]
    return [
        {key: one[key] for key in ("dish", "score", "terms")}
        for body in lists
        for one in server.post("/v1/decide", body)["shown"]
    ]


def restored(backup: Path, folder: Path) -> System:
    folder.mkdir()
    restore(backup, folder / ".poise", folder / "poise.yaml")
    return System.read(folder / "poise.yaml")


def test_nothing_acknowledged_is_missing_from_a_backup_taken_under_load(system: System, tmp_path: Path) -> None:
    server = Server(system)
    load = Load(server)
    try:
        while len(load.acknowledged) < 20 * BATCH:
            load.go_on()
        before = list(load.acknowledged)
        made = back_up(system, tmp_path / "busy")
        busy_after = list(load.acknowledged)
        assert len(busy_after) > len(before), "it went on meanwhile"
        load.end()
        back_up(system, tmp_path / "quiet")
        time = to_text(Clock().now(), "UTC")
        here = asked(server, time)
    finally:
        load.end()
        server.end()
    assert made.rows > 0

    there = Server(restored(tmp_path / "quiet", tmp_path / "second"))
    try:
        assert asked(there, time) == here, "the same features, so the same answers"
    finally:
        there.end()
    there = Server(restored(tmp_path / "busy", tmp_path / "third"))
    try:
        for first in range(0, len(before), 500):
            rows = before[first : first + 500]
            assert there.post("/v1/events/orders", rows)["counts"] == {"duplicate": len(rows)}
        new = {"id": "after", "seen_id": "x", "user": "user-1", "at": time}
        assert there.post("/v1/events/orders", new)["counts"] == {"accepted": 1}
    finally:
        there.end()
    again = System.read(tmp_path / "third" / "poise.yaml")
    ids = again.lake.read("orders", ["id"])["id"]
    assert ids.n_unique() == len(ids) and {row["id"] for row in before} | {"after"} <= set(ids)


def test_without_a_server_all_is_as_it_was(system: System, tmp_path: Path) -> None:
    done = poise(system.path.parent, "backup", str(tmp_path / "copy"), "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["files"] > 20, done.stderr
    assert system.state.history()[-1].act == "backup"
    (tmp_path / "new").mkdir()
    done = poise(tmp_path / "new", "restore", str(tmp_path / "copy"))
    assert done.returncode == 0 and "Everything up to" in done.stdout, done.stderr
    back = System.read(tmp_path / "new" / "poise.yaml")
    assert back.text == system.text and back.lake.versions() == system.lake.versions()
    assert back.lake.read("seen").equals(system.lake.read("seen"))
    assert [row.act for row in back.state.history()] == [row.act for row in system.state.history()][:-1]
    live = back.live_folder()
    assert live is not None and live.name == "r1" and back.folder("c1").seal == system.folder("c1").seal
    for name in ("seen", "orders", "people"):
        shutil.copy(system.path.parent / f"{name}.csv", tmp_path / "new")
    assert all(one.counts.accepted == 0 for one in back.ingest().sources)
    assert back.train(like="c1").folder.json("evidence")["objectives"]
    again = poise(tmp_path / "new", "restore", str(tmp_path / "copy"))
    assert again.returncode == 6 and "is not empty" in again.stderr


def test_a_backup_that_is_not_what_was_written_is_refused(system: System, tmp_path: Path) -> None:
    back_up(system, tmp_path / "copy")
    with pytest.raises(StateError, match="is not empty"):
        back_up(system, tmp_path / "copy")
    (model,) = (tmp_path / "copy").glob("home/releases/r1/contract.json")
    model.chmod(0o644)
    model.write_text(model.read_text() + " ")
    with pytest.raises(StateError, match=r"contract\.json is not what was written"):
        restore(tmp_path / "copy", tmp_path / "new", tmp_path / "poise.yaml")
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".new*"))
    model.unlink()
    with pytest.raises(StateError, match=r"contract\.json is missing"):
        restore(tmp_path / "copy", tmp_path / "new", tmp_path / "poise.yaml")
    (tmp_path / "copy" / "more").touch()
    with pytest.raises(StateError, match="more was not written"):
        restore(tmp_path / "copy", tmp_path / "new", tmp_path / "poise.yaml")
    with pytest.raises(StateError, match="there is no backup"):
        restore(tmp_path, tmp_path / "new", tmp_path / "poise.yaml")
