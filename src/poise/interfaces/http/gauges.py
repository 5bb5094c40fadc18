"""What `/metrics` reads when it is asked: who answers, whether all is well, what waits to be written."""

from __future__ import annotations

from collections.abc import Mapping

from poise.interfaces.http.health import Health
from poise.serving.inlet import Inlet
from poise.serving.served import Served
from poise.serving.telemetry import Labels


def watch(served: Served, health: Health, inlet: Inlet | None) -> None:
    """Let the numbers of a server hold these, and let what comes in count there too."""
    told = served.telemetry
    told.watch("ready", lambda: {(): float(health.trouble is None)})
    told.watch("release_info", lambda: _releases(served))
    told.watch("releases_not_answering", lambda: {(): len(served.troubles)})
    if inlet is not None:
        inlet.telemetry = told
        told.watch("journal_unwritten_rows", lambda: {(): inlet.unwritten})
        told.watch("journal_rows", lambda: {(): inlet.kept_rows})
        told.watch("journal_bytes", lambda: {(): inlet.kept_bytes})


def _releases(served: Served) -> Mapping[Labels, float]:
    found: dict[Labels, float] = {}
    for one in served.all:
        weights = "" if one.weights is None else str(one.weights.version)
        found[one.release, str(one.loaded.contract.major), weights] = 1.0
    return found
