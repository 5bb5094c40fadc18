"""The real server as a process of its own: started on a free port of loopback, waited for, always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from poise.errors import StateError
from poise.rollout.connection import Connection
from poise.serving.tokens import STARTER, new_token

PORT = "{port}"
"""Stands in the command for the port that the server shall listen at."""
_LINES = 20  # of the server's output that an error shows


@dataclass(frozen=True)
class ServerProcess:
    """A running server. token: by which it answers this process, and asks no other tokens of it."""

    process: subprocess.Popen[bytes]
    port: int
    token: str = field(repr=False)

    def cpu_seconds(self) -> float | None:
        """CPU time that the process has used so far, user and system, over all threads; None where Linux's /proc is
        not there. Nanoseconds per thread where the kernel keeps them, else ticks of 10 ms."""
        return cpu_seconds(self.process.pid)


def cpu_seconds(process: int) -> float | None:
    """`ServerProcess.cpu_seconds` of the process with this number; None also where it is gone."""
    folder = Path("/proc") / str(process)
    try:
        threads = [thread / "schedstat" for thread in (folder / "task").iterdir()]
        return sum(int(path.read_text().split()[0]) for path in threads) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


@contextmanager
def running(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float = 60.0, grace: float = 10.0
) -> Iterator[ServerProcess]:
    """The server that `command` starts, once `/health/ready` says so; ended (SIGTERM, then SIGKILL) on leaving.

    `{port}` in the command becomes a free port. With `--with-stdin` in it the server ends even where this process is
    killed. `env` is added to this process's environment. Raises `StateError` with the last lines that the server wrote
    where it ends or is not ready within `timeout` seconds.
    """
    port, token = _free_port(), new_token()
    said = tempfile.TemporaryFile()  # noqa: SIM115 (closed below, after the process that writes to it)
    try:
        process = _start([part.replace(PORT, str(port)) for part in command], {**(env or {}), STARTER: token}, said)
        try:
            _await_ready(process, port, timeout, said)
            yield ServerProcess(process, port, token)
        finally:
            _end(process, grace)
    finally:
        said.close()


def _start(command: list[str], env: Mapping[str, str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # closed when this process ends, however it does: the server ends with it
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
            start_new_session=True,  # a Ctrl-C at the terminal reaches this process, which then ends the server
        )
    except OSError as error:
        raise StateError(f"the server could not be started: {error}") from error


def _await_ready(process: subprocess.Popen[bytes], port: int, timeout: float, said: IO[bytes]) -> None:
    ends = time.monotonic() + timeout
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise StateError(f"the server ended with {_how(process.returncode)} before it was ready{_last(said)}")
        if _is_ready(port):
            return
        time.sleep(0.02)
    raise StateError(f"the server was not ready within {timeout:g} s{_last(said)}")


def _is_ready(port: int) -> bool:
    try:
        with Connection(port, timeout=2.0) as connection:
            return connection.get("/health/ready")[0] == 200
    except (OSError, StateError, ValueError):
        return False


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").strip().splitlines()[-_LINES:]
    return ("; its last lines:\n  " + "\n  ".join(lines)) if lines else "; it said nothing"
