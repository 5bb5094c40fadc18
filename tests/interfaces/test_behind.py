"""How processes stand back for the one that answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from poise.interfaces import behind

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process give way altogether")
THREADS = """
import threading
for _ in range(2):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("there", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    behind.comes_back.cache_clear()
    yield
    behind.comes_back.cache_clear()


@linux
def test_who_may_not_come_back_does_not_give_way_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    set_policy, asked = os.sched_setscheduler, list[tuple[int, int]]()

    def unprivileged(thread: int, policy: int, param: os.sched_param) -> None:
        """As Linux does for whoever has not CAP_SYS_NICE."""
        asked.append((thread or threading.get_native_id(), policy))
        if policy != os.SCHED_IDLE:
            raise PermissionError(1, "Operation not permitted")
        set_policy(thread, policy, param)

    monkeypatch.setattr(os, "sched_setscheduler", unprivileged)
    behind.Behind().left(False)
    behind.Starting(os.getpid()).ready()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    (one, idle), (other, back) = asked
    assert one == other != threading.get_native_id() and (idle, back) == (os.SCHED_IDLE, os.SCHED_OTHER)


class Core:
    """What a process has had of a core, as the test says."""

    def __init__(self) -> None:
        self.now = self.used = 0.0
        self.told: list[bool] = []
        self.standing = behind.Behind(lambda: self.now, self.told.append, lambda: self.used)

    def seconds(self, count: float, part: float) -> None:
        """So many go by, in which it has this part of a core and looks every second."""
        until = self.now + count
        while self.now < until:
            self.now += 1.0
            self.used += part
            self.standing.look()


def test_one_piece_of_work_that_hardly_has_a_core_gets_its_share() -> None:
    core = Core()
    core.standing.look()
    core.standing.left(False)
    core.seconds(behind.PATIENCE - 1, part=0.01)
    assert core.told == [True]
    core.seconds(2, part=0.01)
    assert core.told == [True, False]
    core.seconds(20, part=0.5)
    assert core.told == [True, False], "it keeps its share until all is done"
    core.standing.left(False)
    assert core.told == [True, False, True]


def test_work_that_goes_on_in_what_others_leave_gives_way_until_it_lags_for_too_long() -> None:
    core = Core()
    core.standing.left(False)
    core.standing.left(True)
    core.seconds(behind.LONGEST - 1, part=0.2)
    assert core.told == [True]
    core.standing.left(False)
    core.seconds(behind.LONGEST - 1, part=0.2)
    assert core.told == [True], "it was done in between"
    core.seconds(1, part=0.2)
    assert core.told == [True, False]


def test_it_gives_way_again_once_nobody_waits_any_more_though_work_is_left() -> None:
    core = Core()
    core.standing.left(True)
    core.standing.somebody_waits()
    assert core.told == [True, False]
    core.now += 2 * behind.PATIENCE
    core.standing.left(True)
    core.seconds(behind.PATIENCE - 1, part=0.01)
    assert core.told == [True, False, True], "what was waited for counts as no time without a core"


@linux
def test_a_process_that_starts_for_too_long_gets_its_share_with_all_its_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not behind.comes_back():
        pytest.skip("this user may not come back")
    monkeypatch.setattr(behind, "PATIENCE", 2.0)
    with subprocess.Popen([sys.executable, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        starting = behind.Starting(process.pid)
        assert process.stdout.readline() == b"there\n"
        tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
        assert len(tasks) == 3
        until = time.monotonic() + 30
        while (policies := {os.sched_getscheduler(int(task.name)) for task in tasks}) != {os.SCHED_OTHER}:
            assert time.monotonic() < until, policies
            time.sleep(0.05)
        starting.ready()
        again = behind.Starting(process.pid)
        assert {os.sched_getscheduler(int(task.name)) for task in tasks} == {os.SCHED_IDLE}
        behind.bring_forward(process.pid)
        assert {os.sched_getscheduler(int(task.name)) for task in tasks} == {os.SCHED_OTHER}
        again.ready()
        process.stdin.close()
