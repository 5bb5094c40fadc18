"""Two stores that a journal is measured beside, from what is installed: PostgreSQL and Redis Streams, both syncing
before they acknowledge. Each runs in a temporary folder behind a Unix socket, and is ended when its block is left."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Event = tuple[str, bytes]
"""An id and a body of JSON."""
Append = Callable[[Sequence[Event]], None]
"""Returns once the events are durable."""


class Absent(Exception):
    """A store that is not installed; the message says what is missing."""


@contextmanager
def redis() -> Iterator[Append]:
    """Redis Streams with `appendfsync always`: one XADD per event, a batch in one pipeline."""
    program = shutil.which("redis-server")
    if program is None:
        raise Absent("redis-server is not installed (apt: redis-server)")
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/redis.sock"
        settings = f"--port 0 --unixsocket {address} --dir {folder} --appendonly yes --appendfsync always --save"
        with _running([program, *settings.split(), ""]), socket.socket(socket.AF_UNIX) as client:
            _until(lambda: client.connect(address))
            answers = client.makefile("rb")

            def append(events: Sequence[Event]) -> None:
                client.sendall(
                    b"".join(_command(b"XADD", b"events", b"*", b"i", i.encode(), b"b", b) for i, b in events)
                )
                for _ in events:
                    size = answers.readline()
                    if not size.startswith(b"$"):
                        raise RuntimeError(size.decode())
                    answers.read(int(size[1:]) + 2)

            yield append


@contextmanager
def postgres() -> Iterator[Append]:
    """PostgreSQL with synchronous_commit: a batch is one INSERT from unnest into a table with a unique id."""
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    library = ctypes.util.find_library("pq")
    if not bins or library is None:
        raise Absent("PostgreSQL or libpq is not installed (apt: postgresql)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        user = _unprivileged(Path(folder))
        data = f"{folder}/data"
        init = [*user, str(bins[-1] / "initdb"), "-D", data, "-U", "poise", "--auth=trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(init, check=True, capture_output=True)
        serve = [*user, str(bins[-1] / "postgres"), "-D", data, "-k", folder, "-h", "", "-c", "synchronous_commit=on"]
        with _running(serve), _Postgres(library, f"host={folder} user=poise dbname=postgres") as client:
            client.run("CREATE TABLE events (id text PRIMARY KEY, body text NOT NULL)")

            def append(events: Sequence[Event]) -> None:
                client.run(
                    "INSERT INTO events SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
                    "{" + ",".join(i for i, _ in events) + "}",
                    "{" + ",".join('"' + b.decode().replace('"', '\\"') + '"' for _, b in events) + "}",
                )

            yield append


class _Postgres:
    """A connection through libpq."""

    def __init__(self, library: str, address: str) -> None:
        self._pq = ctypes.CDLL(library)
        for name in ("PQconnectdb", "PQexecParams"):
            getattr(self._pq, name).restype = ctypes.c_void_p
        self._pq.PQerrorMessage.restype = ctypes.c_char_p
        self._connection = ctypes.c_void_p()
        _until(lambda: self._connect(address))

    def __enter__(self) -> _Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self._pq.PQfinish(self._connection)

    def _connect(self, address: str) -> None:
        self._connection = ctypes.c_void_p(self._pq.PQconnectdb(address.encode()))
        if self._pq.PQstatus(self._connection):
            raise OSError(self._pq.PQerrorMessage(self._connection))

    def run(self, statement: str, *values: str) -> None:
        """Run one statement. Raises `RuntimeError` where the server refuses it."""
        texts = (ctypes.c_char_p * len(values))(*(value.encode() for value in values))
        found = ctypes.c_void_p(
            self._pq.PQexecParams(self._connection, statement.encode(), len(values), None, texts, None, None, 0)
        )
        done = self._pq.PQresultStatus(found) == 1
        self._pq.PQclear(found)
        if not done:
            raise RuntimeError(self._pq.PQerrorMessage(self._connection).decode())


def _command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _unprivileged(folder: Path) -> list[str]:
    """What to put before a command of a server that refuses root; `folder` becomes that user's."""
    if os.geteuid():
        return []
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _until(connect: Callable[[], None], seconds: float = 20) -> None:
    """Try until it succeeds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return connect()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
