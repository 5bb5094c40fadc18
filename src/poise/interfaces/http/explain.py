"""`POST /v1/explain`: why a decision was made, or why one would be, off the event loop and bounded; and beside it
`GET /v1/decisions`, which ones were made last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from poise.errors import RequestError, StateError, did_you_mean
from poise.interfaces.http.asides import Asks
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.query import as_json, only, whole
from poise.serving.answer import Answer, Answerer
from poise.serving.body import ROWS_FORM, decode, refuse_duplicates, shown
from poise.serving.caller import Asked
from poise.serving.list_rows import CANDIDATES
from poise.serving.rows import PER
from poise.serving.served import Served

EXPLAIN, DECISIONS = "/v1/explain", "/v1/decisions"
MOST_NEWEST = 100
"""Decisions in one answer."""
FORM = f'{{"decision_id": …}} of a decision that was made, or what /v1/decide or /v1/predict takes: {ROWS_FORM}'
_BY_ID = frozenset({"decision_id", "item"})


def explain_routes(served: Served, explains: Asks) -> list[BaseRoute]:
    """The routes. Explanations have a gate of their own, so that they keep no decision out."""
    gate = Gate("explanations", served.limits.concurrent, served.telemetry)
    explaining = _Explain(served, explains)
    return [
        Route(EXPLAIN, Ask(explaining.handle, served.limits, gate), methods=["POST"]),
        Route(DECISIONS, explaining.newest),
    ]


class _Explain:
    def __init__(self, served: Served, explains: Asks) -> None:
        self._served, self._explains = served, explains

    async def handle(self, asked: Asked) -> Answer:
        """What is explained is answered first, in the loop as any other request; taking it apart is not."""
        question = self._question(asked)
        told = await run_in_threadpool(self._explains.ask, question)
        return Answer(200, msgspec.json.encode(told))

    async def newest(self, request: Request) -> Response:
        """Which decisions were made last, and what came out."""
        only(request, "limit")
        limit = whole(request, "limit", 20, 1, MOST_NEWEST)
        return as_json(await run_in_threadpool(self._explains.ask, {"newest": limit}))

    def _question(self, asked: Asked) -> dict[str, Any]:
        content = decode(asked.body, self._served.limits, FORM)
        if "decision_id" in content:
            return _by_id(asked.body, content)
        answerer = self._served.of(asked.contract)
        may = asked.caller.may("operate")
        decides = _decides(answerer, content)
        answer = (answerer.decide if decides else answerer.predict)(asked.body, may_ask_time=may)
        if answer.kept is None:
            hint = "explain a decision by its id, or start it with a journal"
            raise StateError("this server keeps nothing of its answers that could be explained", hint=hint)
        weights = answerer.weights
        values = None if weights is None else dict(weights.values)
        return {"record": msgspec.Raw(answer.kept.encoded(answerer.telemetry)), "weights": values}


def _decides(answerer: Answerer, content: Mapping[str, Any]) -> bool:
    """Whether a body is one for /v1/decide."""
    contract = answerer.loaded.contract
    if contract.decides_on is None:
        return False
    if answerer.loaded.ranker is not None:
        return CANDIDATES in content
    return bool(content.get(PER, contract.decides_on) == contract.decides_on)


def _by_id(body: bytes, content: Mapping[str, Any]) -> dict[str, Any]:
    refuse_duplicates(body, len(content), content)
    for name in content:
        if name not in _BY_ID:
            raise RequestError("there is no such field", field=shown(name), hint=did_you_mean(name[:100], _BY_ID))
    number, item = content["decision_id"], content.get("item")
    if not isinstance(number, str) or not number:
        raise RequestError("it is no string" if number != "" else "it is empty", field="decision_id", allowed="an id")
    if item is not None and not isinstance(item, str | int | float):
        raise RequestError("it is no item", field="item", allowed="an item of the list, or left out")
    return {"decision_id": number, "item": item}
