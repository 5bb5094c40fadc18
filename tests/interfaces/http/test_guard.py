"""Who is let in: by the one table of roles, on every route; and what those hear who are not."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.routing import Route
from starlette.types import ASGIApp

from poise.interfaces.http.app import create_app
from poise.interfaces.http.roles import NEEDED, OPEN, needed
from poise.serving.caller import ROLES
from poise.serving.served import Served
from poise.serving.tokens import Tokens, digest_of, new_token
from poise.serving.usage import Usage
from poise.stores.state_base import TokenRow

TOKENS = {role: new_token() for role in ROLES}
SLOW = new_token()


def tokens() -> Tokens:
    rows = [TokenRow(role, digest_of(token), (role,), None, 0, "ana") for role, token in TOKENS.items()]
    return Tokens([*rows, TokenRow("slow", digest_of(SLOW), ("predict",), 0.01, 0, "ana")])


@pytest.fixture(scope="module")
def app(stand_ins: ModuleType) -> ASGIApp:
    answerer = stand_ins.answerer()
    answerer.rehearse()
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry(), tokens=tokens(), usage=Usage(None))


def send(app: ASGIApp, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
    headers = [*more.pop("headers", {}).items(), *([("authorization", f"Bearer {token}")] if token else [])]

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://poise.example.org") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(go())


def routes(stand_ins: ModuleType) -> set[str]:
    """Method and path of every route that the application has."""
    app: Any = create_app(Served.of_one(stand_ins.answerer()), stand_ins.StandInRegistry())
    while not hasattr(app, "routes"):
        app = next(v for k, v in vars(app).items() if k in ("_app", "_others", "app", "_inner") and callable(v))
    found = set()
    for route in app.routes:
        assert isinstance(route, Route)
        methods = (route.methods or {"GET"}) - {"HEAD"}
        found |= {f"{method} {route.path}" for method in methods}
    return found


def test_every_route_stands_in_the_table(stand_ins: ModuleType) -> None:
    there = routes(stand_ins)
    assert len(there) > 15
    assert there - set(NEEDED) == set(), "a route that is not in the table asks for 'operate': give it its role"


@pytest.mark.parametrize("known", sorted(NEEDED))
def test_a_route_asks_for_its_roles_and_no_others(app: ASGIApp, known: str) -> None:
    method, _, path = known.partition(" ")
    path = path.replace("{source}", "flights").replace("{model}", "flights").replace("{version}", "r1")
    path = path.replace("{file}", "console.css")
    roles = NEEDED[known]
    without = send(app, method, path)
    if roles == OPEN and method == "GET":
        assert without.status_code == 200
        return
    if roles == OPEN:
        assert "this form is older" in without.text, "whoever signs in has no token yet, but the form of this server"
        return
    assert without.status_code == 401
    assert without.headers["www-authenticate"] == 'Bearer realm="poise"'
    for role, token in TOKENS.items():
        answer = send(app, method, path, token)
        let_in = role in roles or (role == "operate" and "read" in roles)
        assert (answer.status_code not in (401, 403)) == let_in, (role, answer.text)
        if not let_in:
            assert f'scope="{" ".join(roles)}"' in answer.headers["www-authenticate"]
            assert f"needs the role {' or '.join(roles)}" in answer.text


def test_what_is_not_in_the_table_asks_for_operate(app: ASGIApp) -> None:
    assert needed("DELETE", "/v1/weights") == needed("POST", "/v1/predict/") == ("operate",)
    assert send(app, "GET", "/nothing", TOKENS["read"]).status_code == 403
    assert send(app, "GET", "/nothing", TOKENS["operate"]).status_code == 404
    assert send(app, "GET", "/nothing").status_code == 401
    assert send(app, "POST", "/v1/events/a/b", TOKENS["ingest"]).status_code == 403


def test_a_token_answers_as_before(app: ASGIApp, stand_ins: ModuleType) -> None:
    assert send(app, "POST", "/v1/predict", TOKENS["predict"], json=stand_ins.ROW).json()["release"] == "r1"
    assert send(app, "HEAD", "/v1/releases", TOKENS["read"]).status_code == 200


def test_only_operate_may_choose_the_time(app: ASGIApp, stand_ins: ModuleType) -> None:
    body = {**stand_ins.ROW, "time": "2013-03-01T13:00:00+00:00"}
    refused = send(app, "POST", "/v1/predict", TOKENS["predict"], json=body)
    assert refused.status_code == 422 and refused.json()["field"] == "time"


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bearer poise_guess", TOKENS["predict"], f"Token {TOKENS['predict']}"],
    ids=["no token", "empty", "basic", "guessed", "no scheme", "another scheme"],  # each run makes tokens of its own
)
def test_a_header_that_is_no_token_is_refused_and_not_repeated(app: ASGIApp, value: str) -> None:
    answer = send(app, "POST", "/v1/predict", headers={"authorization": value}, json={})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert not value[7:] or value[7:] not in answer.text


def test_two_tokens_are_none(app: ASGIApp) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['predict']}"}
    assert send(app, "POST", "/v1/predict", TOKENS["predict"], headers=headers, json={}).status_code == 401


def test_a_token_in_the_address_is_not_read(app: ASGIApp) -> None:
    assert send(app, "POST", f"/v1/predict?access_token={TOKENS['predict']}", json={}).status_code == 401


def test_the_scheme_is_read_in_any_case(app: ASGIApp, stand_ins: ModuleType) -> None:
    headers = {"authorization": f"bEARER {TOKENS['predict']}"}
    assert send(app, "POST", "/v1/predict", headers=headers, json=stand_ins.ROW).status_code == 200


def test_too_often_is_429_with_retry_after(app: ASGIApp, stand_ins: ModuleType) -> None:
    assert send(app, "POST", "/v1/predict", SLOW, json=stand_ins.ROW).status_code == 200
    answer = send(app, "POST", "/v1/predict", SLOW, json=stand_ins.ROW)
    assert answer.status_code == 429 and 90 <= int(answer.headers["retry-after"]) <= 100
    assert answer.json()["title"] == "Too many requests"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}],
)
def test_pages_of_other_sites_are_refused_with_a_token_too(app: ASGIApp, headers: dict[str, str]) -> None:
    answer = send(app, "GET", "/v1/releases", TOKENS["read"], headers=headers)
    assert answer.status_code == 403 and "other sites" in answer.text


def test_a_page_of_this_server_is_answered_behind_a_proxy_too(app: ASGIApp) -> None:
    own = {"origin": "https://poise.example.org", "sec-fetch-site": "same-origin"}
    assert send(app, "GET", "/v1/releases", TOKENS["read"], headers=own).status_code == 200


def test_a_body_whose_end_is_said_twice_is_refused_and_the_connection_closed(app: ASGIApp) -> None:
    headers = {"transfer-encoding": "chunked", "content-length": "2"}
    answer = send(app, "POST", "/v1/predict", TOKENS["predict"], headers=headers, content=b"{}")
    assert answer.status_code == 400 and answer.headers["connection"] == "close"


def test_v2_says_it_in_its_own_form(app: ASGIApp) -> None:
    answer = send(app, "POST", "/v2/models/flights/infer", json={})
    assert answer.status_code == 401 and set(answer.json()) == {"error"}
    assert "www-authenticate" in answer.headers
