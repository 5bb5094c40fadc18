"""The drain seen from the server, and what a server begins with."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.interfaces.test_draining import Child, shown, system  # noqa: F401 (a fixture)

from poise.clock import Clock
from poise.data import rows_file
from poise.data.journal import Journal
from poise.errors import Overloaded
from poise.interfaces import drainer
from poise.interfaces.behind import comes_back
from poise.interfaces.drainer import Drainer
from poise.interfaces.loading import Loading
from poise.interfaces.snapshotting import made_ready
from poise.interfaces.system import System
from poise.releases.built import Built
from poise.serving.coming_in import Taken
from poise.serving.loaded import Loaded
from poise.table import Column, History, Table

STAND_IN = """#!{python}
import json, os, sys
print(json.dumps({{"ready": True}}), flush=True)
print(json.dumps({{"expired": {{"shown": 12}}}}))
print(json.dumps({{"snapshot": {{"shown": 3}}}}))
groups = [os.getsid(0), os.getpgrp()]
print(json.dumps({{"prune": {{"threads": os.environ["POLARS_MAX_THREADS"], "groups": groups}}}}), flush=True)
sys.stdin.read()
"""


class Ear:
    """An inlet that only hears what may be dropped."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def prune(self, below: object) -> None:
        self.heard.append(below)


def test_it_begins_when_told_and_what_it_does_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in = tmp_path / "stand_in"
    stand_in.write_text(STAND_IN.format(python=sys.executable))
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    ear = Ear()
    with Drainer(tmp_path / "poise.yaml", tmp_path, ear, {}):  # type: ignore[arg-type]
        pass
    assert not ear.heard, "a server that never answered has no drain"
    with (
        caplog.at_level(logging.INFO, "poise.drain"),
        Drainer(tmp_path / "poise.yaml", tmp_path, ear, {}) as drainer,  # type: ignore[arg-type]
    ):
        drainer.begin()
        until = time.monotonic() + 30
        while not ear.heard and time.monotonic() < until:
            time.sleep(0.02)
    (heard,) = ear.heard
    assert heard["threads"] == "1"  # type: ignore[index]
    session, group = heard["groups"]  # type: ignore[index]
    assert session == os.getsid(0), "of another session, its priority would count for nothing"
    assert group != os.getpgrp(), "Ctrl-C is not for it"
    said = "\n".join(caplog.messages)
    assert "12 rows of 'shown' were older than its 'keep'" in said and "versions {'shown': 3}" in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process give way altogether")
def test_it_stands_back_and_follows_columns_that_change_beside_it(system: System) -> None:  # noqa: F811
    file = system.path.parent / "shown.csv"
    file.write_text("shown_id,page,dish,price,at\nf,p,soup,2,2025-01-02\n")
    system.ingest()
    folder = system.train().folder
    journal = Journal.open(system.settings.journal, Clock())
    child = Child(system, folder.path)
    assert os.getpriority(os.PRIO_PROCESS, child.process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    shown(journal, "a")
    child.say(all=True)
    child.hear("all")
    until = time.monotonic() + 30
    expected = os.SCHED_IDLE if comes_back() else os.SCHED_OTHER
    while (policies := _policies(child.process.pid)) != {expected} and time.monotonic() < until:
        time.sleep(0.05)
    assert policies == {expected}, "nobody waits for what it does now"
    system.path.write_text(system.text.replace("price: float", "price: int"), encoding="utf-8")
    report = System.read(system.path).ingest()["shown"]
    assert "1 of these rows came over HTTP" in " ".join(report.warnings)
    shown(journal, "b")
    child.end()
    rows = system.lake.read("shown")
    assert rows["shown_id"].to_list() == ["a", "f", "b"] and rows["price"].dtype.is_integer()
    journal.close()


def _policies(process: int) -> set[int]:
    """How Linux plans the threads of a process."""
    return {os.sched_getscheduler(int(thread.name)) for thread in Path(f"/proc/{process}/task").iterdir()}


def test_it_is_hurried_where_somebody_waits_until_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "stand_in"
    stand_in.write_text(STAND_IN.format(python=sys.executable))
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    hurried = list[int]()
    monkeypatch.setattr(drainer, "bring_forward", hurried.append)
    with Drainer(tmp_path / "poise.yaml", tmp_path, Ear(), {}) as begun:  # type: ignore[arg-type]
        begun.begin()
        until = time.monotonic() + 30
        while (process := begun._process) is None and time.monotonic() < until:
            time.sleep(0.02)
    assert process is not None and hurried == [process.pid]


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_ids_that_are_damaged_are_made_again_with_the_snapshot(system: System, damage: str) -> None:  # noqa: F811
    file = system.path.parent / "shown.csv"
    file.write_text("shown_id,page,dish,price,at\nf,p,soup,2,2025-01-02\n")
    system.ingest()
    folder = system.train().folder
    loaded = Loaded.of(folder)
    made_ready(system.settings, system.lake, folder)
    (snapshot,) = system.settings.online.iterdir()
    before = Built.read(snapshot)
    assert before is not None
    ids = before.ids_file(snapshot, "shown")
    if damage == "cut":
        ids.write_bytes(ids.read_bytes()[:20])
    else:
        ids.unlink()
    journal = Journal.open(system.settings.journal, Clock())
    filled = Loading(system.path, system.settings, system.state, journal).filled(loaded, folder)
    built, known = filled.built, filled.ids
    assert built.token != before.token and len(known["shown"]) == 1
    journal.close()
    assert json.loads((snapshot / "built.json").read_text())["token"] == built.token


def test_a_trouble_is_logged_when_it_begins_and_not_at_every_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = Drainer(tmp_path / "poise.yaml", tmp_path, Ear(), {})  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "poise.drain"):
        for why in ["a row", "a row", "the disk", "a row"] * 10:
            one._hear(None, json.dumps({"trouble": why}))  # type: ignore[arg-type]
    assert caplog.messages == ["the drain goes on later: a row"]


class Busy:
    """An inlet that is busy at first."""

    def __init__(self) -> None:
        self.asked = 0

    def take_up(self, rows: History, prints: object, upto: int) -> Taken:
        self.asked += 1
        if self.asked <= 2:
            raise Overloaded("too much waits")
        return Taken(self.asked, 100 * self.asked)


@pytest.mark.parametrize(("rewritten", "position"), [([], 4), (["shown"], None)])
def test_rows_of_files_are_handed_over_until_they_are_taken_and_only_then_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewritten: list[str], position: int | None
) -> None:
    monkeypatch.setattr(drainer, "BUSY", 0.0)
    at = np.array([1], np.int64)
    paths = [tmp_path / "lake-shown-1-1.npz", tmp_path / "lake-shown-2-2.npz"]
    for path in paths:
        rows_file.write(path, History("shown", "log", at, at, Table({"v": Column.numbers([1.0])})), None)
    one = Drainer(tmp_path / "poise.yaml", tmp_path, Busy(), {"shown": 3})  # type: ignore[arg-type]
    told: list[object] = []
    monkeypatch.setattr(one, "_tell", lambda _, **what: told.append(what))
    said = {
        "lake": {"shown": [3, 5]},
        "rows": {"shown": [[str(path), n] for n, path in enumerate(paths)]},
        "rewritten": rewritten,
    }
    one._hear(None, json.dumps(said))  # type: ignore[arg-type]
    assert told == [{"taken": {"shown": [position, 5]}, "seen": {"shown": [(0, 300), (1, 400)]}}]
    assert one._versions == {"shown": 5}
    assert not any(path.exists() for path in paths)
