"""The processes that a process started: who they are, whether they live, and how to see the last of them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found", bound="list[int] | bool")


def children(pid: int) -> list[int]:
    """The processes that any thread of `pid` started; the kernel lists them by thread."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(one) for path in lists for one in path.read_text().split())


def alive(pid: int) -> bool:
    """Whether it still runs: one that nobody waited for is listed, and does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident(pid: int) -> int:
    """Its resident memory in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def end(pids: Iterable[int]) -> None:
    """`kill -9`, whether or not they are still there."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_for(found: Callable[[], Found], seconds: float) -> Found:
    """What `found` returns, once that is something or time is up."""
    ends = time.monotonic() + seconds
    while not (some := found()) and time.monotonic() < ends:
        time.sleep(0.05)
    return some
