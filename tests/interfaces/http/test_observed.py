"""What a server says of itself: numbers, a line per request, spans; and that none of it repeats what callers sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from poise.interfaces.http import tracing
from poise.interfaces.http.app import create_app
from poise.interfaces.logs import line
from poise.serving.limits import Limits
from poise.serving.served import Served
from poise.serving.telemetry import COUNTERS, GAUGES, MOST_LABELS, Stage, Telemetry


@pytest.fixture
def served(stand_ins: ModuleType) -> Served:
    answerer = stand_ins.answerer(limits=Limits(body=20_000))
    answerer.rehearse()
    return Served.of_one(answerer)


@pytest.fixture
def app(served: Served, stand_ins: ModuleType) -> ASGIApp:
    return create_app(served, stand_ins.StandInRegistry())


def send(app: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, **more)

    return asyncio.run(go())


def samples(app: ASGIApp) -> dict[tuple[str, ...], float]:
    text = send(app, "GET", "/metrics").text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *map("=".join, sorted(one.labels.items()))): one.value for one in found}


# ---- numbers


def test_answers_and_refusals_are_counted_by_route_and_status(app: ASGIApp, stand_ins: ModuleType) -> None:
    for _ in range(3):
        send(app, "POST", "/v1/predict", json=stand_ins.ROW)
    send(app, "POST", "/v1/predict", json={"distance": "far"})
    send(app, "GET", "/v1/history")
    found = samples(app)
    name = "poise_http_requests_total"
    assert found[name, "route=/v1/predict", "status=200"] == 3
    assert found[name, "route=/v1/predict", "status=422"] == 1
    assert found[name, "route=/v1/history", "status=200"] == 1
    assert found["poise_http_request_seconds_count", "route=/v1/predict"] == 4
    assert found["poise_http_request_seconds_bucket", "le=+Inf", "route=/v1/predict"] == 4
    assert found["poise_in_progress", "of=answers"] == 0


def test_what_callers_write_never_becomes_a_label(app: ASGIApp) -> None:
    for path in ("/secret-1", "/v1/events/secret-2", "/v1/secret-3?token=secret-4", "/v2/models/secret-5"):
        send(app, "GET", path)
        send(app, "POST", path, json={})
    text = send(app, "GET", "/metrics").text
    assert "secret" not in text
    assert 'route="other"' in text


def test_a_counter_tells_a_bounded_number_of_labels_apart() -> None:
    told = Telemetry()
    for number in range(MOST_LABELS + 50):
        told.count("shed", f"reason-{number}")
    assert len(told.counted["shed"]) == MOST_LABELS + 1
    assert told.counted["shed"]["other",] == 50


def test_every_number_is_explained(app: ASGIApp) -> None:
    text = send(app, "GET", "/metrics").text
    ours = [f for f in text_string_to_metric_families(text) if f.name.startswith("poise_")]
    assert {f.name for f in ours} >= {f"poise_{name}" for name in (*COUNTERS, *GAUGES)}
    assert all(f.documentation.endswith(".") for f in ours)
    assert "process_cpu_seconds_total" in text


def test_open_metrics_where_it_is_asked_for(app: ASGIApp) -> None:
    answer = send(app, "GET", "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


# ---- ids and lines


def test_an_id_of_the_callers_comes_back_and_others_are_made(app: ASGIApp, stand_ins: ModuleType) -> None:
    said = send(app, "POST", "/v1/predict", json=stand_ins.ROW, headers={"x-request-id": "shop-17"})
    assert said.headers["x-request-id"] == "shop-17"
    made = [send(app, "GET", "/nowhere").headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    unfit = send(app, "GET", "/nowhere", headers={"x-request-id": 'a"b\\c ' * 9})
    assert len(unfit.headers["x-request-id"]) == 16


class Lines(logging.Handler):
    """What JSON lines would say, made where they are made: inside of the request."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(json.loads(line(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    logger, handler = logging.getLogger("poise"), Lines()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler.said
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_line_names_what_answered_and_what_was_decided(
    app: ASGIApp, stand_ins: ModuleType, lines: list[dict[str, Any]]
) -> None:
    secret = {"authorization": "Bearer secret-1", "x-request-id": "shop-17"}
    answer = send(app, "POST", "/v1/decide?secret-2=1", json={"rows": [stand_ins.ROW] * 2}, headers=secret)
    send(app, "POST", "/v1/predict", json={"distance": "secret-3"})
    send(app, "GET", "/health/ready")
    decided, refused = lines
    assert decided["message"] == "POST /v1/decide: 200" and decided["level"] == "info"
    assert decided["decision_ids"] == [one["decision_id"] for one in answer.json()["decisions"]]
    assert decided["release"] == "r1" and decided["seconds"] > 0
    assert refused["status"] == 422
    assert "secret" not in json.dumps([decided, refused])


def test_what_is_logged_while_a_request_is_answered_carries_its_id(
    stand_ins: ModuleType, lines: list[dict[str, Any]]
) -> None:
    answerer = stand_ins.answerer()
    answerer.rehearse()
    answerer.predict = lambda *_, **__: 1 / 0
    app = create_app(Served.of_one(answerer), stand_ins.StandInRegistry())
    answer = send(app, "POST", "/v1/predict", json=stand_ins.ROW, headers={"x-request-id": "shop-18"})
    assert answer.status_code == 500
    fault, _ = lines
    assert fault["request_id"] == "shop-18" and "ZeroDivisionError" in fault["error"]


# ---- spans


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


def test_a_request_is_a_child_of_its_callers_span_and_its_stages_are_inside(
    spans: InMemorySpanExporter, served: Served, stand_ins: ModuleType
) -> None:
    app = create_app(served, stand_ins.StandInRegistry())
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    send(app, "POST", "/v1/predict", json=stand_ins.ROW, headers={"traceparent": parent, "x-request-id": "shop-19"})
    *stages, request = spans.get_finished_spans()
    assert request.name == "POST /v1/predict" and request.kind is trace.SpanKind.SERVER
    assert request.parent is not None and f"{request.parent.span_id:x}" == "b7ad6b7169203331"
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["poise.request_id"] == "shop-19"
    assert [stage.name for stage in stages] == ["decode", "features", "score", "encode"]
    assert all(stage.parent == request.context for stage in stages)
    ends = [(stage.start_time or 0, stage.end_time or 0) for stage in stages]
    assert all(one[1] <= two[0] + 1e5 for one, two in pairwise(ends)), "one after the other"


def test_a_route_that_nobody_knows_and_a_fault(
    spans: InMemorySpanExporter, served: Served, stand_ins: ModuleType
) -> None:
    app = create_app(served, stand_ins.StandInRegistry())
    send(app, "GET", "/secret")
    served.live.decide = lambda *_, **__: 1 / 0
    send(app, "POST", "/v1/decide", json=stand_ins.ROW)
    nowhere, fault = spans.get_finished_spans()
    assert nowhere.name == "GET" and "secret" not in nowhere.to_json()
    assert fault.status.status_code is trace.StatusCode.ERROR


def test_nothing_is_traced_unless_it_is_configured(served: Served) -> None:
    async def app(*_: Any) -> None: ...

    assert tracing.traced(app, served.telemetry) is app
    assert served.telemetry.listener is None


# ---- the page


def test_the_page_names_every_number_and_every_stage() -> None:
    page = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")
    names = [f"poise_{name}_total" for name in COUNTERS] + [f"poise_{name}" for name in GAUGES]
    assert [name for name in names if f"`{name}" not in page] == []
    assert [stage for stage in get_args(Stage) if f"`{stage}`" not in page] == []
