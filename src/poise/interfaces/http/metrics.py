"""`/metrics`: what the server counted of itself, for Prometheus, by its naming conventions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from poise.serving.telemetry import COUNTERS, GAUGES, Histogram, Telemetry

METRICS = "/metrics"
PREFIX = "poise_"


class Metrics:
    """The route. What it says is read when it is asked for; nothing is kept between two scrapes.

    >>> told = Telemetry()
    >>> told.answered("/v1/decide", 200, 0.0007)
    >>> for line in Metrics(told).text("").decode().splitlines():
    ...     if 'route="/v1/decide"' in line and "bucket" not in line: print(line)
    poise_http_requests_total{route="/v1/decide",status="200"} 1.0
    poise_http_request_seconds_count{route="/v1/decide"} 1.0
    poise_http_request_seconds_sum{route="/v1/decide"} 0.0007
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Told(telemetry))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self, accept: str) -> bytes:
        """Everything, in the form that `accept` (the request's header) asks for: OpenMetrics, or Prometheus' own."""
        encode, _ = choose_encoder(accept)
        return bytes(encode(self._registry))

    async def show(self, request: Request) -> Response:
        """Answer a scrape."""
        accept = request.headers.get("accept", "")
        headers = {"content-type": choose_encoder(accept)[1], "cache-control": "no-store"}
        return Response(self.text(accept), 200, headers)


class _Told(Collector):
    """Hands the client library what was counted, each time it is asked."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterator[Metric]:
        yield self._requests()
        about = "Seconds from a request's arrival to the end of its answer."
        yield _histograms("http_request_seconds", about, "route", self._telemetry.seconds.copy().items())
        about = "Seconds that one stage of an answer took."
        yield _histograms("stage_seconds", about, "stage", self._telemetry.stages.items())
        for name, what in COUNTERS.items():
            counter = CounterMetricFamily(PREFIX + name, what.about, labels=what.labels)
            for labels, count in self._telemetry.counted[name].copy().items():
                counter.add_metric(labels, count)
            yield counter
        for name, what in GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, what.about, labels=what.labels)
            for read in self._telemetry.watched[name]:
                for labels, value in read().items():
                    gauge.add_metric(labels, value)
            yield gauge

    def _requests(self) -> Metric:
        family = CounterMetricFamily(PREFIX + "http_requests", "Requests answered.", labels=("route", "status"))
        for labels, count in self._telemetry.requests.copy().items():
            family.add_metric(labels, count)
        return family


def _histograms(name: str, about: str, label: str, found: Iterable[tuple[str, Histogram]]) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, about, labels=(label,))
    for value, histogram in found:
        bounds = [*map(str, histogram.bounds), "+Inf"]
        below = zip(bounds, accumulate(histogram.counts.copy()), strict=True)
        family.add_metric((value,), list(below), histogram.sum)
    return family
