"""How much may be in progress at once: answers that wait for something, and bodies that are on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import ASGIApp

from poise.interfaces.http import ask
from poise.interfaces.http.ask import Ask, Gate
from poise.serving.answer import Answer
from poise.serving.caller import Asked, Handler
from poise.serving.limits import Limits
from poise.serving.telemetry import Telemetry

JSON_TYPE = {"content-type": "application/json"}


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def test_above_the_limit_of_answers_in_progress_callers_are_asked_to_come_again() -> None:
    telemetry, goes_on = Telemetry(), asyncio.Event()

    async def slow(asked: Asked) -> Answer:
        await goes_on.wait()
        return Answer(200, asked.body)

    handler: Handler = slow
    app: ASGIApp = Ask(handler, Limits(), Gate("answers", 2, telemetry))

    async def go() -> tuple[list[int], httpx.Response, int]:
        async with client(app) as asks:
            first = [asyncio.create_task(asks.post("/", json={})) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await asks.post("/", json={})
            assert telemetry.watched["in_progress"][0]() == {("answers",): 2}
            goes_on.set()
            answered = [(await one).status_code for one in first]
            return answered, refused, (await asks.post("/", json={})).status_code

    answered, refused, later = asyncio.run(go())
    assert (answered, refused.status_code, later) == ([200, 200], 503, 200)
    assert refused.headers["retry-after"] == "1"
    assert telemetry.counted["shed"] == {("in_progress",): 1}


def test_bodies_on_their_way_take_a_bounded_part_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "UPLOADS", 5_000)
    telemetry, goes_on = Telemetry(), asyncio.Event()
    app: ASGIApp = Ask(lambda asked: Answer(200, b"{}"), Limits(), Gate("answers", 2, telemetry))

    async def slowly() -> AsyncIterator[bytes]:
        yield b" " * 2_000
        await goes_on.wait()
        yield b"{}"

    async def go() -> tuple[list[int], int, list[int]]:
        async with client(app) as asks:

            def slow() -> asyncio.Task[httpx.Response]:
                return asyncio.create_task(asks.post("/", content=slowly(), headers=JSON_TYPE))

            sending = [slow() for _ in range(3)]
            await asyncio.sleep(0.05)
            meanwhile = (await asks.post("/", json={})).status_code
            goes_on.set()
            first = [(await one).status_code for one in sending]
            return first, meanwhile, [(await slow()).status_code for _ in range(3)]

    first, meanwhile, later = asyncio.run(go())
    assert sorted(first) == [200, 200, 503], "two bodies of 2,000 bytes fit, a third does not"
    assert meanwhile == 200
    assert later == [200, 200, 200], "what was let go does not count any more"
    assert telemetry.counted["shed"] == {("uploads",): 1}
