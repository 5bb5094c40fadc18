"""What the newest `poise monitor` found: a route, and gauges. No monitor runs in a server that answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poise.clock import SECOND, Clock
from poise.errors import NotNow, PoiseError
from poise.interfaces.http.query import as_json, only
from poise.serving.telemetry import Labels, Telemetry
from poise.stores.state_base import DocumentRow

MONITOR = "/v1/monitor"
KIND, NAME = "look", "last"
"""The document that `poise.interfaces.monitoring` writes."""
EVERY = 10.0
"""Seconds for which a scrape is content with what was read before."""


class Documents(Protocol):
    """A state database, as far as this reads it."""

    def document(self, kind: str, name: str) -> DocumentRow | None: ...


def monitor_route(documents: Documents) -> Route:
    """The route; it refuses with 409 where nobody has looked yet."""

    async def show(request: Request) -> Response:
        only(request)
        row = await run_in_threadpool(documents.document, KIND, NAME)
        if row is None:
            hint = "let 'poise monitor --watch 15min' run beside the server"
            raise NotNow("nobody has looked at the monitors yet", hint=hint)
        return as_json(dict(row.value))

    return Route(MONITOR, show)


class Findings:
    """Counts of the newest findings for `/metrics`, read beside the scrape: what is told is what was last read."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._found: Mapping[Labels, float] = {}
        self._at: float | None = None
        self._next, self._lock = 0.0, threading.Lock()

    def watch(self, told: Telemetry) -> None:
        """Let the numbers of a server hold these."""
        told.watch("monitor_findings", self.counts)
        told.watch("monitor_age_seconds", self.age)

    def counts(self) -> Mapping[Labels, float]:
        """(code, monitor, level) -> how many findings."""
        self._again()
        return self._found

    def age(self) -> Mapping[Labels, float]:
        """Seconds since the newest look; nothing before the first."""
        return {} if self._at is None else {(): Clock().now() / SECOND - self._at}

    def _again(self) -> None:
        if time.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        self._next = time.monotonic() + EVERY
        threading.Thread(target=self._read, name="poise-monitor", daemon=True).start()

    def _read(self) -> None:
        try:
            with suppress(PoiseError):  # a database that is away for a moment is asked again in ten seconds
                row = self._documents.document(KIND, NAME)
                if row is not None:
                    found = row.value["findings"]
                    counted = Counter((one["code"], one["monitor"], one["level"]) for one in found)
                    self._found, self._at = {labels: float(n) for labels, n in counted.items()}, row.at / SECOND
        finally:
            self._lock.release()
