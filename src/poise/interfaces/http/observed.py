"""What is noted of every request, whatever answers it: how long it took, from when it came in, and how it ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poise.interfaces.http import request_id
from poise.serving.answer import Answer
from poise.serving.caller import Caller
from poise.serving.telemetry import OTHER, Telemetry

ARRIVED = "arrived"
"""Where in its state a request carries the instant (of `time.perf_counter`) at which its last bytes were read."""
WAITING = "waiting"
"""Where it carries the queue in which it waits since then."""
CONNECTION = "connection"
"""Where in its state a request carries the connection by which it came."""
CALLER = "poise.caller"
"""Where in its scope a request carries who sent it; the guard puts it there."""
ANSWER = "poise.answer"
"""Where in its scope it carries the answer that it got, if it got one."""
ENDED = "poise.ended"
"""Where it carries how it ended, once it has."""
HUNG_UP = 499
"""The status under which requests are counted whose caller did not wait for the answer; as proxies do."""
ASKED_OFTEN = ("/health/live", "/health/ready", "/metrics")
"""What machines ask every few seconds; it is logged at the level of details."""
_CLOSE = (b"connection", b"close")
MOST_IDS = 10
"""Decisions of one request that its line in the log names."""
_LOG = logging.getLogger("poise.http")


@dataclass(slots=True)
class Ended:
    """How a request ended: its id, the route that answered (never the path that came), status and seconds."""

    request: str
    route: str
    status: int
    seconds: float


class Observed:
    """ASGI middleware that counts and logs what the application inside answers, and gives each request its id.

    hot: the paths that are their own route, which may become more. Of others the route is counted that answered, never
    the path that came.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, hot: Collection[str]) -> None:
        self._app, self._telemetry, self._hot = app, telemetry, hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = HUNG_UP
        number = request_id.request_id(scope)
        connection = scope.get("state", {}).get(CONNECTION)
        request_id.current.set(number)  # each request has a task of its own, with its own context

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (request_id.HEADER, number.encode())]
                if connection is not None and connection.owes_body() and _CLOSE not in message["headers"]:
                    message["headers"].append(_CLOSE)  # else the rest of the body would be waited for, or misread
            await send(message)

        scope.setdefault("state", {}).setdefault(ARRIVED, time.perf_counter())
        try:
            await self._app(scope, receive, noting)
        finally:
            self.note(scope, number, status)

    def note(self, scope: Scope, number: str, status: int) -> None:
        """Count and log a request that has just ended, and say in its scope how."""
        ended = Ended(number, self._route(scope), status, time.perf_counter() - arrived(scope))
        scope[ENDED] = ended
        self._telemetry.answered(ended.route, status, ended.seconds)
        level = logging.DEBUG if ended.route in ASKED_OFTEN else logging.INFO
        if _LOG.isEnabledFor(level):
            _log(level, scope, ended)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path if path in self._hot else str(getattr(scope.get("route"), "path", OTHER))


def arrived(scope: Scope) -> float:
    """When a request came in; an application without Poise's protocol under it knows no more than that it is here."""
    state: dict[str, float] = scope.get("state", {})
    came = state.get(ARRIVED)
    return time.perf_counter() if came is None else came


def _log(level: int, scope: Scope, ended: Ended) -> None:
    fields: dict[str, object] = {"method": scope["method"], "route": ended.route, "status": ended.status}
    fields["seconds"] = round(ended.seconds, 6)
    caller: Caller | None = scope.get(CALLER)
    if caller is not None:
        fields["caller"] = caller.name
    answer: Answer | None = scope.get(ANSWER)
    if answer is not None and answer.release:
        fields["release"] = answer.release
    if answer is not None and answer.decisions:
        fields["decision_ids"] = answer.decisions[:MOST_IDS]
    _LOG.log(level, "%s %s: %d", scope["method"], ended.route, ended.status, extra={"fields": fields})
