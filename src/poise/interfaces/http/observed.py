"""What is noted of every request, whatever answers it: how long it took, from when it came in, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poise.serving.telemetry import OTHER, Telemetry

ARRIVED = "arrived"
"""Where in its state a request carries the instant (of `time.perf_counter`) at which its last bytes were read."""
WAITING = "waiting"
"""Where it carries the queue in which it waits since then."""
HUNG_UP = 499
"""The status under which requests are counted whose caller did not wait for the answer; as proxies do."""


class Observed:
    """ASGI middleware that counts what the application inside answers.

    hot: the paths that are their own route. Of others the route is counted that answered, never the path that came.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, hot: Collection[str]) -> None:
        self._app, self._telemetry, self._hot = app, telemetry, frozenset(hot)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = HUNG_UP

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = arrived(scope)
        try:
            await self._app(scope, receive, noting)
        finally:
            self._telemetry.answered(self._route(scope), status, time.perf_counter() - began)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path if path in self._hot else str(getattr(scope.get("route"), "path", OTHER))


def arrived(scope: Scope) -> float:
    """When a request came in; an application without Poise's protocol under it knows no more than that it is here."""
    state: dict[str, Any] = scope.get("state", {})
    return float(state[ARRIVED]) if ARRIVED in state else time.perf_counter()
