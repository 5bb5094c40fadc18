"""`poise serve` through kill -9 of itself and of its drain, under load; and what stops it from starting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.rollout.server_process import running
from tests.journeys.killing import survive
from tests.journeys.processes import alive, children, end, wait_for
from tests.journeys.replaying import Caller, serving
from tests.serving.bare import ASKED, row, written


def test_killed_at_random_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    told = survive(tmp_path / "bare", 3)
    assert len(told.accepted) > 50 and len(told.decided) > 10


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    return written(tmp_path / "bare")


def command(system: System) -> list[str]:
    return [sys.executable, "-m", "poise", "serve", "-f", str(system.path), "--release", "c1", "--port"]


def refused(system: System, before: Sequence[str] = ()) -> tuple[int, str]:
    """The exit code of a server that cannot start, and what it says."""
    done = subprocess.run([*before, *command(system), "0"], capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def sent(port: int, *numbers: int) -> None:
    """Events that are accepted."""
    with ExitStack() as stack:
        Caller(port, stack).send([("seen", json.dumps(row(n)).encode()) for n in numbers])


def counted(port: int) -> Any:
    """How often soup was seen."""
    with Connection(port) as to:
        status, said = to.exchange(to.request("/v1/decide", ASKED))
        assert status == 200, said
        return {one["dish"]: one["score"] for one in json.loads(said)["shown"]}["soup"]


def killed(system: System, *numbers: int) -> None:
    """A server that took these events in and was killed with its drain; nobody has its files open any more."""
    with serving(system.path) as server:
        sent(server.port, *numbers)
        drains = wait_for(lambda: children(server.process.pid), 20)
        assert drains
        server.process.kill()
        server.process.wait()
        end(drains)
        assert wait_for(lambda: not any(map(alive, drains)), 20)


def test_a_second_server_on_the_same_home_is_told_who_holds_it(system: System) -> None:
    with serving(system.path) as server:
        code, said = refused(system)
        assert code == 6 and f"is held by process {server.process.pid}" in said
        sent(server.port, 1)
        assert counted(server.port) == 1


@pytest.mark.parametrize("damage", ["cut", *(pytest.param(how, marks=pytest.mark.soak) for how in ("changed", "gone"))])
def test_a_damaged_snapshot_is_built_again(system: System, damage: str) -> None:
    with serving(system.path) as server:
        sent(server.port, 1, 2, 3)
    files = [file for file in (system.settings.online).rglob("*") if file.is_file() and file.stat().st_size]
    assert files
    for file in files:
        if damage == "gone":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        else:
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 255
            file.write_bytes(content)
    with serving(system.path) as server:
        assert counted(server.port) == 3
        with Connection(server.port) as to:
            said = to.exchange(to.request("/v1/events/seen", json.dumps(row(2, dish="rice")).encode()))[1]
        assert json.loads(said)["counts"] == {"conflict": 1}, "ids are known as before"


def test_a_journal_that_was_cut_off_is_not_begun_anew_and_can_be_put_back(system: System, tmp_path: Path) -> None:
    killed(system, 1, 2, 3)
    journal = system.settings.journal
    shutil.copytree(journal, tmp_path / "copy")
    log = journal / "journal.db-wal"
    log.write_bytes(log.read_bytes()[:-5000])
    for _ in range(2):
        code, said = refused(system)
        assert code == 6 and "journal.db is damaged: its last commits are cut off" in said
    shutil.rmtree(journal)
    shutil.copytree(tmp_path / "copy", journal)
    with serving(system.path) as server:
        assert counted(server.port) == 3
    assert system.lake.read("seen").height == 3


def alone(system: System, mount: str) -> list[str]:
    """Begins a command to which the journal's folder is a file system of its own."""
    journal = system.settings.journal
    journal.mkdir(parents=True, exist_ok=True)
    begun = ["unshare", "-rm", "sh", "-c", f'{mount.format(journal)} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*begun, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system of its own here (unshare -rm)")
    return begun


def test_a_folder_that_cannot_be_written(system: System) -> None:
    code, said = refused(system, alone(system, "mount -t tmpfs -o ro none '{}'"))
    assert code == 6 and "journal/lock cannot be used: Read-only file system" in said, said


def test_a_disk_that_is_full_loses_nothing_and_goes_on_once_there_is_room(system: System) -> None:
    mount = "mount -t tmpfs -o size=3m none '{0}' && head -c 1000000 /dev/zero > '{0}/other'"
    begun = alone(system, mount)
    accepted, refusals = 0, 0
    with running([*begun, *command(system), "{port}"], grace=120.0) as server, Connection(server.port) as to:
        filler = Path(f"/proc/{server.process.pid}/root{system.settings.journal}/other")
        while refusals < 3:
            rows = [row(f"{accepted}-{n}", page="x" * 5_000) for n in range(20)]
            status, said = to.exchange(to.request("/v1/events/seen", json.dumps(rows).encode()))
            accepted += 20 * (status == 200)
            refusals += status != 200
            assert status == 200 or (status == 503 and b"is full: nothing was written" in said), said
            assert accepted < 2000
        assert counted_or_full(to) in (accepted, None)
        os.unlink(filler)
        rows = [row(f"{accepted}-{n}", page="x" * 5_000) for n in range(20)]
        status, said = to.exchange(to.request("/v1/events/seen", json.dumps(rows).encode()))
        assert status == 200 and json.loads(said)["counts"] == {"accepted": 20}, "their ids were free again"
        assert counted(server.port) == accepted + 20
    assert system.lake.read("seen").height == accepted + 20


def counted_or_full(to: Connection) -> Any:
    """A decision that cannot be logged is not answered."""
    status, said = to.exchange(to.request("/v1/decide", ASKED))
    if status == 503:
        assert b"is full" in said
        return None
    return {one["dish"]: one["score"] for one in json.loads(said)["shown"]}["soup"]
