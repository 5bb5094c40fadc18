"""The routes that tell what other weights would do: nothing is changed by them, and they keep no decision waiting."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Route

from poise.errors import RequestError
from poise.interfaces.http.asides import Asks
from poise.interfaces.http.ask import Ask, Gate
from poise.serving import preview, trade_off
from poise.serving.answer import Answer
from poise.serving.body import decode, refuse_duplicates
from poise.serving.caller import Asked, Handler
from poise.serving.served import Served

PREVIEW, SUGGEST, FRONT = "/v1/weights/preview", "/v1/weights/suggest", "/v1/weights/front"
REALISED = "/v1/weights/realised"
REALISED_FORM = '{"version": 7}, or {} for the newest change'
FORMS = {"of": preview.FORM, "suggest": trade_off.FORM, "front": trade_off.FRONT_FORM, "realised": REALISED_FORM}


def preview_routes(served: Served, previews: Asks) -> list[BaseRoute]:
    """The routes. They have a gate of their own."""
    gate = Gate("previews", served.limits.concurrent, served.telemetry)
    paths = {PREVIEW: "of", SUGGEST: "suggest", FRONT: "front", REALISED: "realised"}
    return [
        Route(path, Ask(_telling(served, previews, act), served.limits, gate), methods=["POST"])
        for path, act in paths.items()
    ]


def _telling(served: Served, previews: Asks, act: str) -> Handler:
    async def handle(asked: Asked) -> Answer:
        content = decode(asked.body, served.limits, FORMS[act])
        values = content.get("values")
        refuse_duplicates(asked.body, len(content) + (len(values) if isinstance(values, dict) else 0), content)
        newest = served.newest
        if newest.weights is None:
            raise RequestError("this system predicts and decides nothing, so it has no weights")
        question = {"act": act, "release": newest.release, "live": dict(newest.weights.values), "content": content}
        told = await run_in_threadpool(partial(previews.ask, question))
        return Answer(200, msgspec.json.encode(told))

    return handle
