"""The route by which events come in, and the logging of answers: both wait for the journal, never for the loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from poise.errors import did_you_mean
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.problem import problem
from poise.serving.answer import Answer
from poise.serving.caller import Asked, Handler
from poise.serving.inlet import Inlet
from poise.serving.served import Served
from poise.serving.told import Told

EVENTS = "/v1/events/"


class Events:
    """One route per source, those of a release that comes to answer later among them. They have a gate of their own, so
    that a flood of events keeps no decision out."""

    def __init__(self, inlet: Inlet | None, served: Served) -> None:
        self._inlet, self._served = inlet, served
        self._gate = Gate("events", served.limits.concurrent, served.telemetry)
        self.hot: dict[str, ASGIApp] = {}
        """Path -> what takes its rows in; one for each source that there ever was."""
        for name in () if inlet is None else inlet.sources:
            self._ask(name)

    def others(self) -> Route:
        """What answers for sources that came later, that there are not, or that nobody takes in."""
        return Route(EVENTS + "{source}", self, methods=["POST"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of one more source, or a refusal."""
        name = scope["path_params"]["source"][:100]
        if self._inlet is not None and name in self._inlet.sources:
            return await self._ask(name)(scope, receive, send)
        names = self._served.newest.loaded.system.sources
        if name in names:
            refusal = problem(503, "this server takes no events: it runs without a journal")
        else:
            refusal = problem(404, f"there is no source '{name}' ({did_you_mean(name, names)})")
        await refusal(scope, receive, send)

    def _ask(self, name: str) -> ASGIApp:
        assert self._inlet is not None
        return self.hot.setdefault(EVENTS + name, Ask(_into(self._inlet, name), self._served.limits, self._gate))


def _into(inlet: Inlet, source: str) -> Handler:
    return lambda asked: inlet.events(source, asked.body)


class Kept:
    """An answer that is told once what is logged of it is on the disk."""

    __slots__ = ("answer", "waited")

    def __init__(self, answer: Answer, waited: Told) -> None:
        self.answer, self.waited = answer, waited

    def __await__(self) -> Generator[Any, None, Answer]:
        yield from self.waited.__await__()
        return self.answer


def logged(inlet: Inlet | None, handler: Callable[[Asked], Answer]) -> Handler:
    """`handler` with its answers logged; an answer that must be on disk first is waited for."""
    if inlet is None:
        return handler

    def ask(asked: Asked) -> Answer | Awaitable[Answer]:
        answer = handler(asked)
        waited = inlet.keep(answer)
        return answer if waited is None else Kept(answer, waited)

    return ask
