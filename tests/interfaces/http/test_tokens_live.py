"""A running server with tokens: what the command line does is in force within a second, and nothing tells a token."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from poise.interfaces import tokens
from poise.stores.state import State
from poise.stores.state_base import Use

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"


@contextmanager
def server(folder: Path, *options: str) -> Iterator[int]:
    """A server whose state and whose words are in `folder`."""
    command = [sys.executable, str(STAND_INS), "--state", f"sqlite:///{folder / 'state.db'}", "--tokens", *options]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rsplit(b":", 1)[1])
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(f"sqlite:///{tmp_path / 'state.db'}", "flights")) as state:
        yield state


def ask(port: int, method: str, path: str, token: str | None = None, body: object = None) -> tuple[int, bytes]:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_tokens_are_made_and_revoked_while_a_server_runs(tmp_path: Path, state: State, stand_ins: ModuleType) -> None:
    with server(tmp_path) as port:
        assert ask(port, "POST", "/v1/predict", None, stand_ins.ROW)[0] == 200, "nobody has made a token yet"
        made = tokens.add(state, "web", ["predict"])
        assert made.first
        assert soon(lambda: ask(port, "POST", "/v1/predict", None, stand_ins.ROW)[0] == 401)
        assert ask(port, "POST", "/v1/predict", made.secret, stand_ins.ROW)[0] == 200
        assert ask(port, "GET", "/v1/weights", made.secret)[0] == 403
        assert ask(port, "GET", "/health/ready")[0] == 200
        state.revoke_token("web")
        assert soon(lambda: ask(port, "POST", "/v1/predict", made.secret, stand_ins.ROW)[0] == 401)
        assert ask(port, "POST", "/v1/predict", None, stand_ins.ROW)[0] == 401, "it stays closed"


def test_weights_name_the_token_that_changed_them(tmp_path: Path, state: State) -> None:
    made = tokens.add(state, "desk", ["operate"])
    with server(tmp_path) as port:
        for who in (None, "ana"):
            body = {"values": {"calm": 0.2 if who else 0.3}, "why": "asked for", "who": who}
            assert ask(port, "PUT", "/v1/weights", made.secret, body)[0] == 200
    assert [row.who for row in state.weight_versions()[-2:]] == ["token desk", "ana (token desk)"]


def test_use_is_counted_by_token_contract_and_field(tmp_path: Path, state: State, stand_ins: ModuleType) -> None:
    web, app = tokens.add(state, "web", ["predict"]), tokens.add(state, "app", ["predict", "read"])
    row = stand_ins.ROW
    with server(tmp_path) as port:
        for _ in range(3):
            assert ask(port, "POST", "/v1/predict", web.secret, {"rows": [row, row]})[0] == 200
        assert ask(port, "POST", "/v1/decide", app.secret, row)[0] == 200
        assert ask(port, "POST", "/v1/decide", app.secret, {"carier": "UA"})[0] == 422
        told = json.loads(ask(port, "GET", "/v1/usage?token=app", app.secret)[1])
        (one,) = told["consumers"]
        (contract,) = one["contracts"]
        assert [field["name"] for field in contract["fields"]] == [f"flights.{name}" for name in sorted(row)]
        assert contract["contract"] == 1 and contract["routes"][0]["name"] == "/v1/decide"
        ask(port, "POST", "/v1/decide", app.secret, row)
    kept = {row.use: row.times for row in state.usage()}
    assert kept[Use("web", 1, "field", "flights.distance")] == 3, "what is counted last is written at the end"
    assert kept[Use("app", 1, "field", "flights.carrier")] == 2
    assert kept[Use("app", 0, "request", "")] == 4
    assert [one["seen"] is not None for one in tokens.listed(state)] == [True, True]


def test_no_token_is_written_or_logged_anywhere(tmp_path: Path, state: State, stand_ins: ModuleType) -> None:
    made = [tokens.add(state, name, roles) for name, roles in (("web", ["predict"]), ("desk", ["operate"]))]
    stranger = "poise_" + "stranger" * 5
    with server(tmp_path, "--log", "json") as port:
        for token in (*(one.secret for one in made), stranger):
            for path in ("/v1/predict", f"/v1/predict?token={token}", "/v2/models/flights/infer", "/no/such/path"):
                ask(port, "POST", path, token, stand_ins.ROW)
                ask(port, "POST", path, token, {"carrier": 7})
            ask(port, "GET", "/v1/history", token)
            ask(port, "GET", "/metrics", token)
    said = (tmp_path / "said.txt").read_bytes()
    assert said.count(b"\n") > 20, "requests are logged"
    assert said.count(b'"caller":"web"') > 5, "by the names of tokens"
    for token in (*(one.secret for one in made), stranger):
        for path in tmp_path.rglob("*"):
            assert token[6:].encode() not in path.read_bytes(), path.name


def test_strangers_keep_nobody_out_who_has_a_token(tmp_path: Path, state: State, stand_ins: ModuleType) -> None:
    made = tokens.add(state, "web", ["predict"])
    headers = {"content-type": "application/json", "authorization": f"Bearer {made.secret}"}

    def asked(connection: http.client.HTTPConnection) -> int:
        connection.request("POST", "/v1/predict", json.dumps(stand_ins.ROW), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def strange(port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), 20)

    with server(tmp_path, "--connections", "5") as port, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(strange(port)) for _ in range(8)]
        kept = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)))
        assert asked(kept) == 200
        first = kept.sock
        silent += [stack.enter_context(strange(port)) for _ in range(20)]
        assert asked(kept) == 200 and kept.sock is first, "the one who is known keeps the connection"
        assert silent[0].recv(100) == b"", "the oldest of the others gave way"
        known = [
            stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20))) for _ in "abcd"
        ]
        assert [asked(one) for one in known] == [200] * 4
        assert ask(port, "GET", "/health/live")[0] == 503, "all places are taken by callers who are known"
