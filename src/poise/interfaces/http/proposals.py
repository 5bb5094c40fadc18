"""The routes of proposals: changes of weights that wait for stakeholders are seen, approved, declined, withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from poise.errors import RequestError
from poise.interfaces.http.asides import Asks
from poise.interfaces.http.ask import Ask, Gate, caller_of
from poise.interfaces.http.query import as_json, only
from poise.serving.answer import Answer
from poise.serving.body import decode, refuse_duplicates
from poise.serving.caller import ANYBODY_HERE, Asked, Caller, Handler
from poise.serving.proposals import APPROVE_FORM, SPEAKS_FOR, STANDINGS, WITHDRAW_FORM, Foresee, Proposals
from poise.serving.served import Served
from poise.serving.views import Registry

PROPOSALS = "/v1/weights/proposals"
Act = Callable[[Proposals, str, Mapping[str, Any]], dict[str, Any]]
NOT_SAID = "not said (HTTP)"
"""Who made a change that came without `who`: whoever runs the server did not."""
ACTS: Mapping[str, tuple[Act, str]] = {
    "approve": (Proposals.approve, APPROVE_FORM),
    "decline": (Proposals.decline, APPROVE_FORM),
    "withdraw": (Proposals.withdraw, WITHDRAW_FORM),
}


def proposal_routes(served: Served, registry: Registry, gate: Gate) -> list[BaseRoute]:
    """The routes; acting goes through `gate`, as changes of weights do."""
    pages = _Pages(served, registry)
    acting = [
        Route(f"{PROPOSALS}/{{name}}/{verb}", _Named(partial(pages.acting, act, form), served, gate), methods=["POST"])
        for verb, (act, form) in ACTS.items()
    ]
    return [Route(PROPOSALS, pages.show), *acting]


def proposals_of(served: Served, registry: Registry, caller: Caller) -> Proposals:
    """The proposals of what is served, as `caller` may act on them. Raises `RequestError` where nothing is decided."""
    newest = served.newest
    decision = newest.loaded.system.decision
    if decision is None:
        raise RequestError("this system predicts and decides nothing, so it has no weights")
    known = caller is not ANYBODY_HERE
    row = registry.document(SPEAKS_FOR, caller.name) if known else None
    return Proposals(
        decision,
        newest.loaded.system.requirements,
        registry,
        newest.zone,
        unsaid=NOT_SAID,
        token=caller.name if known else None,
        speaks_for=None if not known else row.value["for"] if row is not None else (),
    )


def foreseeing(served: Served, previews: Asks | None) -> Foresee:
    """Tells what a change would do by the process that makes previews."""

    def foresee(content: Mapping[str, Any]) -> Mapping[str, Any]:
        newest = served.newest
        if previews is None or newest.weights is None:
            return {"requirements": [], "terms": []}
        live = dict(newest.weights.values)
        return previews.ask({"act": "of", "release": newest.release, "live": live, "content": content})

    return foresee


class _Pages:
    """Everything here touches the state database, and does so in a thread, off the event loop."""

    def __init__(self, served: Served, registry: Registry) -> None:
        self._served, self._registry = served, registry

    async def show(self, request: Request) -> Response:
        only(request, "standing")
        standing = request.query_params.get("standing")
        if standing is not None and standing not in STANDINGS:
            raise RequestError(f"'{standing[:80]}' came", field="standing", allowed=", ".join(STANDINGS))
        caller = caller_of(request.scope)
        told = await run_in_threadpool(
            lambda: proposals_of(self._served, self._registry, caller).show(standing=standing)
        )
        return as_json(told)

    def acting(self, act: Act, form: str, name: str) -> Handler:
        def run(came: Asked) -> Answer:
            asked = decode(came.body, self._served.limits, form)
            refuse_duplicates(came.body, len(asked), asked)
            told = act(proposals_of(self._served, self._registry, came.caller), name, asked)
            live = self._registry.weights()
            if live is not None:
                self._served.set_weights(live)
            return Answer(200, msgspec.json.encode(told))

        async def handle(asked: Asked) -> Answer:
            return await run_in_threadpool(run, asked)

        return handle


class _Named:
    """A route whose handler is told the name in its path."""

    def __init__(self, handler: Callable[[str], Handler], served: Served, gate: Gate) -> None:
        self._handler, self._served, self._gate = handler, served, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Ask(self._handler(scope["path_params"]["name"]), self._served.limits, self._gate)(scope, receive, send)
