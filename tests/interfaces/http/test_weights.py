"""The routes of the live weights, in process and on real servers that share a state database."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from poise.interfaces.http.app import create_app
from poise.serving.served import Served
from poise.stores.state import State

STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"
WEIGHTS, HISTORY, TAKE_BACK = "/v1/weights", "/v1/weights/history", "/v1/weights/take-back"
WITHIN = 1.0
"""Seconds within which every server follows."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "flights")
    yield state
    state.close()


@pytest.fixture
def app(stand_ins: ModuleType, state: State) -> ASGIApp:
    return create_app(Served.of_one(stand_ins.answerer()), state)


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def put(app: ASGIApp, **body: Any) -> httpx.Response:
    return send(app, "PUT", WEIGHTS, json=body)


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    return found


def test_before_anything_is_set_the_file_speaks(app: ASGIApp) -> None:
    found = send(app, "GET", WEIGHTS).json()
    assert (found["version"], found["values"], found["who"]) == (0, {"cost": 1.0, "calm": 0.1}, "system file")
    assert found["units"] == {"cost": "USD", "calm": None}
    assert found["exchange_rates"] == ["1 unit (calm) = 0.10 USD (cost)"]
    assert send(app, "GET", HISTORY).json() == {"versions": []}


def test_a_change_is_told_and_is_in_force_with_the_next_decision(app: ASGIApp, stand_ins: ModuleType) -> None:
    assert send(app, "POST", "/v1/decide", json=stand_ins.ROW).json()["chosen"] == "nothing"
    found = put(app, values={"calm": 200}, why="the desk is calm", who="ana").json()
    assert (found["version"], found["values"], found["changed"]) == (2, {"cost": 1.0, "calm": 200.0}, True)
    assert found["changes"] == ["1 unit (calm) was worth 0.10 USD (cost) and is now worth 200.00 USD"]
    assert found["before"] == {"version": 1, "values": {"cost": 1.0, "calm": 0.1}}
    assert found["file"] == [{"term": "calm", "live": 200.0, "file": 0.1}]
    decided = send(app, "POST", "/v1/decide", json=stand_ins.ROW).json()
    assert (decided["chosen"], decided["weights"]) == ("rebook", 2)
    shown = send(app, "GET", WEIGHTS).json()
    assert {name: shown[name] for name in ("version", "who", "why")} == {
        "version": 2,
        "who": "ana",
        "why": "the desk is calm",
    }


def test_taken_back_they_are_a_new_version_and_nothing_is_forgotten(app: ASGIApp, stand_ins: ModuleType) -> None:
    put(app, values={"calm": 200}, why="the desk is calm", who="ana")
    found = send(app, "POST", TAKE_BACK, json={"why": "it is not", "who": "ben"}).json()
    assert (found["version"], found["values"]["calm"]) == (3, 0.1)
    assert send(app, "POST", "/v1/decide", json=stand_ins.ROW).json()["weights"] == 3
    versions = send(app, "GET", HISTORY).json()["versions"]
    assert [(v["version"], v["who"], v["why"]) for v in versions] == [
        (3, "ben", "it is not"),
        (2, "ana", "the desk is calm"),
        (1, versions[2]["who"], "the system file"),
    ]
    assert versions[0]["changes"] == ["1 unit (calm) was worth 200.00 USD (cost) and is now worth 0.10 USD"]
    assert [v["version"] for v in send(app, "GET", f"{HISTORY}?limit=1").json()["versions"]] == [3]
    lines = send(app, "GET", "/v1/history").json()["history"]
    assert [(line["act"], line["subject"], line["who"]) for line in lines][:2] == [
        ("take-back", "weights 3", "ben"),
        ("weights", "weights 2", "ana"),
    ]


def test_who_does_not_say_who_they_are_is_not_the_servers_user(app: ASGIApp) -> None:
    assert put(app, values={"calm": 2}, why="try").json()["who"] == "not said (HTTP)"
    assert put(app, values={"calm": 3}, why="try", who=" ").json()["who"] == "not said (HTTP)"
    assert send(app, "POST", TAKE_BACK, json={"why": "no"}).json()["who"] == "not said (HTTP)"
    lines = send(app, "GET", "/v1/history").json()["history"]
    assert [line["who"] for line in lines][:3] == ["not said (HTTP)"] * 3


def test_the_same_values_again_change_nothing(app: ASGIApp) -> None:
    put(app, values={"calm": 2}, why="try")
    found = put(app, values={"calm": 2.0}, why="sent again").json()
    assert (found["version"], found["changed"], found["changes"]) == (2, False, [])


def test_who_comes_second_is_told_who_was_first(app: ASGIApp) -> None:
    put(app, values={"calm": 2}, why="sales asked", who="ana")
    found = problem(put(app, values={"calm": 3}, why="mine", expected_version=1), 409)
    assert "expects weights 1; weights 2 are live, by ana" in found["detail"] and "sales asked" in found["detail"]
    assert put(app, values={"calm": 3}, why="mine", expected_version=2).json()["version"] == 3
    problem(send(app, "POST", TAKE_BACK, json={"why": "mine", "expected_version": 2}), 409)


def test_who_expects_that_none_are_live_yet_is_first_or_told_so(app: ASGIApp, state: State) -> None:
    seen = send(app, "GET", WEIGHTS).json()["version"]
    early = problem(put(app, values={"calm": 3}, why="mine", expected_version=3), 409)
    assert early["hint"] == "expect 0, or nothing" and state.weights() is None, "nothing has changed"
    found = put(app, values={"calm": 2}, why="sales asked", who="ana", expected_version=seen).json()
    assert (seen, found["version"], found["before"]["values"]["calm"]) == (0, 2, 0.1)
    told = problem(put(app, values={"calm": 3}, why="mine", expected_version=0), 409)["detail"]
    assert "expects weights 0; weights 2 are live, by ana" in told
    problem(send(app, "POST", TAKE_BACK, json={"why": "mine", "expected_version": 0}), 409)
    assert problem(put(app, values={"calm": 3}, why="mine", expected_version=-1), 422)["field"] == "expected_version"


WRONG = [
    ({"values": {"calm": 1}}, "why", "needs a reason"),
    ({"values": {"calm": 1}, "why": "  "}, "why", "needs a reason"),
    ({"values": {"calm": 1}, "why": 7}, "why", "the number 7"),
    ({"values": {"calm": 1}, "why": "y" * 2001}, "why", "2,001 characters"),
    ({"values": {"calm": 1}, "why": "x", "who": ["ana"]}, "who", "a list came"),
    ({"values": {"calm": 1}, "why": "x", "expected_version": 1.5}, "expected_version", "the number 1.5"),
    ({"values": {"calm": 1}, "why": "x", "expected_version": True}, "expected_version", "true came"),
    ({"values": {"calm": 1}, "why": "x", "expected_version": 10**30}, "expected_version", "came"),
    ({"values": {"clam": 1}, "why": "x"}, "values.clam", "did you mean 'calm'?"),
    ({"values": {"calm": True}, "why": "x"}, "values.calm", "is true"),
    ({"values": {"calm": None}, "why": "x"}, "values.calm", "is null"),
    ({"values": {"calm": "1"}, "why": "x"}, "values.calm", "is '1'"),
    ({"values": {"calm": 1e300}, "why": "x"}, "values.calm", "1e+300"),
    ({"values": {"calm": {"a": {}}}, "why": "x"}, "values.calm", "is {'a': {}}"),
    ({"values": {"t" * 5000: 1}, "why": "x"}, None, "there is no term"),
    ({"values": {}, "why": "x"}, "values", "an empty object"),
    ({"values": [1], "why": "x"}, "values", "a list came"),
    ({"why": "x"}, "values", "nothing came"),
    ({"value": {"calm": 1}, "why": "x"}, "value", "did you mean 'values'?"),
]


@pytest.mark.parametrize(("body", "field", "said"), WRONG)
def test_what_does_not_fit_is_named_and_changes_nothing(
    app: ASGIApp, state: State, body: dict[str, Any], field: str | None, said: str
) -> None:
    found = problem(put(app, **body), 422)
    assert said in found["detail"] and len(found["detail"]) < 400
    assert field is None or found["field"] == field
    assert state.weights() is None and state.history() == ()


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (b'{"values": {"calm": NaN}, "why": "x"}', 400, "NaN is not JSON"),
        (b'{"values": {"calm": 1, "calm": 2}, "why": "x"}', 422, "'calm' is sent twice"),
        (b'{"values": {"calm": 1}, "why": "x", "why": "y"}', 422, "'why' is sent twice"),
        (b"[]", 422, '"values"'),
        (b"", 400, "empty"),
    ],
)
def test_bodies_that_are_no_change(app: ASGIApp, text: bytes, status: int, said: str) -> None:
    found = problem(send(app, "PUT", WEIGHTS, content=text, headers={"content-type": "application/json"}), status)
    assert said in found["detail"]


def test_a_change_cannot_leave_nothing_that_counts(app: ASGIApp) -> None:
    """Nor step by step: what is live counts with what is asked for."""
    assert put(app, values={"calm": 0}, why="try").json()["values"] == {"cost": 1.0, "calm": 0.0}
    found = problem(put(app, values={"cost": 0}, why="try"), 409)
    assert found["field"] == "values" and "all weights would be 0" in found["detail"]
    assert send(app, "GET", WEIGHTS).json()["version"] == 2


def test_take_backs_that_cannot_be(app: ASGIApp) -> None:
    assert "no earlier weights" in problem(send(app, "POST", TAKE_BACK, json={"why": "x"}), 409)["detail"]
    put(app, values={"calm": 2}, why="try")
    found = problem(send(app, "POST", TAKE_BACK, json={"why": "x", "to": 9}), 409)
    assert (found["field"], found["allowed"]) == ("to", "1 to 2")
    assert problem(send(app, "POST", TAKE_BACK, json={"why": "x", "to": -1}), 422)["field"] == "to"
    assert problem(send(app, "POST", TAKE_BACK, json={}), 422)["field"] == "why"


def test_other_methods_and_parameters(app: ASGIApp) -> None:
    assert set(problem(send(app, "DELETE", WEIGHTS), 405)["allowed"].split(", ")) == {"GET", "HEAD", "PUT"}
    assert problem(send(app, "GET", f"{WEIGHTS}?version=1"), 422)["field"] == "version"
    assert problem(send(app, "GET", f"{HISTORY}?limit=0"), 422)["field"] == "limit"
    found = send(
        app, "PUT", WEIGHTS, json={"values": {"calm": 1}, "why": "x"}, headers={"origin": "http://evil.example"}
    )
    problem(found, 403)


def test_of_callers_that_expect_the_same_version_one_wins(app: ASGIApp, state: State) -> None:
    put(app, values={"calm": 2}, why="first")
    found: list[int] = []

    def change(number: int) -> None:
        found.append(put(app, values={"calm": 3 + number}, why="mine", expected_version=2).status_code)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] + [409] * 5
    assert len(state.weight_versions()) == 3


@contextmanager
def server(url: str) -> Iterator[http.client.HTTPConnection]:
    command = [sys.executable, str(STAND_INS), "--state", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)) as connection:
                yield connection
        finally:
            process.terminate()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: object) -> dict[str, Any]:
    connection.request(method, path, json.dumps(body).encode(), {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_server_that_is_told_and_every_other_decide_by_them(tmp_path: Path, stand_ins: ModuleType) -> None:
    """Real servers: the one that is told at once, the other, and both after a change beside them, within a second."""
    url = f"sqlite:///{tmp_path}/state.db"
    with ExitStack() as stack:
        told, other = (stack.enter_context(server(url)) for _ in range(2))

        def followed(connection: http.client.HTTPConnection, version: int, chosen: str) -> float:
            started = time.monotonic()
            while (found := ask(connection, "POST", "/v1/decide", stand_ins.ROW))["weights"] != version:
                assert time.monotonic() - started < WITHIN, f"{found['weights']} after {WITHIN} s"
                time.sleep(0.005)
            assert found["chosen"] == chosen
            return time.monotonic() - started

        for version in (2, 4, 6):
            assert ask(told, "PUT", WEIGHTS, {"values": {"calm": 200}, "why": "try"})["version"] == version
            found = ask(told, "POST", "/v1/decide", stand_ins.ROW)
            assert (found["weights"], found["chosen"]) == (version, "rebook"), "in force with the very next decision"
            followed(other, version, "rebook")
            State(url, "flights").take_back_weights(why="not so")
            followed(told, version + 1, "nothing")
            followed(other, version + 1, "nothing")
