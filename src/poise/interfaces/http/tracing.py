"""Spans of OpenTelemetry, where whoever starts the server has configured it; else nothing of it is called.

`opentelemetry-instrument poise serve …`, with the packages that it needs, configures it by its standard environment
variables. Each request makes a span, a child of its caller's where it says so (`traceparent`, W3C Trace Context), and
each stage of its answer one inside of it. Names and attributes are those of the semantic conventions for HTTP.
"""

from __future__ import annotations

import time

from opentelemetry import propagate, trace
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Receive, Scope, Send

from poise import __version__
from poise.interfaces.http.observed import ANSWER, ENDED, Ended, arrived
from poise.serving.answer import Answer
from poise.serving.telemetry import OTHER, Telemetry


def traced(app: ASGIApp, telemetry: Telemetry) -> ASGIApp:
    """`app` with a span for each request and each stage that `telemetry` is told of; `app` itself where no span would
    be kept."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return app
    tracer = trace.get_tracer("poise", __version__)

    def stage(name: str, seconds: float, ended: float) -> None:
        if trace.get_current_span().is_recording():
            at = time.time_ns() - int((time.perf_counter() - ended) * 1e9)
            tracer.start_span(name, start_time=at - int(seconds * 1e9)).end(at)

    telemetry.listener = stage
    return _Traced(app, tracer)


class _Traced:
    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        began = time.time_ns() - int((time.perf_counter() - arrived(scope)) * 1e9)
        parent = propagate.extract(scope, getter=_HEADERS)
        with self._tracer.start_as_current_span(method, parent, SpanKind.SERVER, start_time=began) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                if span.is_recording():
                    _describe(span, scope)


def _describe(span: trace.Span, scope: Scope) -> None:
    ended: Ended = scope[ENDED]
    span.set_attribute("http.request.method", scope["method"])
    span.set_attribute("http.response.status_code", ended.status)
    span.set_attribute("url.scheme", scope["scheme"])
    span.set_attribute("poise.request_id", ended.request)
    if ended.route != OTHER:
        span.update_name(f"{scope['method']} {ended.route}")
        span.set_attribute("http.route", ended.route)
    answer: Answer | None = scope.get(ANSWER)
    if answer is not None and answer.release:
        span.set_attribute("poise.release", answer.release)
        span.set_attribute("poise.decision_ids", answer.decisions[:10])
    if ended.status >= 500:
        span.set_status(StatusCode.ERROR)


class _Headers(Getter[Scope]):
    """Reads the headers of a request."""

    def get(self, carrier: Scope, key: str) -> list[str] | None:
        name = key.lower().encode("latin-1")
        return [value.decode("latin-1") for header, value in carrier["headers"] if header == name] or None

    def keys(self, carrier: Scope) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


_HEADERS = _Headers()
