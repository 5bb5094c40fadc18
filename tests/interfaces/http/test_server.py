"""The real server on a real socket: what no in-process transport shows."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from poise.errors import PoiseError
from poise.interfaces.cli import STOPPED
from poise.interfaces.http.server import serve
from poise.serving.served import Served

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"


@contextmanager
def server(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, str(STAND_INS), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline().rsplit(":", 1)[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server("--patience", "0.5", "--connections", "20") as (_, port):
        yield port


def raw(port: int, text: bytes, *, wait: float = 5.0) -> bytes:
    """All bytes that come back before the server hangs up or `wait` seconds are over."""
    with socket.create_connection(("127.0.0.1", port), wait) as connection:
        connection.sendall(text)
        came = b""
        try:
            while part := connection.recv(65536):
                came += part
        except (TimeoutError, ConnectionResetError):  # reset: it hung up while more was on its way
            pass
        return came


def post(port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/predict", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_it_answers(port: int, stand_ins: ModuleType) -> None:
    status, body = post(port, json.dumps(stand_ins.ROW).encode())
    assert status == 200 and json.loads(body)["release"] == "r1"


def test_a_chunked_body_and_a_large_one(port: int, stand_ins: ModuleType) -> None:
    text = json.dumps(stand_ins.ROW).encode()
    head = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
    chunked = b"transfer-encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    assert raw(port, head + chunked).startswith(b"HTTP/1.1 200")
    assert raw(port, head + b"content-length: 10000000\r\n\r\n" + b" " * 1000).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x-long: " + b"y" * 200_000,
    ],
)
def test_broken_http_is_refused_and_the_server_lives_on(port: int, text: bytes, stand_ins: ModuleType) -> None:
    answer = raw(port, text)
    assert not answer or answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403", b"HTTP/1.1 431"), answer[:80]
    assert post(port, json.dumps(stand_ins.ROW).encode())[0] == 200


def test_slow_headers_are_cut_off(port: int) -> None:
    for text in (b"", b"GET / HTTP/1.1\r\nhost: loc"):
        start = time.monotonic()
        assert raw(port, text) == b""
        assert time.monotonic() - start < 3


def test_headers_that_are_slow_after_an_answer_are_cut_off_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        came = b""
        while not came.endswith(b'{"live":true}'):
            came += connection.recv(65536)
        connection.sendall(b"GET /hea")
        start = time.monotonic()
        assert connection.recv(65536) == b""
        assert time.monotonic() - start < 3


def test_a_slow_body_is_answered_408(port: int) -> None:
    head = (
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    )
    assert raw(port, head).startswith(b"HTTP/1.1 408")


def test_a_caller_that_hangs_up_in_the_middle_harms_nobody(port: int, stand_ins: ModuleType) -> None:
    head = (
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
    )
    for _ in range(30):
        socket.create_connection(("127.0.0.1", port), 5).close()
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(head)
    assert post(port, json.dumps(stand_ins.ROW).encode())[0] == 200


def test_too_many_connections_are_refused(port: int) -> None:
    time.sleep(0.7)  # those of the test before are gone
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(20)]
    try:
        answer = raw(port, b"")
        assert answer.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in answer
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, STOPPED)])
def test_it_stops_gracefully(number: signal.Signals, code: int, stand_ins: ModuleType) -> None:
    with server() as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health/ready")  # a keep-alive connection stays open
        assert connection.getresponse().read()
        process.send_signal(number)
        assert process.wait(10) == code
        assert process.stdout is not None and process.stdout.read() == ""
        connection.close()


def test_other_addresses_need_tokens(stand_ins: ModuleType) -> None:
    for host in ("0.0.0.0", "192.168.1.5", "example.org", "::"):
        with pytest.raises(PoiseError, match="there is no token"):
            serve(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry(), host=host)


def test_a_taken_port_is_said(port: int, stand_ins: ModuleType) -> None:
    with pytest.raises(PoiseError, match=f"cannot listen at 127.0.0.1:{port}: Address already in use"):
        serve(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry(), port=port)
