"""The routes of a rollout: how far a release is on its way to everybody, its next step, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from poise.errors import NotNow, RequestError, UsageError, did_you_mean
from poise.interfaces.http.ask import Ask, Gate
from poise.interfaces.http.query import as_json, only
from poise.rollout.plan import share_of
from poise.rollout.told import Step, step, told
from poise.serving.answer import Answer
from poise.serving.body import decode, described, refuse_duplicates, shown
from poise.serving.caller import ANYBODY_HERE, Asked, Handler
from poise.serving.served import Served
from poise.serving.views import Registry
from poise.serving.weights import WHO, WHY, text_of
from poise.stores.state import State

ROLLOUT, ADVANCE, UNDO = "/v1/rollout", "/v1/rollout/advance", "/v1/rollout/undo"
FORM = 'an object: {"why": "…"}'
ADVANCE_FIELDS, UNDO_FIELDS = ("why", "who", "share"), ("why", "who")
NOT_SAID = "not said (HTTP)"
"""Who took a step that came without `who`: whoever runs the server did not."""


def rollout_routes(served: Served, registry: Registry, gate: Gate) -> list[BaseRoute]:
    """The routes; a step goes through `gate`, as every change does."""
    pages = _Pages(served, registry)
    return [
        Route(ROLLOUT, pages.show),
        Route(ADVANCE, Ask(pages.stepping("advance", ADVANCE_FIELDS), served.limits, gate), methods=["POST"]),
        Route(UNDO, Ask(pages.stepping("undo", UNDO_FIELDS), served.limits, gate), methods=["POST"]),
    ]


class _Pages:
    """Everything here touches the state database, and does so in a thread, off the event loop."""

    def __init__(self, served: Served, registry: Registry) -> None:
        self._served, self._registry = served, registry

    async def show(self, request: Request) -> Response:
        only(request)
        return as_json(await run_in_threadpool(lambda: told(self._state(), self._served.live.zone)))

    def stepping(self, act: Step, fields: tuple[str, ...]) -> Handler:
        """A handler that takes a step and says where the release stands then."""

        def run(came: Asked) -> Answer:
            asked = decode(came.body, self._served.limits, FORM)
            refuse_duplicates(came.body, len(asked), asked)
            why, who, share = _read(asked, fields)
            by = None if came.caller is ANYBODY_HERE else came.caller.name
            said = f"{who} (token {by})" if who and by else who or by or NOT_SAID
            step(self._state(), act, why=why, who=said, share=share)
            return Answer(200, msgspec.json.encode(told(self._state(), self._served.live.zone)))

        async def handle(asked: Asked) -> Answer:
            return await run_in_threadpool(run, asked)

        return handle

    def _state(self) -> State:
        if not isinstance(self._registry, State):
            raise NotNow("this server has no state database, so nothing is under way")
        return self._registry


def _read(asked: Mapping[str, Any], fields: tuple[str, ...]) -> tuple[str, str, float | None]:
    """Why, who and share. Raises `RequestError` for what is no field, lacks or does not fit."""
    for name in asked:
        if name not in fields:
            raise RequestError("there is no such field", field=shown(name), hint=did_you_mean(name[:100], fields))
    why, who, share = text_of(asked, "why", WHY), text_of(asked, "who", WHO), asked.get("share")
    if not why:
        raise RequestError("a step of a rollout needs a reason", field="why", allowed="a sentence for the history")
    if share is None:
        return why, who, None
    try:
        if isinstance(share, bool) or not isinstance(share, str | int | float):
            raise UsageError(f"{described(share)} came")
        return why, who, share_of(str(share))
    except UsageError as error:
        allowed = "more than 0 and less than 1, or e.g. '25%'"
        raise RequestError(error.message, field="share", allowed=allowed) from None
