"""The route that tells how often actions that may be taken only so often were taken."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poise.interfaces.http.query import as_json, only
from poise.interfaces.metering import shown
from poise.serving.served import Served

CAPACITY = "/v1/capacity"


def capacity_route(served: Served) -> Route:
    """The route; without limited actions it shows none."""

    async def show(request: Request) -> Response:
        only(request)
        return as_json({"capacity": shown(served)})

    return Route(CAPACITY, show)
