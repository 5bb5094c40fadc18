"""The application in process: routes, problem documents, guards, and bodies that nobody sane would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from poise.interfaces.http.app import create_app
from poise.serving.limits import Limits
from poise.serving.served import Served

JSON_TYPE = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def app(stand_ins: ModuleType) -> ASGIApp:
    answerer = stand_ins.answerer(limits=Limits(body=20_000, rows=50))
    answerer.rehearse()
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry())


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert {"type", "title", "detail"} <= set(found)
    return found


def test_predict_and_decide_answer(app: ASGIApp, stand_ins: ModuleType) -> None:
    assert send(app, "POST", "/v1/predict", json=stand_ins.ROW).json()["predictions"][0]["late"] == 0.1438
    decided = send(app, "POST", "/v1/decide", json={"rows": [stand_ins.ROW] * 3}).json()
    assert [d["chosen"] for d in decided["decisions"]] == ["nothing"] * 3


def test_a_misfit_names_field_and_what_is_allowed(app: ASGIApp, stand_ins: ModuleType) -> None:
    rows = [stand_ins.ROW, {**stand_ins.ROW, "distance": "far"}]
    found = problem(send(app, "POST", "/v1/predict", json={"rows": rows}), 422)
    assert found["field"] == "rows[1].distance"
    assert found["allowed"] == "a number, at least 1, at most 5000, or null"
    assert found["detail"].startswith("rows[1].distance: the string 'far' came")
    assert found["type"] == "urn:poise:problem:request-error"


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("POST", "/v1/nothing", {"json": {}}, 404),
        ("GET", "/v1/predict", {}, 405),
        ("DELETE", "/v1/history", {}, 405),
        ("OPTIONS", "/v1/decide", {}, 405),
        ("POST", "/health/live", {}, 405),
        ("POST", "/v1/predict", {"content": b"{}"}, 415),
        ("POST", "/v1/predict", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/v1/predict", {"data": {"a": "b"}}, 415),
        ("POST", "/v1/predict", {"content": b"{}", "headers": {**JSON_TYPE, "content-encoding": "gzip"}}, 415),
        ("POST", "/v1/predict", {"content": b"{", "headers": JSON_TYPE}, 400),
        ("POST", "/v1/predict", {"content": b"", "headers": JSON_TYPE}, 400),
        ("POST", "/v1/predict", {"content": b"[" * 9000, "headers": JSON_TYPE}, 400),
        ("POST", "/v1/predict", {"content": b" " * 20_001, "headers": JSON_TYPE}, 413),
        ("POST", "/v1/predict", {"json": {"rows": [{}] * 51}}, 413),
        ("GET", "/v1/history?limit=0", {}, 422),
        ("GET", "/v1/history?limit=9999999999999999999999", {}, 422),
        ("GET", "/v1/history?limti=5", {}, 422),
    ],
)
def test_every_failure_is_a_problem_document(
    app: ASGIApp, method: str, path: str, more: Mapping[str, Any], status: int
) -> None:
    problem(send(app, method, path, **more), status)


def test_405_says_what_is_allowed(app: ASGIApp) -> None:
    response = send(app, "GET", "/v1/decide")
    assert problem(response, 405)["allowed"] == response.headers["allow"] == "POST"


def test_json_with_a_charset_is_json(app: ASGIApp, stand_ins: ModuleType) -> None:
    body = json.dumps(stand_ins.ROW).encode()
    for kind in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        assert send(app, "POST", "/v1/predict", content=body, headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8080"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "user@127.0.0.1"},
        {"host": ""},
        {"host": "0.0.0.0:8080"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "https://127.0.0.1:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_foreign_pages_are_refused(app: ASGIApp, stand_ins: ModuleType, headers: dict[str, str]) -> None:
    problem(send(app, "POST", "/v1/predict", json=stand_ins.ROW, headers=headers), 403)
    if "sec-fetch-mode" not in headers:
        problem(send(app, "GET", "/v1/releases", headers=headers), 403)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:9000"},
        {"host": "LOCALHOST"},
        {"host": "[::1]:8080"},
        {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_programs_of_this_machine_are_answered(app: ASGIApp, stand_ins: ModuleType, headers: dict[str, str]) -> None:
    assert send(app, "POST", "/v1/predict", json=stand_ins.ROW, headers=headers).status_code == 200


def test_a_link_to_the_front_page_may_be_followed(app: ASGIApp) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    response = send(app, "GET", "/", headers=headers)
    assert response.status_code == 200
    assert "curl -s http://127.0.0.1:8080/v1/decide" in response.text
    assert "&lt;will&gt;" in response.text and "<will>" not in response.text


def test_reading_routes(app: ASGIApp) -> None:
    assert send(app, "GET", "/v1/releases").json()["live"] == "r1"
    then = send(app, "GET", "/v1/releases?at=2013-02-01T00:00:00+01:00").json()
    assert then["live"] is None and then["contracts"] == [] and len(then["releases"]) == 2
    problem(send(app, "GET", "/v1/releases?at=yesterday"), 422)
    assert send(app, "GET", "/v1/requirements").json()["requirements"][0]["who"] == "trust"
    lines = send(app, "GET", "/v1/history?limit=2&after=1").json()["history"]
    assert [line["seq"] for line in lines] == [3, 2]
    assert send(app, "GET", "/health/live").json() == {"live": True}
    assert send(app, "GET", "/health/ready").json() == {"ready": True, "release": "r1"}


def test_not_ready_before_a_rehearsal(stand_ins: ModuleType) -> None:
    response = send(
        create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry()), "GET", "/health/ready"
    )
    assert problem(response, 503) and response.headers["retry-after"] == "1"


def test_an_unexpected_error_tells_nothing_but_an_id(
    stand_ins: ModuleType, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = stand_ins.answerer()
    app = create_app(Served.of_one(answerer), stand_ins.StandInRegistry())

    def fail(*_: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(answerer, "_score", fail)
    found = problem(send(app, "POST", "/v1/predict", json=stand_ins.ROW), 500)
    assert "secret" not in json.dumps(found)
    assert found["detail"].split()[-1] in caplog.text and "secret" in caplog.text


def test_a_model_without_a_number_is_not_the_callers_fault(app: ASGIApp, stand_ins: ModuleType) -> None:
    found = problem(send(app, "POST", "/v1/decide", json={**stand_ins.ROW, "carrier": "??"}), 503)
    assert "'late' gave no finite number" in found["detail"]


def test_a_body_that_comes_slowly_takes_nobodys_place(stand_ins: ModuleType) -> None:
    app = create_app(Served.of_one(stand_ins.answerer(limits=Limits(concurrent=1))), stand_ins.StandInRegistry())

    async def go() -> tuple[int, int]:
        goes_on = asyncio.Event()

        async def slowly() -> Any:
            yield b"{"
            await goes_on.wait()
            yield json.dumps(stand_ins.ROW).encode()[1:]

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            first = asyncio.create_task(client.post("/v1/predict", content=slowly(), headers=JSON_TYPE))
            await asyncio.sleep(0.05)
            second = await client.post("/v1/decide", json=stand_ins.ROW)
            goes_on.set()
            return (await first).status_code, second.status_code

    assert asyncio.run(go()) == (200, 200)


def test_a_body_that_comes_too_slowly_is_given_up(stand_ins: ModuleType) -> None:
    app = create_app(Served.of_one(stand_ins.answerer(limits=Limits(patience=0.05))), stand_ins.StandInRegistry())

    async def slowly() -> Any:
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    problem(send(app, "POST", "/v1/predict", content=slowly(), headers=JSON_TYPE), 408)


def test_a_streamed_body_is_cut_off_at_the_limit(app: ASGIApp) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1000
            yield b" " * 1000

    problem(send(app, "POST", "/v1/predict", content=endless(), headers=JSON_TYPE), 413)
    assert sent < 30_000


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(SCALARS, lambda x: st.lists(x) | st.dictionaries(st.text(max_size=8), x), max_leaves=12)
NAMES = st.sampled_from(["carrier", "distance", "departs", "rows", "time", "per", "x"])
LIKELY = st.dictionaries(NAMES, ANYTHING) | st.fixed_dictionaries({"rows": st.lists(st.dictionaries(NAMES, ANYTHING))})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.binary(max_size=200)
    | ANYTHING.map(lambda x: json.dumps(x).encode())
    | LIKELY.map(lambda x: json.dumps(x).encode())
)
def test_no_body_gives_500(app: ASGIApp, body: bytes) -> None:
    for route in ("/v1/predict", "/v1/decide"):
        response = send(app, "POST", route, content=body, headers=JSON_TYPE)
        assert response.status_code in (200, 400, 413, 422), response.text
        if response.status_code != 200:
            problem(response, response.status_code)
