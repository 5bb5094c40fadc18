"""The routes of the live weights: seen, changed, taken back. What changes here is in force with the next decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import RequestError
from poise.interfaces.http.asides import Asks
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.proposals import NOT_SAID, foreseeing, proposals_of
from poise.interfaces.http.query import as_json, only, whole
from poise.serving.answer import Answer
from poise.serving.body import decode, refuse_duplicates
from poise.serving.caller import ANYBODY_HERE, Asked, Caller, Handler
from poise.serving.served import Served
from poise.serving.views import Registry
from poise.serving.weights import CHANGE_FORM, MOST_VERSIONS, TAKE_BACK_FORM, LiveWeights

WEIGHTS, HISTORY, TAKE_BACK = "/v1/weights", "/v1/weights/history", "/v1/weights/take-back"


def weights_routes(served: Served, store: Registry, gate: Gate, previews: Asks | None = None) -> list[BaseRoute]:
    """The routes; changing goes through `gate`, as every request with a body does. previews: what tells whose
    requirement a change may break, where those have to approve."""
    pages = _Weights(served, store, previews)
    change = Ask(pages.changing(pages.change, CHANGE_FORM), served.limits, gate)
    take_back = Ask(pages.changing(pages.take_back, TAKE_BACK_FORM), served.limits, gate)
    see = Route(WEIGHTS, pages.show).app
    return [
        Route(WEIGHTS, _ByMethod({"GET": see, "HEAD": see, "PUT": change}), methods=["GET", "PUT"]),
        Route(HISTORY, pages.history),
        Route(TAKE_BACK, take_back, methods=["POST"]),
    ]


class _ByMethod:
    """One application per method of one address, so that an answer to another names them all."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["method"]](scope, receive, send)


class _Weights:
    """Everything here touches the state database, and does so in a thread, off the event loop."""

    def __init__(self, served: Served, store: Registry, previews: Asks | None) -> None:
        self._served = served
        self._store = store
        self._previews = previews

    async def show(self, request: Request) -> Response:
        only(request)
        return as_json(await run_in_threadpool(self._live().show))

    async def history(self, request: Request) -> Response:
        only(request, "limit")
        limit = whole(request, "limit", 100, 1, MOST_VERSIONS)
        return as_json(await run_in_threadpool(self._live().history, limit))

    def change(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        live = self._live(None if caller is ANYBODY_HERE else caller.name)
        proposals = proposals_of(self._served, self._store, caller)
        return proposals.change(live, asked, foreseeing(self._served, self._previews))

    def take_back(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        live = self._live(None if caller is ANYBODY_HERE else caller.name)
        proposals = proposals_of(self._served, self._store, caller)
        return proposals.take_back(live, asked, foreseeing(self._served, self._previews))

    def changing(self, act: Callable[[Caller, Mapping[str, Any]], dict[str, Any]], form: str) -> Handler:
        """A handler that changes the weights by `act` and answers once this server decides by them."""

        def run(came: Asked) -> Answer:
            asked = decode(came.body, self._served.limits, form)
            refuse_duplicates(came.body, _keys(asked), asked)
            told = act(came.caller, asked)
            live = self._store.weights()
            if live is not None:
                self._served.set_weights(live)
            return Answer(202 if "proposal" in told else 200, msgspec.json.encode(told))

        async def handle(asked: Asked) -> Answer:
            return await run_in_threadpool(run, asked)

        return handle

    def _live(self, token: str | None = None) -> LiveWeights:
        newest = self._served.newest
        decision = newest.loaded.system.decision
        if decision is None:
            raise RequestError("this system predicts and decides nothing, so it has no weights")
        return LiveWeights(decision, self._store, newest.zone, unsaid=NOT_SAID, token=token)


def _keys(asked: Mapping[str, Any]) -> int:
    return len(asked) + sum(len(value) for value in asked.values() if isinstance(value, dict))
