"""How long the stages of one answer take, counted one after the other."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poise.serving.telemetry import Stage, Telemetry


class Stages:
    """A stop-watch that begins with the first stage.

    >>> from poise.serving.telemetry import Telemetry
    >>> telemetry = Telemetry()
    >>> stages = Stages(telemetry)
    >>> stages.done("decode"); stages.lap() < 1.0; stages.done("encode")
    True
    >>> sum(telemetry.stages["decode"].counts), sum(telemetry.stages["log"].counts)
    (1, 0)
    """

    __slots__ = ("_since", "_telemetry")

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._since = perf_counter()

    def lap(self) -> float:
        """Seconds since the last stage ended, which are not counted as one; the next one begins."""
        before, self._since = self._since, perf_counter()
        return self._since - before

    def done(self, stage: Stage, at: float | None = None) -> None:
        """A stage ended now, or at the `at` of `time.perf_counter`; the next one began."""
        ended = perf_counter() if at is None else at
        self._telemetry.stage(stage, ended - self._since, ended)
        self._since = ended
