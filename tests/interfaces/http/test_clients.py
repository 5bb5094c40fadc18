"""Clients that do not behave, at the real server: nobody else is kept waiting, and nothing stays behind."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from poise.errors import StateError
from poise.rollout.connection import Connection

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
HEAD = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
PATIENCE = 0.5
COMMAND = (sys.executable, str(STAND_INS), "--patience", str(PATIENCE))


class Server:
    """A server with a little patience, and the numbers that it shows of itself."""

    def __init__(self, port: int, row: bytes, said: str) -> None:
        self.port, self.said = port, said
        self.ask = HEAD + b"content-length: %d\r\n\r\n%s" % (len(row), row)
        self._row = row

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 5)

    def answers(self) -> bool:
        try:
            with Connection(self.port) as asks:
                return asks.exchange(asks.request("/v1/predict", self._row))[0] == 200
        except StateError:
            return False

    def number(self, name: str) -> float:
        with Connection(self.port) as asks:
            text = asks.get("/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def becomes(self, name: str, most: float) -> bool:
        """Whether a number falls to `most` before long."""
        return within(20 * PATIENCE, lambda: self.number(name) <= most)


def within(seconds: float, true: Callable[[], bool]) -> bool:
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def read(connection: socket.socket) -> bytes:
    came = b""
    try:
        while part := connection.recv(65536):
            came += part
    except (TimeoutError, ConnectionResetError):
        pass
    return came


@contextmanager
def serving(row: bytes, command: Sequence[str] = COMMAND) -> Iterator[Server]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "http://" not in (line := process.stdout.readline()):
                said += line
            yield Server(int(line.rsplit(":", 1)[1]), row, said)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(stand_ins: ModuleType) -> Iterator[Server]:
    with serving(json.dumps(stand_ins.ROW).encode()) as made:
        yield made


def test_requests_that_are_sent_ahead_are_answered_in_order(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall((server.ask + LIVE) * 20)
        connection.settimeout(2)
        came = read(connection)
    assert came.count(b"HTTP/1.1 200 OK") == 40
    assert came.index(b'"predictions"') < came.index(b'{"live":true}')


def test_who_sends_far_ahead_of_the_answers_is_cut_off(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(LIVE * 2_000)
        assert read(connection).count(b"HTTP/1.1 200") <= 101
    assert server.answers()


def test_who_takes_no_answers_is_cut_off(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(20):
            connection = held.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(DOCUMENT * 90)
        assert server.answers()
        assert server.becomes("poise_connections", 1)


def test_who_leaves_in_the_middle_leaves_nothing_behind(server: Server) -> None:
    for text in (b"", HEAD[:20], HEAD + b"content-length: 500000\r\n\r\n{", server.ask[:-3], server.ask, DOCUMENT * 50):
        for _ in range(20):
            with server.connect() as connection:
                connection.sendall(text)
        for _ in range(20):
            with server.connect() as connection:
                connection.sendall(text)
                connection.shutdown(socket.SHUT_WR)  # half-closed: nothing comes any more, answers still could go
                read(connection)
    assert server.answers()
    assert server.becomes("poise_connections", 1) and server.number("poise_in_progress") == 0


def test_many_bodies_that_come_slowly_keep_nobody_waiting(server: Server) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(200)]
        for connection in held:
            connection.sendall(HEAD + b"content-length: 900000\r\n\r\n" + b" " * 1000)
        assert server.answers()
        assert {read(connection)[:12] for connection in held} == {b"HTTP/1.1 408"}
        assert server.becomes("poise_connections", 1)


def test_ten_megabytes_are_refused_before_they_are_read(server: Server) -> None:
    before = server.number("process_resident_memory_bytes")
    for _ in range(10):
        with server.connect() as connection:
            connection.sendall(HEAD + b"content-length: 10000000\r\n\r\n")
            for _ in range(100):
                connection.sendall(b" " * 100_000)
            assert read(connection)[:12] == b"HTTP/1.1 413"
    assert server.answers()
    assert server.number("process_resident_memory_bytes") - before < 10e6


def test_a_thousand_connections_that_say_nothing_cost_little_and_go(stand_ins: ModuleType) -> None:
    row = json.dumps(stand_ins.ROW).encode()
    with serving(row) as server:
        assert server.answers()
        before = server.number("process_resident_memory_bytes")
        with ExitStack() as held:
            for _ in range(900):
                held.enter_context(server.connect())
            assert server.answers()
            assert server.number("process_resident_memory_bytes") - before < 30e6
            assert server.becomes("poise_connections", 1)


def test_a_server_that_may_open_few_files_answers_on(stand_ins: ModuleType) -> None:
    row = json.dumps(stand_ins.ROW).encode()
    few = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); os.execv(*eval(sys.argv[1]))"
    with serving(row, [sys.executable, "-c", few, repr((COMMAND[0], COMMAND))]) as server, ExitStack() as held:
        for _ in range(100):
            held.enter_context(server.connect())
        assert within(20 * PATIENCE, server.answers)
        assert "may open 64 files" in server.said
