"""What a handler is handed: the body, who asks, and the contract that the caller was written for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.observed import CALLER
from poise.serving.answer import Answer
from poise.serving.caller import ANYBODY_HERE, Asked, Caller
from poise.serving.limits import Limits
from poise.serving.telemetry import Telemetry

SHOP = Caller("shop", frozenset({"predict"}))


def ask(headers: list[tuple[str, str]], caller: Caller | None = None) -> tuple[httpx.Response, list[Asked]]:
    came: list[Asked] = []

    def handler(asked: Asked) -> Answer:
        came.append(asked)
        return Answer(200, b"{}")

    app: ASGIApp = Ask(handler, Limits(), Gate("answers", 1, Telemetry()))

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, CALLER: caller} if caller else scope, receive, send)

    async def go() -> httpx.Response:
        transport: Any = httpx.ASGITransport(guarded)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/", json={"a": 1}, headers=headers)

    return asyncio.run(go()), came


def test_a_handler_is_told_who_asks_and_by_which_contract() -> None:
    assert ask([])[1] == [Asked(b'{"a":1}', ANYBODY_HERE, None)]
    assert ask([("poise-contract", "2")], SHOP)[1] == [Asked(b'{"a":1}', SHOP, 2)]


@pytest.mark.parametrize("said", [["two"], ["0"], ["-1"], ["1.0"], ["9" * 30], [""], ["1", "1"]])
def test_a_contract_that_is_no_whole_number_is_refused_by_name(said: list[str]) -> None:
    response, came = ask([("poise-contract", text) for text in said])
    assert response.status_code == 422 and came == []
    assert response.json()["field"] == "header poise-contract"
    assert response.json()["allowed"] == "a whole number from 1, once"
