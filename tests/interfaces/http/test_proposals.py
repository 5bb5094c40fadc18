"""The routes of proposals: a change of weights that waits, over HTTP, with tokens and without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from poise.interfaces import tokens as making
from poise.interfaces.http.app import create_app
from poise.interfaces.http.asides import Asides
from poise.serving.served import Served
from poise.serving.tokens import Tokens
from poise.spec.requirement import Requirement
from poise.stores.state import State

WEIGHTS, PROPOSALS = "/v1/weights", "/v1/weights/proposals"
MORE = {"values": {"calm": 0.5}, "why": "the desk is busy", "who": "ana"}
SAID = {"as": "desk", "why": "for a week"}


class Foretells:
    """Stands in for the process that makes previews."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert question["act"] == "of" and question["content"]["values"]["calm"] == 0.5
        return {"requirements": [], "terms": [{"sentence": "cost (desk): cannot tell"}]}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "flights")
    yield state
    state.close()


@pytest.fixture
def served(stand_ins: ModuleType) -> Served:
    """The stand-in of flights, whose desk requires something of what is decided and has to approve."""
    answerer = stand_ins.answerer()
    loaded = answerer.loaded
    asked = Requirement.model_validate(
        {"who": "desk", "metric": "decision.cost", "at_least": "97%", "relative_to": "live"}
    )
    decision = loaded.system.decision.model_copy(update={"approval": "touched"})
    system = loaded.system.model_copy(update={"decision": decision, "requirements": (asked,)})
    answerer.loaded = replace(loaded, system=system)
    return Served.of_one(answerer)


def send(app: ASGIApp, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(go())


def test_a_change_waits_and_is_in_force_once_it_is_approved(served: Served, state: State) -> None:
    app = create_app(served, state, asides=Asides(previews=Foretells()))
    put = send(app, "PUT", WEIGHTS, json=MORE)
    assert put.status_code == 202 and put.json()["proposal"]["waits_for"] == ["desk"]
    assert send(app, "GET", WEIGHTS).json()["values"]["calm"] == 0.1
    (one,) = send(app, "GET", PROPOSALS, params={"standing": "open"}).json()["proposals"]
    assert one["name"] == "p1" and one["foreseen"] == ["cost (desk): cannot tell"]
    done = send(app, "POST", f"{PROPOSALS}/p1/approve", json=SAID)
    assert done.status_code == 200 and done.json()["changed"]
    assert send(app, "GET", WEIGHTS).json()["values"]["calm"] == 0.5
    assert served.newest.weights is not None and served.newest.weights.values["calm"] == 0.5
    again = send(app, "POST", f"{PROPOSALS}/p1/decline", json=SAID)
    assert again.status_code == 409 and "is applied" in again.json()["detail"]


def test_what_does_not_fit_is_refused(served: Served, state: State) -> None:
    app = create_app(served, state)
    assert send(app, "GET", PROPOSALS, params={"standing": "closed"}).status_code == 422
    assert send(app, "GET", PROPOSALS, params={"all": "1"}).status_code == 422
    assert send(app, "POST", f"{PROPOSALS}/p9/approve", json=SAID).status_code == 409
    assert send(app, "POST", f"{PROPOSALS}/p9/approve", json={"as": "desk"}).status_code == 422
    assert send(app, "POST", f"{PROPOSALS}/p9/adopt", json=SAID).status_code == 404
    assert send(app, "GET", f"{PROPOSALS}/p9/approve").status_code == 405


def test_a_token_approves_for_whom_it_speaks_and_for_nobody_else(served: Served, state: State) -> None:
    made = {
        name: making.add(state, name, roles, speaks_for=speaks).secret
        for name, roles, speaks in (
            ("ana", ["operate"], []),
            ("desk", ["read"], ["desk"]),
            ("shop", ["predict"], ["desk"]),
        )
    }
    app = create_app(served, state, tokens=Tokens(state.tokens()))
    assert send(app, "PUT", WEIGHTS, made["desk"], json=MORE).status_code == 403
    assert send(app, "PUT", WEIGHTS, made["ana"], json=MORE).status_code == 202
    path = f"{PROPOSALS}/p1/approve"
    assert send(app, "POST", path, json=SAID).status_code == 401
    assert send(app, "POST", path, made["shop"], json=SAID).status_code == 403
    refused = send(app, "POST", path, made["ana"], json=SAID)
    assert refused.status_code == 403 and "speaks for nobody" in refused.json()["detail"]
    assert send(app, "POST", f"{PROPOSALS}/p1/withdraw", made["desk"], json={"why": "x"}).status_code == 403
    assert state.weights() is not None and state.weights().values["calm"] == 0.1  # type: ignore[union-attr]
    assert send(app, "POST", path, made["desk"], json=SAID).json()["changed"]
    assert [line.who for line in state.history()][-2:] == ["token desk", "ana (token ana)"]


def test_a_name_that_is_given_again_speaks_for_nobody_of_before(state: State) -> None:
    making.add(state, "pam", ["read"], speaks_for=["product"])
    state.revoke_token("pam")
    assert making.add(state, "pam", ["read"]).row.name == "pam"
    assert [one["speaks_for"] for one in making.listed(state)] == [[]]
