"""The ASGI application: routes, guards and limits in one place, around the handlers of what is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import PoiseError
from poise.interfaces.console.console import Console
from poise.interfaces.http.asides import NONE, Asides
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.capacity import capacity_route
from poise.interfaces.http.document import DOCUMENT, Document
from poise.interfaces.http.events import Events, logged
from poise.interfaces.http.explain import explain_routes
from poise.interfaces.http.gauges import watch
from poise.interfaces.http.guard import Guard
from poise.interfaces.http.health import Health
from poise.interfaces.http.metrics import METRICS, Metrics
from poise.interfaces.http.monitor import Findings, monitor_route
from poise.interfaces.http.observed import Observed
from poise.interfaces.http.previews import preview_routes
from poise.interfaces.http.problem import of_error, problem
from poise.interfaces.http.proposals import proposal_routes
from poise.interfaces.http.query import as_json, instant, only, whole
from poise.interfaces.http.rollout import rollout_routes
from poise.interfaces.http.straight import Straight
from poise.interfaces.http.tracing import traced
from poise.interfaces.http.usage import usage_route
from poise.interfaces.http.v2 import v2_routes
from poise.interfaces.http.v2_errors import V2Errors
from poise.interfaces.http.weights import weights_routes
from poise.serving import views
from poise.serving.answer import Answer, Answerer
from poise.serving.caller import Asked
from poise.serving.inlet import Inlet
from poise.serving.served import Served
from poise.serving.tokens import Tokens
from poise.serving.usage import Usage
from poise.serving.views import Registry

PREDICT, DECIDE = "/v1/predict", "/v1/decide"


def create_app(
    served: Served,
    registry: Registry,
    also: Sequence[BaseRoute] = (),
    inlet: Inlet | None = None,
    tokens: Tokens | None = None,
    usage: Usage | None = None,
    asides: Asides = NONE,
) -> ASGIApp:
    """The application. tokens: those by which callers are known; without any every program of this machine may do all.

    also: routes of a program's own beside those of Poise, behind the same guard. inlet: takes events in and logs
    answers; without one no event is taken and nothing is logged. usage: where is counted who uses what.
    asides: what makes explanations and previews.
    """
    usage, tokens = usage or Usage(None), tokens or Tokens()
    console = Console(served, tokens)
    gate = Gate("answers", served.limits.concurrent, served.telemetry, patient=False)
    changes = Gate("changes", served.limits.concurrent, served.telemetry)  # that somebody helps a server under load
    predict = logged(inlet, _by(served, lambda one, asked: one.predict(asked.body, may_ask_time=_may(asked))))
    decide = logged(inlet, _by(served, lambda one, asked: one.decide(asked.body, may_ask_time=_may(asked))))
    events = Events(inlet, served)
    hot = events.hot  # which grows by the sources of later releases
    hot |= {PREDICT: Ask(predict, served.limits, gate), DECIDE: Ask(decide, served.limits, gate)}
    pages, health = _Pages(served, registry), Health(served, inlet)
    watch(served, health, inlet)
    Findings(registry).watch(served.telemetry)
    routes = [
        *(Route(path, ask, methods=["POST"]) for path, ask in hot.items()),
        Route("/v1/releases", pages.releases),
        Route("/v1/requirements", pages.requirements),
        Route("/v1/history", pages.history),
        *weights_routes(served, registry, changes, asides.previews),
        *proposal_routes(served, registry, changes),
        *rollout_routes(served, registry, changes),
        events.others(),
        usage_route(served, usage),
        monitor_route(registry),
        capacity_route(served),
        *(explain_routes(served, asides.explains) if asides.explains is not None else ()),
        *(preview_routes(served, asides.previews) if asides.previews is not None else ()),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route(METRICS, Metrics(served.telemetry).show),
        *v2_routes(served, health.ready, gate, inlet),
        Route(
            DOCUMENT,
            Document(served, tokens, takes_in=inlet is not None, asides=asides).show,
        ),
        *console.routes(),
        *also,
    ]
    handlers: dict[Any, Any] = {HTTPException: _http_error, PoiseError: _error, Exception: _error}
    inner = _Hot(hot, Starlette(routes=routes, exception_handlers=handlers))
    guarded = Guard(inner, tokens, usage, served.limits.head, console.sessions, console.refuse)
    observed = Observed(V2Errors(guarded), served.telemetry, hot)
    return traced(Straight(observed, guarded, hot, served.limits), served.telemetry)


def _by(served: Served, act: Callable[[Answerer, Asked], Answer]) -> Callable[[Asked], Answer]:
    """Answers a request by the release that its caller is to be answered by."""

    def handle(asked: Asked) -> Answer:
        if served.trial is None:  # nearly always: the shortest way
            return act(served.of(asked.contract), asked)
        return served.answered(asked.contract, asked.body, lambda one: act(one, asked))

    return handle


def _may(asked: Asked) -> bool:
    """Whether the caller may ask as of another time."""
    return asked.caller.may("operate")


class _Hot:
    """Sends POSTs of the hot routes straight to them, past the routing of everything else."""

    def __init__(self, hot: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._hot = hot
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._hot.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (app or self._others)(scope, receive, send)


class _Pages:
    """The routes that read. What touches the state database does so in a thread, off the event loop."""

    def __init__(self, served: Served, registry: Registry) -> None:
        self._served = served
        self._registry = registry

    async def releases(self, request: Request) -> Response:
        only(request, "at")
        zone = self._served.live.zone
        at = instant(request, "at", zone)
        return as_json(await run_in_threadpool(views.releases, self._registry, zone, at))

    async def requirements(self, request: Request) -> Response:
        live = self._served.live
        return as_json(views.requirements(live.release, live.evidence()))

    async def history(self, request: Request) -> Response:
        only(request, "subject", "act", "after", "before", "limit")
        after, before = whole(request, "after", 0, 0, 2**53), whole(request, "before", 2**53, 1, 2**53)
        limit = whole(request, "limit", 100, 1, views.MOST_LINES)
        subject, act = request.query_params.get("subject"), request.query_params.get("act")
        lines = await run_in_threadpool(
            partial(views.history, subject=subject, act=act, after=after, before=before, limit=limit),
            self._registry,
            self._served.live.zone,
        )
        return as_json(lines)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:80]
    said = {404: f"there is nothing at {path}", 405: f"{request.method} is not allowed at {path}"}
    headers = dict(error.headers or {})
    return problem(
        error.status_code, said.get(error.status_code, error.detail), headers=headers, allowed=headers.get("Allow")
    )


async def _error(request: Request, error: Exception) -> Response:
    return of_error(error)
