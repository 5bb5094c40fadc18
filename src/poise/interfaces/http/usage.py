"""The route that tells who uses what."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poise.interfaces.http.query import as_json, only
from poise.serving.served import Served
from poise.serving.usage import Usage, told

USAGE = "/v1/usage"


def usage_route(served: Served, usage: Usage) -> Route:
    """The route; what it tells holds every request that was answered before. usage: where they are counted."""

    async def show(request: Request) -> Response:
        only(request, "token")
        rows = await run_in_threadpool(usage.stored, request.query_params.get("token"))
        return as_json(told(rows, served.live.zone))

    return Route(USAGE, show)
