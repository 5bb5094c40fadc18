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


def test_one_piece_of_work_that_takes_too_long_gets_its_share() -> None:
    now, told = [0.0], list[bool]()
    standing = behind.Behind(lambda: now[0], told.append)
    standing.look()
    standing.left(False)
    for now[0] in (behind.PATIENCE - 1, behind.PATIENCE, behind.PATIENCE + 1):
        standing.look()
    assert told == [True, False]
    standing.left(False)
    assert told == [True, False, True]


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
