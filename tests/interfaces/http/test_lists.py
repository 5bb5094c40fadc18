"""List decisions over HTTP: few and many candidates, what is described of them, and bodies that make no sense."""

from __future__ import annotations

import asyncio
import html
import json
from types import ModuleType
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp

from poise.interfaces.http.app import create_app
from poise.serving.served import Served

JSON_TYPE = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def app(lists: ModuleType, stand_ins: ModuleType) -> ASGIApp:
    answerer = lists.answerer("{method: plackett-luce, top: 20, temperature: 0.5}")
    answerer.rehearse()
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry())


@pytest.fixture(scope="module")
def empty(lists: ModuleType, stand_ins: ModuleType) -> ASGIApp:
    """A release that was made before there was anything to learn from."""
    answerer = lists.answerer(models=False)
    answerer.rehearse()
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry())


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("count", "status"), [(0, 422), (1, 200), (40, 200), (1_000, 200), (10_000, 200), (10_001, 413)]
)
def test_any_number_of_candidates_is_answered_or_refused(
    app: ASGIApp, lists: ModuleType, count: int, status: int
) -> None:
    response = send(app, "POST", "/v1/decide", json=lists.request(count))
    assert response.status_code == status
    found = response.json()
    if status == 200:
        assert len(found["shown"]) == min(3, count)
        assert len(found["shown"]) + found["left_out_count"] == count
    else:
        assert (found["field"], found["status"]) == ("candidates", status)
        assert "1 to 10,000 objects" in found["allowed"]


def test_a_megabyte_of_candidates_is_refused_quickly(app: ASGIApp) -> None:
    body = b'{"user_id": "u1", "candidates": [' + b"{}," * 330_000 + b"{}]}"
    response = send(app, "POST", "/v1/decide", content=body, headers=JSON_TYPE)
    assert response.status_code == 413
    assert response.json()["detail"].startswith("candidates: 330,001 candidates came")
    assert send(app, "POST", "/v1/decide", content=body * 2, headers=JSON_TYPE).status_code == 413


def test_a_misfit_names_the_candidate_and_its_field(app: ASGIApp, lists: ModuleType) -> None:
    sent = lists.request(5)
    sent["candidates"][3]["distance"] = "far"
    found = send(app, "POST", "/v1/decide", json=sent).json()
    assert found["field"] == "candidates[3].distance"
    assert found["allowed"] == "a number, at least 0, at most 100, or null"


def test_openapi_describes_the_list_and_its_example_is_answered(
    app: ASGIApp, empty: ASGIApp, lists: ModuleType
) -> None:
    for server, predicts in ((app, True), (empty, False)):
        document = send(server, "GET", "/openapi.json").json()
        assert ("/v1/predict" in document["paths"]) == predicts
        text = json.dumps(document)
        schemas = document["components"]["schemas"]
        for part in text.split('"$ref": "#/components/schemas/')[1:]:
            assert part.split('"')[0] in schemas
        for name in schemas:
            assert f"#/components/schemas/{name}" in text, name
        asked = document["paths"]["/v1/decide"]["post"]["requestBody"]["content"]["application/json"]["examples"]
        answer = send(server, "POST", "/v1/decide", json=asked["shown"]["value"])
        assert answer.status_code == 200
        assert set(schemas["DecideAnswer"]["required"]) <= set(answer.json())
        limits = schemas["DecideRequest"]["properties"]["candidates"]
        assert limits["minItems"] == 1 and "at most 10,000 candidates" in limits["description"]
        assert schemas["Candidate"]["required"] == ["shop_id"]


def test_the_front_page_shows_a_list_to_try(app: ASGIApp) -> None:
    page = html.unescape(send(app, "GET", "/").text)
    assert "/v1/decide" in page
    assert '"candidates": [{"shop_id": ' in page


def test_a_release_without_models_predicts_nothing(empty: ASGIApp, lists: ModuleType) -> None:
    response = send(empty, "POST", "/v1/predict", json=lists.ROW)
    assert response.status_code == 422
    assert "has learned nothing yet" in response.json()["detail"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("r1")
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=10)
NAMES = st.sampled_from(["user_id", "shop_id", "distance", "weather", "time", "per", "context", "place", "other"])
SOME = st.dictionaries(NAMES, JSON)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(SOME, st.lists(SOME | st.fixed_dictionaries({"shop_id": st.text(max_size=3)}), max_size=5) | JSON, SOME | JSON)
def test_nothing_that_is_sent_is_answered_by_a_server_error(
    app: ASGIApp, beside: dict[str, Any], candidates: Any, context: Any
) -> None:
    content = {"user_id": "u1", "weather": None, "distance": 1, **beside, "candidates": candidates, "context": context}
    body = json.dumps(content).encode()
    for route in ("/v1/decide", "/v1/predict"):
        response = send(app, "POST", route, content=body, headers=JSON_TYPE)
        assert response.status_code in (200, 400, 413, 422), response.text
