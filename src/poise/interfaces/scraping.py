"""What a running server counted of its answers, read from its `/metrics`."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from poise.errors import StateError, UsageError
from poise.monitoring.latency import Answers

ROUTES = ("/v1/predict", "/v1/decide")
TOKEN = "POISE_TOKEN"
"""The environment variable of the token to send, where the server asks for one (role `read`)."""
PATIENCE = 5.0
MOST_BYTES = 4_000_000


def answers_of(url: str) -> Answers:
    """What the server at `url` (`http://127.0.0.1:8080`) counted since it started.

    Raises `UsageError` for what is no address, `StateError` where nothing answers there or says no numbers.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--server {url} is no address", hint="e.g. http://127.0.0.1:8080")
    token = os.environ.get(TOKEN)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url.rstrip("/") + "/metrics", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read(MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        said = f"the server at {url} tells no numbers: {getattr(error, 'reason', None) or error}"
        raise StateError(said, hint=f"where it asks for a token, give one in {TOKEN}") from None
    return parsed(text)


def parsed(text: str) -> Answers:
    """What `/metrics` says of answers.

    >>> line = 'poise_http_request_seconds_bucket{le="%s",route="/v1/decide"} %s'
    >>> requests = 'poise_http_requests_total{route="/v1/decide",status="200"} 4'
    >>> counted = [line % ("0.01", 3), line % ("+Inf", 4), requests]
    >>> told = parsed("# TYPE poise_http_request_seconds histogram" + chr(10) + chr(10).join(counted) + chr(10))
    >>> told.bounds, told.counts, told.requests, told.failed
    ((0.01,), (3.0, 1.0), 4.0, 0.0)
    """
    below: dict[float, float] = defaultdict(float)
    requests = failed = 0.0
    cpu = None
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "process_cpu_seconds_total":
                cpu = sample.value
            if sample.labels.get("route") not in ROUTES:
                continue
            if sample.name == "poise_http_request_seconds_bucket":
                below[float(sample.labels["le"])] += sample.value
            elif sample.name == "poise_http_requests_total":
                requests += sample.value
                failed += sample.value if sample.labels["status"].startswith("5") else 0.0
    ends = sorted(below)
    counts = tuple(below[end] - (below[ends[at - 1]] if at else 0.0) for at, end in enumerate(ends))
    return Answers(tuple(ends[:-1]), counts, requests, failed, cpu)
