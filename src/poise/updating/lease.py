"""One update at a time, across processes and machines: a lease in the state database that its holder keeps alive.

Whoever takes it writes who and where they are, and renews it while they work. Of a process that ended without giving it
back the lease is taken over, as soon as it is seen to be gone or its time is over, and the history says so.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from poise.clock import SECOND, Clock
from poise.errors import Overloaded, PoiseError, Stale
from poise.stores.state_base import DocumentRow, Documents

KIND, NAME = "lease", "update"
SECONDS = 60.0
"""A holder who gave no sign for so long has lost it."""
SIGNS = 4
"""How often a holder renews it within that time."""


class Lease:
    """A lease that this process holds. `must_hold` raises `Stale` once somebody else has it."""

    def __init__(self, state: Documents, row: DocumentRow, seconds: float) -> None:
        self._state, self._row, self._seconds = state, row, seconds
        self._lock, self._over = threading.Lock(), threading.Event()
        self._lost: str | None = None
        self._failed = 0
        self._signs = threading.Thread(target=self._renew, name="update-lease", daemon=True)

    def must_hold(self) -> None:
        """Raises `Stale` where this process was taken for dead, and somebody else goes on with its update."""
        if self._lost is not None:
            raise Stale(f"the update is no longer this process's: {self._lost}", hint="poise history tells who has it")

    def _renew(self) -> None:
        while self._lost is None and not self._over.wait(self._seconds / SIGNS):
            self._renew_once()

    def _renew_once(self) -> None:
        try:
            with self._lock:
                if not self._over.is_set():
                    self._row = self._state.put_document(KIND, NAME, self._row.value, expected=self._row.version)
            self._failed = 0
        except Stale as stale:
            self._lost = stale.message
        except PoiseError as error:  # the database takes nothing just now
            self._failed += 1
            if self._failed >= SIGNS:
                self._lost = f"it could not be renewed: {error.message}"

    def begin(self) -> None:
        """Begin to give signs."""
        self._signs.start()

    def end(self) -> None:
        """Give it back, unless somebody else has it by now."""
        self._over.set()
        with self._lock, suppress(PoiseError):
            self._state.put_document(KIND, NAME, {"free": True}, expected=self._row.version)


@contextmanager
def only_one(state: Documents, *, who: str | None = None, seconds: float = SECONDS) -> Iterator[Lease]:
    """Hold the lease. Raises `Overloaded` where another process holds it."""
    lease = Lease(state, _take(state, who, seconds), seconds)
    lease.begin()
    try:
        yield lease
    finally:
        lease.end()


def _take(state: Documents, who: str | None, seconds: float) -> DocumentRow:
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "token": secrets.token_hex(8), "seconds": seconds}
    now = state.document(KIND, NAME)
    try:
        if now is None or now.value.get("free"):
            return state.put_document(KIND, NAME, mine, expected=0 if now is None else now.version)
        gone = _gone(now)
        if gone is None:
            raise _busy(now)
        why = f"process {now.value['pid']} on {now.value['host']}, which was updating, {gone}"
        return state.put_document(KIND, NAME, mine, expected=now.version, act="take over", why=why, who=who)
    except Stale:
        raise _busy(state.document(KIND, NAME)) from None


def _gone(row: DocumentRow) -> str | None:
    """Why the holder of a lease is taken to be gone; None where it is not."""
    if row.value["host"] == socket.gethostname() and not _alive(int(row.value["pid"])):
        return "is gone"
    quiet = (Clock().now() - row.at) / SECOND
    return f"gave no sign for {quiet:.0f} s" if quiet > float(row.value["seconds"]) else None


def _alive(pid: int) -> bool:
    """Whether a process of this machine runs, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _busy(row: DocumentRow | None) -> Overloaded:
    where = "" if row is None or row.value.get("free") else f" (process {row.value['pid']} on {row.value['host']})"
    return Overloaded(f"another process is updating this system{where}", retry_after=60.0)
