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
from time import monotonic, sleep

NICE = 5
"""How much a process stands back that somebody waits for, as `nice` counts it."""
PATIENCE = 5.0
"""Seconds for which work may wait for a core that is never free; after that it gets its share."""
LOOK = 1.0
"""Seconds between two looks whether it is over, while work goes on that says nothing."""
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

    Where the system knows no such thing, or does not allow it, nothing changes.

    >>> behind = Behind(now=iter([0.0, 10.0, 31.0, 32.0]).__next__, to=lambda idle: told.append(idle))
    >>> told = []
    >>> for more in (False, True, True, False):
    ...     behind.left(more)
    >>> told
    [True, False, True]
    """

    def __init__(self, now: Callable[[], float] = monotonic, to: Callable[[bool], None] | None = None) -> None:
        self._now, self._to = now, to or _this
        self._done: float | None = None
        self._idle = False
        self._lock = threading.Lock()

    def left(self, more: bool) -> None:
        """Say after each piece of work whether more is due at once."""
        with self._lock:
            now = self._now()
            if not more or self._done is None:
                self._done = now
            self._turn(now - self._done < PATIENCE)

    def somebody_waits(self) -> None:
        """Give way no longer than others do: what is done now is waited for."""
        with self._lock:
            self._turn(False)

    def look(self) -> None:
        """Whether the piece of work that goes on has waited too long; for any thread."""
        with self._lock:
            if self._done is not None and self._now() - self._done >= PATIENCE:
                self._turn(False)

    def watch(self) -> None:
        """Look every second from here on: a second of work takes minutes where one is idle on a busy core."""

        def again() -> None:
            while True:
                sleep(LOOK)
                self.look()

        threading.Thread(target=again, name="poise-behind", daemon=True).start()

    def _turn(self, idle: bool) -> None:
        if idle != self._idle:
            self._idle = idle
            self._to(idle)


class Starting:
    """Lets a process that was just started give way altogether until it is `ready`, or `PATIENCE` is over."""

    def __init__(self, process: int) -> None:
        _turn(process, idle=True)
        self._timer = threading.Timer(PATIENCE, _turn, (process,), {"idle": False})
        self._timer.daemon = True
        self._timer.start()

    def ready(self) -> None:
        """It sees to itself now, or is gone."""
        self._timer.cancel()


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
