"""How a process stands back for the one that answers, where they share a core.

A lower priority alone does not do: Linux lets whoever runs go on for some milliseconds, whatever the priority of who
wakes up meanwhile, and counts priorities only among processes of one session. A process that is *idle*, in Linux'
words, gives way at once; but it hardly runs at all where a core has no time left. So none does that may not come back:
Linux asks for CAP_SYS_NICE, or a limit of nice values (RLIMIT_NICE) that allows them, to end it, not to begin it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import monotonic, process_time

from poise.rollout.server_process import cpu_seconds

NICE = 5
"""How much a process stands back that somebody waits for, as `nice` counts it."""
PATIENCE, PART = 5.0, 0.1
"""Seconds for which work may go on with less than this part of a core, where it gets no more; then it has its share."""
LONGEST = 30.0
"""Seconds for which it may lag behind at all before it gets its share."""
LOOK = 1.0
"""Seconds between two looks how it goes on."""
OWN_GROUP = 0
"""The `process_group` of such a process for `subprocess.Popen`: Ctrl-C is for the process that answers, which then ends
this one. It is still of that one's session, within which Linux weighs priorities against one another."""


def stand_back() -> None:
    """Take less of a core than the process that answers, from the start of `main`: threads inherit it."""
    os.nice(NICE)
    if hasattr(signal, "SIGTTOU"):  # a word to the terminal must not stop a process that is in the background there
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)


class Behind:
    """Gives way altogether, as long as the work gets done all the same.

    now: seconds. to: makes the process idle, or not. used: seconds of a core that it has had. Where the system knows no
    such thing, or does not allow it, nothing changes.

    >>> behind = Behind(iter([0.0, 1.0, 4.0, 6.0, 7.0]).__next__, lambda idle: told.append(idle), lambda: 0.0)
    >>> told = []
    >>> for more in (False, True, True, True, False):
    ...     behind.left(more)
    >>> told
    [True, False, True]
    """

    def __init__(
        self,
        now: Callable[[], float] = monotonic,
        to: Callable[[bool], None] | None = None,
        used: Callable[[], float] = process_time,
    ) -> None:
        self._now, self._to, self._used = now, to or _this, used
        self._done: float | None = None
        """When no work was left. None: before the first."""
        self._fed, self._had = 0.0, 0.0
        """When it last had its part of a core, and how much of one until then."""
        self._idle = self._lagging = False
        self._lock = threading.Lock()

    def left(self, more: bool) -> None:
        """Say after each piece of work whether more is due at once."""
        with self._lock:
            now = self._now()
            if not more or self._done is None:
                self._done, self._lagging = now, False
                self._begin(now)
            elif not self._idle and not self._lagging:  # somebody waited
                self._begin(now)
            else:
                self._judge(now)

    def somebody_waits(self) -> None:
        """Give way no longer than others do, until a piece of work is done: it is waited for."""
        with self._lock:
            self._turn(False)

    def look(self) -> None:
        """Whether the piece of work that goes on has waited too long; for any thread."""
        with self._lock:
            if self._idle:
                self._judge(self._now())

    def watch(self, over: threading.Event | None = None) -> None:
        """Look every second from here on, until it is over: a second of work takes minutes where one is idle on a busy
        core."""
        end = over or threading.Event()

        def again() -> None:
            while not end.wait(LOOK):
                self.look()

        threading.Thread(target=again, name="poise-behind", daemon=True).start()

    def _begin(self, now: float) -> None:
        self._fed, self._had = now, self._used()
        self._turn(True)

    def _judge(self, now: float) -> None:
        assert self._done is not None
        if self._lagging:
            return
        if now - self._fed >= LOOK:
            had = self._used()
            if had - self._had >= PART * (now - self._fed):
                self._fed, self._had = now, had
        self._lagging = now - self._fed >= PATIENCE or now - self._done >= LONGEST
        self._turn(not self._lagging)

    def _turn(self, idle: bool) -> None:
        if idle != self._idle:
            self._idle = idle
            self._to(idle)


class Starting:
    """Lets a process that was just started give way altogether until it is `ready`, or has waited too long."""

    def __init__(self, process: int) -> None:
        self._over = threading.Event()
        behind = Behind(to=lambda idle: _turn(process, idle=idle), used=lambda: cpu_seconds(process) or 0.0)
        behind.left(True)
        behind.watch(self._over)

    def ready(self) -> None:
        """It sees to itself now, or is gone."""
        self._over.set()


def bring_forward(process: int) -> None:
    """Somebody waits for what this process does: it gives way no longer than others do, until it says so again."""
    _turn(process, idle=False)


@cache
def comes_back() -> bool:
    """Whether a thread of this process that is idle may be so no more: one that ends at once tries it."""
    tried: list[bool] = []

    def back_and_forth() -> None:
        tried.append(_set(0, idle=True) and _set(0, idle=False))

    thread = threading.Thread(target=back_and_forth)
    thread.start()
    thread.join()
    return tried == [True]


def _this(idle: bool) -> None:
    _turn(os.getpid(), idle=idle)


def _turn(process: int, *, idle: bool) -> None:
    """All threads of a process: Linux has it by thread, and new ones inherit it."""
    if comes_back():
        with suppress(OSError):  # the process has ended
            for thread in Path(f"/proc/{process}/task").iterdir():
                _set(int(thread.name), idle=idle)


def _set(thread: int, *, idle: bool) -> bool:
    """Whether that could be done. thread: 0 is the one that asks."""
    if not hasattr(os, "SCHED_IDLE"):
        return False
    try:
        os.sched_setscheduler(thread, os.SCHED_IDLE if idle else os.SCHED_OTHER, os.sched_param(0))
    except OSError:  # it has just ended, or the system does not allow it
        return False
    return True
