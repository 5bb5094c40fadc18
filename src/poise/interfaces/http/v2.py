"""The Open Inference Protocol V2 under `/v2`, so that clients written for other servers can ask this one.

Predictions only: `/v1/decide` has no counterpart in the protocol. Specification:
https://github.com/kserve/open-inference-protocol, and the extension `binary_tensor_data` of Triton.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from poise import __version__
from poise.errors import RequestError
from poise.interfaces.http.ask import Ask, Gate, contract_of
from poise.interfaces.http.body import read_tensor_body
from poise.interfaces.http.events import logged
from poise.interfaces.http.problem import problem
from poise.interfaces.http.query import as_json
from poise.interfaces.http.v2_answer import inferred
from poise.interfaces.http.v2_models import Models
from poise.interfaces.http.v2_request import read_inference
from poise.serving.answer import Answer, Answerer
from poise.serving.body import described
from poise.serving.caller import Asked
from poise.serving.inlet import Inlet
from poise.serving.served import Served

EXTENSIONS = ("binary_tensor_data",)
_LENGTH = b"inference-header-content-length"
_MODEL = "/v2/models/{model}"
_VERSION = _MODEL + "/versions/{version}"


def v2_routes(
    served: Served, ready: Callable[[Request], Awaitable[Response]], gate: Gate, inlet: Inlet | None = None
) -> list[BaseRoute]:
    """The routes. ready: what answers `/health/ready`. gate: shared with every other route that predicts."""
    models = Models(served)
    pages = _Pages(served, models, ready)
    infer = _Infer(served, models, gate, inlet)
    return [
        Route("/v2", pages.server),
        Route("/v2/", pages.server),
        Route("/v2/health/live", pages.live),
        Route("/v2/health/ready", pages.ready),
        Route("/v2/models", pages.models),
        *(Route(path, pages.metadata) for path in (_MODEL, _VERSION)),
        *(Route(f"{path}/ready", pages.model_ready) for path in (_MODEL, _VERSION)),
        *(Route(f"{path}/infer", infer, methods=["POST"]) for path in (_MODEL, _VERSION)),
    ]


class _Infer:
    """Answers inference requests, as `Ask` does: the same limits, the same log."""

    def __init__(self, served: Served, models: Models, gate: Gate, inlet: Inlet | None) -> None:
        self._served = served
        self._models = models
        self._gate = gate
        self._inlet = inlet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = logged(self._inlet, partial(self._answer, scope))
        await Ask(handler, self._served.limits, self._gate, read_tensor_body)(scope, receive, send)

    def _answer(self, scope: Scope, asked: Asked) -> Answer:
        if scope["path_params"].get("version") is not None:
            return self._answer_by(scope, asked, None)
        return self._served.answered(asked.contract, asked.body, lambda by: self._answer_by(scope, asked, by))

    def _answer_by(self, scope: Scope, asked: Asked, by: Answerer | None) -> Answer:
        """The answer of a release; None: of the version that the address names."""
        named = scope["path_params"]
        model, answerer = self._models.find(named["model"], named.get("version"), asked.contract, by)
        length = [value for name, value in scope["headers"] if name == _LENGTH]
        inference = read_inference(asked.body, b",".join(length) if length else None, answerer.limits)
        _same(inference.model, model.name, "model_name")
        _same(inference.version, answerer.release, "model_version")
        model.wanted(inference)
        received = model.received(inference, answerer.limits)
        made = answerer.predict_rows(received, may_ask_time=asked.caller.may("operate"))
        return inferred(model, inference, made, answerer.loaded.contract.major)


class _Pages:
    """What the protocol asks of server and models."""

    def __init__(self, served: Served, models: Models, ready: Callable[[Request], Awaitable[Response]]) -> None:
        self._served = served
        self._models = models
        self._ready = ready

    async def server(self, request: Request) -> Response:
        return as_json({"name": "poise", "version": __version__, "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:
        return as_json({"live": True})

    async def ready(self, request: Request) -> Response:
        return await self._or_not_ready(request, {"live": True, "ready": True})

    async def models(self, request: Request) -> Response:
        return as_json({"models": self._models.names()})

    async def metadata(self, request: Request) -> Response:
        named = request.path_params
        model, _ = self._models.find(named["model"], named.get("version"), contract_of(request.scope))
        return as_json(model.metadata(self._models.versions(model.name)))

    async def model_ready(self, request: Request) -> Response:
        named = request.path_params
        model, answerer = self._models.find(named["model"], named.get("version"), contract_of(request.scope))
        if not answerer.loaded.scorers[model.per].predicts:
            return problem(503, f"release {answerer.release} has learned nothing yet that it could predict")
        return await self._or_not_ready(request, {"name": model.name, "ready": True})

    async def _or_not_ready(self, request: Request, content: dict[str, Any]) -> Response:
        """`content`, unless the server is not ready: then that."""
        found = await self._ready(request)
        return as_json(content) if found.status_code == 200 else found


def _same(came: str | None, asked: str, field: str) -> None:
    """What the body names must be what the address names."""
    if came not in (None, "", asked):
        raise RequestError(f"{described(came)} came", field=field, allowed=f"'{asked}', as in the address, or left out")
