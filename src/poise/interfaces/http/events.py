"""The route by which events come in, and the logging of answers: both wait for the journal, never for the loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from poise.errors import did_you_mean
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.problem import problem
from poise.serving.answer import Answer
from poise.serving.caller import Asked, Handler
from poise.serving.inlet import Inlet
from poise.serving.limits import Limits
from poise.serving.telemetry import Telemetry

EVENTS = "/v1/events/"


def event_asks(inlet: Inlet | None, limits: Limits, telemetry: Telemetry) -> dict[str, ASGIApp]:
    """One route per source. They have a gate of their own, so that a flood of events keeps no decision out."""
    if inlet is None:
        return {}
    gate = Gate("events", limits.concurrent, telemetry)
    return {f"{EVENTS}{name}": Ask(_into(inlet, name), limits, gate) for name in inlet.sources}


def _into(inlet: Inlet, source: str) -> Handler:
    return lambda asked: inlet.events(source, asked.body)


def logged(inlet: Inlet | None, handler: Callable[[Asked], Answer]) -> Handler:
    """`handler` with its answers logged; an answer that must be on disk first is waited for."""
    if inlet is None:
        return handler

    def ask(asked: Asked) -> Answer | Awaitable[Answer]:
        answer = handler(asked)
        waited = inlet.keep(answer)
        return answer if waited is None else _after(waited, answer)

    return ask


async def _after(waited: Awaitable[None], answer: Answer) -> Answer:
    await waited
    return answer


def no_such_source(sources: Iterable[str]) -> Route:
    """What answers for sources that there are not, or that nobody takes in."""
    names = tuple(sources)

    async def refuse(request: Request) -> Response:
        name = request.path_params["source"][:100]
        if name in names:
            return problem(503, "this server takes no events: it runs without a journal")
        return problem(404, f"there is no source '{name}' ({did_you_mean(name, names)})")

    return Route(EVENTS + "{source}", refuse, methods=["POST"])
