"""Requests that nobody sane would send, to a real server: no 500, no crash, nothing stuck, nothing kept."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.journeys.processes import resident

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
JSON = "application/json"
FAIR = {200, 400, 404, 408, 409, 411, 413, 415, 417, 422, 431}
"""What a caller may be answered who sends nonsense; 503 and 500 are not among it."""
NOISE = [
    b"NaN", b"-Infinity", b"1e999", b"-0", b"1e-400", b"9" * 5_000, b"0." + b"3" * 400, b"[" * 3_000, b'{"a":' * 2_000,
    b"\x00", b"\xff\xfe", b"\\ud800", b'"', b"\\", b"null", b"true", b"[]", b"{}", b"\r\n", b",", b":", b"1.0", b"\xc3",
]  # fmt: skip


@dataclass
class Server:
    """One that runs. log: what it writes to standard error."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    row: dict[str, object]

    def answers(self) -> bool:
        return self.post("/v1/predict", json.dumps(self.row).encode())[0] == 200

    def post(self, path: str, body: bytes, method: str = "POST", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"content-type": JSON, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, text: bytes, *, half: bool = False, wait: float = 5.0) -> bytes:
        """What comes back before the server hangs up or `wait` seconds are over. half: nothing more will be sent."""
        came = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), wait) as connection:
                connection.sendall(text)
                if half:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    came += part
        except OSError:  # it was slow, or hung up while more was on its way
            pass
        return came

    def size(self) -> int:
        """Its resident memory in bytes."""
        return resident(self.process.pid)

    def files(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, stand_ins: ModuleType) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzz")
    with (folder / "log").open("wb") as log:
        command = [sys.executable, str(STAND_INS), "--patience", "0.5", "--state", f"sqlite:///{folder}/state.db"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", 1)[1])
            found = Server(process, port, folder / "log", stand_ins.ROW)
            yield found
            assert process.poll() is None and found.answers()
            assert "unexpected error" not in found.log.read_text(), "every refusal was foreseen"
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def tensors(row: dict[str, object]) -> list[dict[str, object]]:
    return [
        {"name": name, "shape": [1], "datatype": "FP64" if isinstance(value, float) else "BYTES", "data": [value]}
        for name, value in row.items()
    ]


def asks(row: dict[str, object]) -> dict[str, tuple[str, bytes, dict[str, str]]]:
    """Route -> method, body and headers that are answered."""
    inputs = tensors(row)
    inputs[1] = {"name": "distance", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    text = json.dumps({"id": "a", "inputs": inputs, "outputs": [{"name": "late"}]}).encode()
    binary = text + np.array([719.0]).tobytes()
    length = {"inference-header-content-length": str(len(text)), "content-type": "application/octet-stream"}
    weights = {"values": {"calm": 0.5}, "why": "try", "expected_version": None}
    return {
        "/v1/predict": ("POST", json.dumps({"rows": [row, row], "per": "flights"}).encode(), {}),
        "/v1/decide": ("POST", json.dumps({"rows": [row], "time": None}).encode(), {}),
        "/v1/weights": ("PUT", json.dumps(weights).encode(), {}),
        "/v1/weights/take-back": ("POST", json.dumps({"why": "x", "to": 1}).encode(), {}),
        "/v2/models/flights/infer": ("POST", json.dumps({"inputs": tensors(row)}).encode(), {}),
        "/v2/models/flights.late/versions/r1/infer": ("POST", binary, length),
    }


@st.composite
def damage(draw: st.DrawFn, text: bytes) -> bytes:
    """`text` with some pieces replaced, left out, or put in."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from([b"", *NOISE]) | st.binary(max_size=8))
        text = text[:start] + piece + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


BROAD = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@BROAD
@given(data=st.data(), route=st.integers(0, 5))
def test_damaged_bodies_are_refused(server: Server, data: st.DataObject, route: int) -> None:
    path, (method, body, headers) = list(asks(server.row).items())[route]
    status, told = server.post(path, data.draw(damage(body)), method, **headers)
    assert status in FAIR, told
    if status != 200:
        assert json.loads(told)["error" if path.startswith("/v2") else "detail"]


@BROAD
@given(data=st.data(), route=st.integers(0, 5), half=st.booleans())
def test_damaged_messages_are_refused_or_hung_up_on(
    server: Server, data: st.DataObject, route: int, half: bool
) -> None:
    path, (method, body, headers) = list(asks(server.row).items())[route]
    fields = {"host": "localhost", "content-type": JSON, "content-length": str(len(body)), "connection": "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**fields, **headers}.items())
    message = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
    came = server.raw(data.draw(damage(message)), half=half, wait=3.0)
    for status in re.findall(rb"HTTP/1\.1 (\d+) ", came):
        assert int(status) in FAIR | {403, 405, 501}, came


JUNK = st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none()
DATATYPES = st.sampled_from(["BYTES", "BOOL", "FP64", "FP16", "INT8", "UINT64", "BF16", ""])
SHAPES = st.lists(st.integers(-2, 5) | st.sampled_from([10_001, 2**63, 2**70, 10**30]), max_size=3)
TENSOR = st.fixed_dictionaries(
    {"name": st.sampled_from(["carrier", "distance", "departs", "x"]), "shape": SHAPES, "datatype": DATATYPES},
    optional={
        "data": st.lists(JUNK | st.lists(JUNK, max_size=2), max_size=4),
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "missing", "content_type", "x"]), JUNK),
    },
)


@BROAD
@given(inputs=st.lists(TENSOR, max_size=4), rest=st.binary(max_size=40), length=st.integers(-20, 60) | st.none())
@example(inputs=[], rest=b"", length=0)
def test_tensors_of_every_kind(server: Server, inputs: list[object], rest: bytes, length: int | None) -> None:
    text = json.dumps({"inputs": inputs}).encode()
    headers = {} if length is None else {"inference-header-content-length": str(len(text) + length)}
    status, told = server.post("/v2/models/flights/infer", text + rest, **headers)
    assert status in FAIR, told


def test_nothing_is_left_of_what_came(server: Server) -> None:
    """Slow, silent, half-open and oversized callers, many at once, while others are answered; then all is as before."""
    body = json.dumps(server.row).encode()
    head = f"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n".encode()
    whole = head + b"content-length: %d\r\n\r\n%s" % (len(body), body)
    strange = [
        b"",
        head[:40],
        head + b"content-length: 100\r\n\r\n" + body[:5],
        head + b"content-length: %d\r\n\r\n" % 10_000_000 + b" " * 200_000,
        head + b"content-length: 10\r\n\r\n" + body,
        head + b"transfer-encoding: chunked\r\n\r\nffffffff\r\n" + b" " * 100_000,
        head + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + body,
        head + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n5\r\n{}   \r\n0\r\n\r\n",
        head + b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n",
        whole * 50,
        b"GET " + b"/" * 40_000 + b" HTTP/1.1\r\n\r\n",
    ]
    assert server.answers()
    files, size = server.files(), server.size()
    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(server.raw, text, half=n % 2 == 0, wait=2.0) for n in range(12) for text in strange]
        for _ in range(20):
            assert server.answers()
        for one in sent:
            for status in re.findall(rb"HTTP/1\.1 (\d+) ", one.result()):
                assert int(status) in FAIR | {100, 403, 501}
    ends = time.monotonic() + 20
    while server.files() > files + 2 and time.monotonic() < ends:
        time.sleep(0.2)
    assert server.files() <= files + 2, "connections that nobody uses are closed"
    assert server.size() - size < 80_000_000 and server.answers()
