"""Asking servers, and how long their answers take: in a row, now and then, and on many connections at once."""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess

CONNECTIONS, WARM_UP = 8, 500


@dataclass(frozen=True)
class Asked:
    """A server and what it is asked: requests as they go over the wire."""

    name: str
    port: int
    requests: list[bytes]
    process: ServerProcess | None = None


def in_a_row(server: Asked, calls: int) -> tuple[float, float]:
    """p50 and p99 in milliseconds on one connection, asked so many times in a row; the first are not counted."""
    with Connection(server.port) as to:
        for turn in range(min(calls, WARM_UP)):
            asked(to, server, turn)
        return percentiles([asked(to, server, turn) for turn in range(calls)])


def now_and_then(servers: list[Asked], calls: int) -> dict[str, tuple[float, float]]:
    """The same of several servers, each asked once in its turn, on a connection of its own."""
    taken: dict[str, list[float]] = {server.name: [] for server in servers}
    with ExitStack() as stack:
        to = {server.name: stack.enter_context(Connection(server.port)) for server in servers}
        for turn in range(-2, calls):  # what is before the first call is not counted
            for server in servers:
                milliseconds = asked(to[server.name], server, turn)
                if turn >= 0:
                    taken[server.name].append(milliseconds)
    return {name: percentiles(of) for name, of in taken.items()}


def asked(to: Connection, server: Asked, turn: int) -> float:
    """The milliseconds of one request, whose answer has to be 200."""
    request = server.requests[turn % len(server.requests)]
    started = time.perf_counter()
    status, said = to.exchange(request)
    seconds = time.perf_counter() - started
    assert status == 200, (server.name, said)
    return seconds * 1e3


def percentiles(taken: list[float]) -> tuple[float, float]:
    """p50 and p99."""
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))


def saturated(server: Asked, seconds: float) -> tuple[float, float]:
    """Answers per second on eight connections, each of which asks again as soon as it is answered; and the microseconds
    of CPU that each of them took the server's process, NaN where nobody can say."""
    answered, turn = 0, 0
    before = cpu_seconds(server)
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one, selectors.EVENT_READ, bytearray())
            one.sendall(server.requests[turn % len(server.requests)])
            turn += 1
        ends = time.perf_counter() + seconds
        started = time.perf_counter()
        while time.perf_counter() < ends:
            for key, _ in selector.select(1.0):
                one, came = key.fileobj, key.data
                assert isinstance(one, socket.socket)
                came += one.recv(1 << 18)
                if not whole(came):
                    continue
                assert came.startswith(b"HTTP/1.1 200"), bytes(came[:200])
                came.clear()
                answered += 1
                one.sendall(server.requests[turn % len(server.requests)])
                turn += 1
        rate = answered / (time.perf_counter() - started)
    return rate, (cpu_seconds(server) - before) / answered * 1e6


def cpu_seconds(server: Asked) -> float:
    """What the process and those that it started have used, threads that have ended among it; NaN where nobody can
    say."""
    if server.process is None or sys.platform != "linux":
        return float("nan")
    first = Path("/proc") / str(server.process.process.pid)
    started = [one for thread in first.glob("task/*/children") for one in thread.read_text().split()]
    ticks = 0
    for process in (first, *(Path("/proc") / one for one in started)):
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def whole(came: bytearray) -> bool:
    """Whether an answer has come in with all of its body."""
    end = came.find(b"\r\n\r\n")
    if end < 0:
        return False
    at = came.lower().find(b"content-length:", 0, end)
    return len(came) >= end + 4 + int(came[at + 15 : came.find(b"\r", at)])


def request(port: int, route: str, content: object) -> bytes:
    """The bytes of a POST."""
    body = json.dumps(content).encode()
    head = f"POST {route} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
