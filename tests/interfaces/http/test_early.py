"""Answers that go out before a request is in, and what is no request, at the real server and by both parsers: each
caller sees exactly one answer, and nothing that strangers send is written to the log as often as they send it."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from poise.rollout.connection import Connection
from poise.serving.tokens import digest_of, new_token
from poise.stores.state import State

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
WITHOUT = "import runpy, sys; sys.modules['httptools'] = None; sys.argv = sys.argv[1:]; "
PURE = WITHOUT + "sys.path.insert(0, sys.argv[0].rpartition('/')[0]); runpy.run_path(sys.argv[0], run_name='__main__')"
PARSERS = {"httptools": [str(STAND_INS)], "h11": ["-c", PURE, str(STAND_INS)]}
POST = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
ONLY_READS = new_token()


@dataclass
class Server:
    port: int
    log: Path
    row: bytes

    def connect(self, wait: float = 5.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), wait)

    def answers(self, *texts: bytes) -> list[int]:
        """The status of each answer to what is sent in so many pieces; everything is sent before anything is read."""
        with self.connect() as connection:
            for text in texts:
                connection.sendall(text)
                time.sleep(0.1)
            return statuses(everything(connection))

    def counted(self, name: str) -> float:
        with Connection(self.port) as asks:
            text = asks.get("/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def everything(connection: socket.socket) -> bytes:
    came = b""
    with contextlib.suppress(TimeoutError):
        while part := connection.recv(65536):
            came += part
    return came


def drip(connection: socket.socket, seconds: float) -> None:
    for _ in range(int(10 * seconds)):
        connection.sendall(b" ")
        time.sleep(0.1)


def statuses(came: bytes) -> list[int]:
    return [int(part[:3]) for part in came.split(b"HTTP/1.1 ")[1:]]


@contextlib.contextmanager
def serving(folder: Path, parser: str, row: bytes, *options: str) -> Iterator[Server]:
    with (folder / f"{parser}.log").open("wb") as log:
        command = [sys.executable, *PARSERS[parser], *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline().rsplit(":", 1)[1]), folder / f"{parser}.log", row)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture(scope="module", params=PARSERS)
def parser(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(parser: str, tmp_path_factory: pytest.TempPathFactory, stand_ins: ModuleType) -> Iterator[Server]:
    row = json.dumps(stand_ins.ROW).encode()
    with serving(tmp_path_factory.mktemp("early"), parser, row, "--patience", "2") as made:
        yield made


@pytest.fixture(scope="module")
def asking(parser: str, tmp_path_factory: pytest.TempPathFactory, stand_ins: ModuleType) -> Iterator[Server]:
    """A server with tokens."""
    folder = tmp_path_factory.mktemp("asking")
    address = f"sqlite:///{folder}/state.db"
    with contextlib.closing(State(address, "flights")) as state:
        state.add_token("eye", digest_of(ONLY_READS), ("read",))
    row = json.dumps(stand_ins.ROW).encode()
    with serving(folder, parser, row, "--patience", "2", "--state", address, "--tokens") as made:
        yield made


# ---- answered before the body is in


def test_a_body_that_is_refused_gets_one_answer(server: Server) -> None:
    length = b"content-length: 900000\r\n\r\n"
    assert server.answers(POST.replace(b"localhost", b"evil.example") + length, *[b" " * 150_000] * 6) == [403]
    assert server.answers(POST.replace(b"/v1/predict", b"/nothing") + length, *[b" " * 150_000] * 6) == [404]


def test_a_body_without_a_token_gets_one_answer(asking: Server) -> None:
    length = b"content-length: 90000\r\n\r\n"
    reads = b"authorization: Bearer %s\r\n" % ONLY_READS.encode()
    assert asking.answers(POST + length, b" " * 45_000, b" " * 45_000, LIVE) == [401]
    assert asking.answers(POST + reads + length, b" " * 45_000, b" " * 45_000, LIVE) == [403]
    assert asking.answers(POST + length + b" " * 90_000 + LIVE)[0] == 401


def test_a_connection_is_kept_where_the_body_is_in(asking: Server) -> None:
    with asking.connect(1) as connection:
        connection.sendall(POST + b"content-length: 2\r\n\r\n{}" + LIVE)
        assert statuses(everything(connection)) == [401, 200]


def test_who_sends_ten_megabytes_sees_that_they_are_too_many(server: Server) -> None:
    for head in (b"content-length: 10000000\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n989680\r\n"):
        with server.connect() as connection:
            connection.sendall(POST + head)
            for _ in range(100):
                connection.sendall(b" " * 100_000)
            came = everything(connection)
        assert statuses(came) == [413] and b"connection: close" in came and b"1,000,000" in came


def test_who_never_ends_is_cut_off(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(POST + b"content-length: 1000000000\r\n\r\n")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 200_000_000:
                sent += connection.send(b" " * 100_000)
    assert sent < 60_000_000
    with server.connect(10) as connection:
        connection.sendall(POST + b"content-length: 1000000000\r\n\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            drip(connection, 6)
    assert server.answers(LIVE[:-2] + b"connection: close\r\n\r\n") == [200]


# ---- heads


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_head_that_is_too_large_is_431_however_it_comes(server: Server, pieces: int) -> None:
    head = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-long: %s\r\n\r\n" % (b"y" * 40_000)
    step = len(head) // pieces + 1
    assert server.answers(*(head[at : at + step] for at in range(0, len(head), step))) == [431]
    target = b"GET /health/live?%s HTTP/1.1\r\nhost: localhost\r\n\r\n" % (b"y" * 33_000)
    assert server.answers(target) == [431]


def test_a_large_head_behind_another_request_is_431_too(server: Server) -> None:
    large = LIVE[:-2] + b"x-long: %s\r\n\r\n" % (b"y" * 40_000)
    assert server.answers(LIVE + large) in ([200, 431], [200])


def test_a_head_within_the_limit_is_answered_however_it_comes(server: Server) -> None:
    head = POST + b"connection: close\r\ncontent-length: %d\r\nx-long: %s\r\n\r\n"
    for body in (server.row, server.row + b" " * 100_000):
        room = 32_000 - len(head % (len(body), b""))
        whole = head % (len(body), b"y" * room) + body
        for at in (0, 20_000, 31_997, 31_998, 31_999, 32_000):
            assert server.answers(*filter(None, (whole[:at], whole[at:]))) == [200], (at, len(body))


# ---- hanging up


def test_who_hangs_up_in_the_middle_of_an_upload_leaves_no_trace(server: Server) -> None:
    for n in range(150):
        with server.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            size = (10_000_000, 500, len(server.row))[n % 3]
            connection.sendall(POST + b"content-length: %d\r\n\r\n" % size)
            with contextlib.suppress(OSError):
                connection.sendall(server.row if n % 3 == 2 else b"{" * 300)
            time.sleep(0.001 * (n % 5))
    assert server.counted("poise_http_requests_total") > 0
    assert "Traceback" not in server.log.read_text() and "Exception" not in server.log.read_text()


# ---- health checks


@pytest.mark.parametrize("path", [b"/health/live", b"/health/ready", b"/v2/health/live", b"/v2/health/ready"])
def test_a_health_check_without_a_host_is_answered_where_there_are_tokens(asking: Server, path: bytes) -> None:
    assert asking.answers(b"GET %s HTTP/1.0\r\n\r\n" % path) == [200]


def test_what_is_said_of_the_host_is_true(asking: Server, server: Server) -> None:
    for one, host, status in ((asking, b"", 200), (server, b"", 403), (asking, b"host: a\r\nhost: a\r\n", 400)):
        with one.connect() as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\n" + host + b"\r\n")
            came = everything(connection)
        assert statuses(came) == [status]
        assert (b"without tokens" in came) == (status == 403)


# ---- what is no HTTP


def test_what_strangers_send_is_counted_and_told_at_most_every_ten_seconds(server: Server) -> None:
    before = server.counted("poise_malformed_total")
    upgrade = b"connection: upgrade\r\nupgrade: "
    for _ in range(20):
        assert server.answers(b"\x16\x03\x01\x02\x00\r\n\r\n") == [400]
        for kind in (b"websocket", b"h2c"):
            with server.connect() as connection:
                connection.sendall(LIVE[:-2] + upgrade + kind + b"\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert server.counted("poise_malformed_total") - before == 60
    said = server.log.read_text()
    assert not [word for word in ("Invalid HTTP", "Unsupported", "WebSocket", "pip install") if word in said]
    assert 1 <= said.count("no HTTP that this server speaks") <= 5


def test_a_connection_goes_on_after_an_upgrade_that_nobody_grants(server: Server) -> None:
    with server.connect(2) as connection:
        for _ in range(3):
            connection.sendall(LIVE[:-2] + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_the_body_of_a_request_that_asks_for_an_upgrade_is_its_body(server: Server) -> None:
    """Java's client asks for HTTP/2 so; what it sends behind the head must not be lost, nor be read as a request."""
    asks = POST + b"Connection: Upgrade, HTTP2-Settings\r\nContent-Length: %d\r\nUpgrade: h2c\r\n\r\n"
    asked = asks % len(server.row)
    assert server.answers(asked + server.row, LIVE) == [200, 200]
    assert server.answers(asked, server.row, LIVE) == [200, 200]
    assert server.answers(asks % len(LIVE), LIVE) == [400]
    whole = asked + server.row
    assert server.answers(whole[:90], whole[90:] + LIVE) in ([400], [200, 200]), "where its head comes in pieces"
    assert server.answers(LIVE + whole + LIVE) in ([200], [200, 200, 200]), "where it comes behind another"


def test_nonsense_behind_a_request_does_not_take_its_answer(server: Server) -> None:
    asked = POST + b"content-length: %d\r\n\r\n%s" % (len(server.row), server.row)
    assert server.answers(asked + b"\x00\x01\r\n\r\n")[0] == 200
    assert server.answers(POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}") == [400]


def half_closed(server: Server, *texts: bytes) -> bytes:
    """All that comes back to who sends this in so many pieces, and says that nothing follows."""
    with server.connect() as connection:
        for number, text in enumerate(texts):
            time.sleep(0.1 * bool(number))
            connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return everything_until_closed(connection)


def everything_until_closed(connection: socket.socket) -> bytes:
    came = b""
    while part := connection.recv(65536):
        came += part
    return came


def test_who_sends_nothing_more_still_gets_its_answers(server: Server) -> None:
    whole = POST + b"content-length: %d\r\n\r\n" % len(server.row) + server.row
    assert statuses(half_closed(server, whole)) == [200]
    assert statuses(half_closed(server, whole[:40], whole[40:])) == [200]
    assert statuses(half_closed(server, LIVE)) == [200]
    assert statuses(half_closed(server, whole + whole + LIVE)) == [200, 200, 200]
    assert statuses(half_closed(server, LIVE, whole + LIVE)) == [200, 200, 200]


def test_of_half_a_request_nothing_is_answered_but_what_came_before_it(server: Server) -> None:
    whole = POST + b"content-length: %d\r\n\r\n" % len(server.row) + server.row
    assert half_closed(server, whole[:-3]) == half_closed(server, whole[:40]) == half_closed(server, b"") == b""
    assert statuses(half_closed(server, LIVE + whole[:-3])) == [200]
    assert statuses(half_closed(server, whole + whole[:40])) == [200]
