"""Plain requests go straight from the wire to their handler; what comes back is what the long way answers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from poise.interfaces.http.app import create_app
from poise.interfaces.http.straight import Straight
from poise.serving.served import Served

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, str(STAND_INS), "--patience", "2", "--connections", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1])
        process.kill()


def request(body: bytes, *headers: str, route: str = "/v1/predict") -> bytes:
    lines = [f"POST {route} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def answers(port: int, *parts: bytes, count: int = 1) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    """Status line, headers and body of each answer to what is sent in these parts, on one connection."""
    with socket.create_connection(("127.0.0.1", port), 5) as to:
        to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            to.sendall(part)
            time.sleep(0.05 if len(parts) > 1 else 0)
        came, found = b"", []
        while len(found) < count:
            head, end, rest = came.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            headers = dict(line.split(b": ", 1) for line in lines[1:]) if end else {}
            length = int(headers.get(b"content-length", b"0"))
            if end and len(rest) >= length:
                found.append((lines[0], headers, rest[:length]))
                came = rest[length:]
                continue
            more = to.recv(65536)
            assert more, came
            came += more
        return found


def same(one: bytes) -> Any:
    """An answer's body without what differs from request to request."""
    content = json.loads(one)
    return {name: value for name, value in content.items() if name not in ("time", "clock", "decision_id")}


def bodies(stand_ins: ModuleType) -> list[tuple[str, bytes, tuple[str, ...]]]:
    row = json.dumps(stand_ins.ROW).encode()
    return [
        ("/v1/predict", row, ()),
        ("/v1/decide", row, ()),
        ("/v1/predict", row, ("X-Request-Id: shop-7", "Poise-Contract: 1")),
        ("/v1/predict", b"{", ()),
        ("/v1/predict", b'{"carrier": 7}', ()),
        ("/v1/predict", row, ("Origin: http://elsewhere.example",)),
        ("/v1/predict", row, ("Poise-Contract: nine",)),
    ]


def test_both_ways_answer_the_same(port: int, stand_ins: ModuleType) -> None:
    for route, body, headers in bodies(stand_ins):
        whole = request(body, *headers, route=route)
        (short,) = answers(port, whole)
        (long,) = answers(port, whole[:20], whole[20:])
        assert short[0] == long[0] and short[1].keys() == long[1].keys(), (route, body, headers)
        assert same(short[2]) == same(long[2])
        if "X-Request-Id: shop-7" in headers:
            assert short[1][b"x-request-id"] == b"shop-7"


def test_a_connection_goes_either_way_in_turn(port: int, stand_ins: ModuleType) -> None:
    one = request(json.dumps(stand_ins.ROW).encode())
    found = answers(port, one, one[:30], one[30:], one, one + one, count=5)
    assert [line for line, *_ in found] == [b"HTTP/1.1 200 OK"] * 5


def test_what_is_sent_behind_a_request_is_answered_after_it(port: int, stand_ins: ModuleType) -> None:
    body = json.dumps(stand_ins.ROW).encode()
    with socket.create_connection(("127.0.0.1", port), 5) as to:
        for number in range(20):
            to.sendall(request(body, f"X-Request-Id: n{number}"))
        came = b""
        while came.count(b"x-request-id: n") < 20 or not came.endswith(b"}"):
            more = to.recv(65536)
            assert more, came
            came += more
    assert [came.index(b"x-request-id: n%d\r\n" % number) for number in range(20)] == sorted(
        came.index(b"x-request-id: n%d\r\n" % number) for number in range(20)
    )


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/predict HTTP/1.1\r\nhost: a\r\n",
        b"POST /v1/predict HTTP/1.0\r\nhost: a\r\n",
        b"POST /v1/predict?x=1 HTTP/1.1\r\nhost: a\r\n",
        b"POST /v1/nothing HTTP/1.1\r\nhost: a\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost : a\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\r\n folded\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\nx: b\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: a\x00\r\n",
    ],
)
def test_what_is_not_plain_goes_the_long_way(head: bytes, stand_ins: ModuleType) -> None:
    way: Any = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry())
    assert isinstance(way, Straight)
    tail = b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    assert way.read(b"POST /v1/predict HTTP/1.1\r\nhost: a\r\n" + tail) is not None
    assert way.read(b"POST /v1/predict HTTP/1.1\r\nhost: a\r\n" + tail + b" ") is None, "more than one request"
    assert way.read(head + tail) is None
