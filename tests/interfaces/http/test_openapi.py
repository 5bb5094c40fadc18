"""The OpenAPI document: every route is in it, its references lead somewhere, its examples are answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from poise.interfaces.http.app import create_app
from poise.interfaces.http.asides import Asides
from poise.interfaces.http.openapi_schema import SAYS
from poise.interfaces.http.roles import FORMS, NEEDED, PAGES, needed
from poise.serving.served import Served


@pytest.fixture(scope="module", params=["actions", "lists", "rule"])
def app(request: pytest.FixtureRequest, stand_ins: ModuleType, lists: ModuleType) -> ASGIApp:
    """One application that chooses actions, one that lists items, one that lists by a rule alone."""
    kind = request.param
    answerer = stand_ins.answerer() if kind == "actions" else lists.answerer(models=kind == "lists")
    answerer.rehearse()
    return create_app(Served.of_one(answerer), stand_ins.StandInRegistry(), asides=Asides(Nothing(), Nothing()))


class Nothing:
    """Answers no question."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError(question)


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


@pytest.fixture(scope="module")
def document(app: ASGIApp) -> dict[str, Any]:
    found: dict[str, Any] = send(app, "GET", "/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            yield method.upper(), path, item[method]


def routes(app: Any) -> Iterator[tuple[str, str]]:
    while not isinstance(app, Starlette):
        app = getattr(app, "_others", None) or app._app
    for route in app.routes:
        assert isinstance(route, Route)
        yield from ((method, route.path) for method in (route.methods or ()) - {"HEAD"})


def fits(path: str, template: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def test_every_route_is_described_and_has_its_roles(app: ASGIApp, document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    described = {(method, path) for method, path, _ in operations(document)}
    known = {tuple(name.split(" ", 1)) for name in NEEDED}
    predicts = ("POST", "/v1/predict") in described
    for method, path in routes(app):
        page = path in PAGES | FORMS | {"/login", "/console/{file}"}
        absent = path in ("/v2/", "/v1/events/{source}") or (not predicts and path.endswith(("/infer", "/predict")))
        assert page or absent or any(m == method and fits(p, path) for m, p in described), (
            f"{method} {path} is not described"
        )
    for method, path in described:
        assert any(m == method and fits(path, p) for m, p in known), f"{method} {path} asks for no role"


def test_references_lead_somewhere_and_names_are_unique(document: dict[str, Any]) -> None:
    text = str(document)
    schemas = document["components"]["schemas"]
    assert set(re.findall(r"'\$ref': '#/components/schemas/([^']+)'", text)) == set(schemas)
    names = [operation["operationId"] for *_, operation in operations(document)]
    assert len(names) == len(set(names))


def test_examples_are_answered(app: ASGIApp, document: dict[str, Any]) -> None:
    asked = 0
    for method, path, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [one["value"] for one in body.get("examples", {}).values()]
        for example in [*examples, *([body["example"]] if "example" in body and path.startswith("/v2") else [])]:
            version = document["info"]["version"]
            found = send(app, method, path.format(version="r1"), json=example, headers={"poise-contract": version})
            assert found.status_code == 200, found.text
            asked += 1
    assert asked >= 1


def test_columns_are_described_as_they_are_checked(app: ASGIApp, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    if "Row_flights" in schemas:
        row = schemas["Row_flights"]
        assert row["required"] == ["carrier", "distance", "departs"]
        assert row["properties"]["distance"]["maximum"] == 5000
        distance = schemas["Tensor_flights_distance"]["properties"]
        assert distance["data"]["anyOf"][0]["items"]["maximum"] == 5000 and "FP64" in distance["datatype"]["enum"]


def test_roles_of_paths_that_no_table_names_are_the_most_careful(document: dict[str, Any]) -> None:
    assert needed("POST", "/v1/nothing") == ("operate",)
    assert "components" in document and "securitySchemes" not in document["components"], "no tokens are needed here"


def test_a_reason_is_what_is_left_of_it_without_blanks() -> None:
    says = re.compile(SAYS)
    for number in range(0x11000):
        if not 0xD800 <= number < 0xE000:
            assert bool(says.search(chr(number))) == bool(chr(number).strip()), hex(number)
