"""Plain requests go straight from the wire to their handler; what comes back is what the long way answers."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from poise.interfaces.http import request_id
from poise.interfaces.http.app import create_app
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.plain import PlainHead
from poise.interfaces.http.protocol import guarded
from poise.interfaces.http.resting import Resting
from poise.interfaces.http.straight import Straight
from poise.serving.answer import Answer
from poise.serving.caller import Asked
from poise.serving.limits import Limits
from poise.serving.served import Served
from poise.serving.telemetry import Telemetry
from poise.serving.tokens import Tokens, digest_of, new_token
from poise.stores.state_base import TokenRow

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"


@pytest.fixture(autouse=True)
def no_request_is_left() -> Iterator[None]:
    """What is called here runs in the context of the tests, and not in one of a connection's own."""
    before = request_id.current.set(None)
    yield
    request_id.current.reset(before)


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


ODD = [
    (b"Proxy-Connection: close", b"{}"),
    (b"Sec-Fetch-Site: cross-site", b"{}"),
    (b"Origin: null", b"{}"),
    (b"Cookie: poise_session=abc", b"{}"),
    (b"Authorization: Bearer x\r\nAuthorization: Bearer y", b"{}"),
    (b"Poise-Contract: 1\r\nPoise-Contract: 1", b"{}"),
    (b"X-Request-Id: two words", b""),
    (b"X-Big: " + b"a" * 40_000, b"{}"),
    (b"Content-Type: text/plain", b"{}"),
    (b"Keep-Alive: timeout=5", b'{"carrier": 1e999}'),
    (b"Content-Length: 2", b"{}"),
    (b"Host: localhost", b"{}"),
    (b"X: 1", b"[" * 5_000),
    (b"X: 1", b'{"a": 1, "a": 2}'),
    (b"X: 1", b"\xff"),
]


def raw(port: int, *parts: bytes) -> bytes:
    """All that comes back, without what differs from request to request, and whether the connection stays open."""
    with socket.create_connection(("127.0.0.1", port), 5) as to:
        to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            to.sendall(part)
            time.sleep(0.03)
        came = b""
        try:
            while more := to.recv(65536):
                to.settimeout(0.1)
                came += more
            came += b"closed"
        except TimeoutError:
            came += b"open"
    return re.sub(rb"date: [^\r]*|x-request-id: [0-9a-f]{16}", b"", came)


@pytest.mark.parametrize(("header", "body"), ODD)
def test_both_ways_answer_odd_requests_the_same(port: int, header: bytes, body: bytes) -> None:
    whole = request(body).replace(b"\r\n", b"\r\n" + header + b"\r\n", 1)
    short, long = raw(port, whole), raw(port, whole[:9], whole[9:])
    assert short == long and short.startswith(b"HTTP/1.1 ")


def test_the_rest_of_a_request_that_began_behind_another_is_no_request(port: int) -> None:
    """Else a header's value that ends one read and begins the next would be answered as a request of its own."""
    health = b"GET /health/live HTTP/1.1\r\n"
    first, second = health + b"Host: localhost\r\n\r\n" + health + b"X-One: ", request(b"{}")
    answered = answers(port, first, second, count=2)
    assert [body for *_, body in answered] == [b'{"live":true}'] * 2


class Leaves(Ask):
    """Its handler ends the program, or would."""

    def __init__(self) -> None:
        telemetry = Telemetry()
        super().__init__(self._end, Limits(), Gate("answers", 1, telemetry))

    def _end(self, asked: Asked) -> Answer:
        sys.exit(3)


def test_whatever_a_handler_raises_its_caller_is_answered(stand_ins: ModuleType) -> None:
    way: Any = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry())
    way._hot["/v1/predict"] = Leaves()
    found = way.read(request(b"{}"))
    assert found is not None
    sent: list[tuple[bytes, bool]] = []
    for _ in range(2):  # the gate lets one in at a time: the first has left it
        found.scope |= {"scheme": "http", "state": {}}
        way.answer(found, (), lambda *what: sent.append(what))
    assert [answer[:13] for answer, _ in sent] == [b"HTTP/1.1 500 "] * 2


class Line(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0


def written_to(stand_ins: ModuleType, sent: bytes, then: Callable[[Any], None]) -> bytes:
    """What a caller is sent who sends `sent`, after which `then` is done to the connection, which closes."""
    served = Served.of_one(stand_ins.answerer())
    way: Any = create_app(served, stand_ins.StandInRegistry())

    async def act() -> bytes:
        kind: Any = guarded(served.limits, served.telemetry, straight=way)
        config = uvicorn.Config(way, http=kind, ws="none", lifespan="off", log_config=None)
        connection, line = kind(config=config, server_state=ServerState(), app_state={}), Line()
        connection.connection_made(line)
        connection.data_received(sent)
        then(connection)
        await asyncio.sleep(0.05)
        assert line.closed
        return line.written

    return asyncio.run(act())


def test_a_server_that_stops_says_so_to_whom_it_still_answers(stand_ins: ModuleType) -> None:
    written = written_to(stand_ins, request(json.dumps(stand_ins.ROW).encode()), lambda one: one.shutdown())
    head, _, body = written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and head.endswith(b"\r\nconnection: close") and body.startswith(b"{")


def test_nonsense_and_then_nothing_more_does_not_take_the_answer_that_is_being_made(stand_ins: ModuleType) -> None:
    def ends(connection: Any) -> None:
        assert connection.eof_received(), "else the connection is closed at once"

    sent = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n\0\r\n\r\n"
    assert written_to(stand_ins, sent, ends).startswith(b"HTTP/1.1 200 ")


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


def test_heads_up_to_their_limit_go_the_short_way(stand_ins: ModuleType) -> None:
    served = Served.of_one(stand_ins.answerer())
    way: Any = create_app(served, stand_ins.StandInRegistry())
    rest = served.limits.head - len(request(b"", "X: "))
    assert way.read(request(b"{}", "X: " + "a" * rest)) is not None
    assert way.read(request(b"{}", "X: " + "a" * (rest + 1))) is None


def test_a_head_that_came_before_is_known_again_and_only_that_one(stand_ins: ModuleType) -> None:
    way: Any = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry())
    first = way.read(request(b"{}", "X-One: 1"))
    assert first is not None
    for body in (b"", b"{}", b"x" * 1000):
        again = way.read(request(body, "X-One: 1"), first.head)
        assert again is not None and again.head is first.head and again.body == body
        assert again.scope == way.read(request(body, "X-One: 1")).scope
    other = way.read(request(b"{}", "X-One: 2"), first.head)
    assert other is not None and other.head is not first.head and (b"x-one", b"2") in other.scope["headers"]
    whole = request(b"{}", "X-One: 1")
    for odd in (whole + b" ", whole[:-1], whole.replace(b": 2\r", b": x\r"), whole.replace(b": 2\r", b": 2, 2\r")):
        assert way.read(odd, first.head) is None


def test_long_heads_are_not_remembered() -> None:
    def head(size: int) -> PlainHead | None:
        lines = b"content-type: application/json\r\ncontent-length: 2\r\nx-note: " + b"x" * size
        return PlainHead.of(b"POST /v1/decide HTTP/1.1\r\n" + lines + b"\r\n\r\n{}", Limits())

    short, long = head(100), head(5_000)
    assert short is not None and short.short and long is not None and not long.short


def test_a_head_that_is_known_is_let_in_only_as_long_as_its_token_is(stand_ins: ModuleType) -> None:
    token, tokens = new_token(), Tokens()
    way: Any = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry(), tokens=tokens)
    whole = request(json.dumps(stand_ins.ROW).encode(), f"Authorization: Bearer {token}")
    head, sent = None, list[bytes]()

    def ask() -> bytes:
        nonlocal head
        found = way.read(whole, head)
        head = found.head
        found.scope |= {"scheme": "http", "state": {}}
        way.answer(found, (), lambda data, _: sent.append(data))
        return sent[-1][9:12]

    row = TokenRow("shop", digest_of(token), ("predict",), None, 0, "ana")
    assert ask() == b"200", "no token is needed"
    tokens.put([row])
    assert (ask(), ask()) == (b"200", b"200")
    tokens.put([replace(row, roles=("read",))])
    assert ask() == b"403"
    tokens.put([replace(row, revoked=1)])
    assert ask() == b"401"
    tokens.put([replace(row, per_second=1.0)])
    assert (ask(), ask()) == (b"200", b"429")


def test_a_quiet_connection_is_closed_after_its_last_answer() -> None:
    async def act() -> None:
        closed = list[float]()
        loop = asyncio.get_running_loop()
        resting = Resting(loop, 0.05, lambda: closed.append(loop.time()))
        for _ in range(4):
            resting.begins()
            await asyncio.sleep(0.02)
            resting.ends()
        await asyncio.sleep(0.1)
        assert not closed, "somebody is being answered"
        resting.begins()
        await asyncio.sleep(0.2)
        assert len(closed) == 1
        resting.begins()
        resting.lost()
        await asyncio.sleep(0.1)
        assert len(closed) == 1

    asyncio.run(act())
