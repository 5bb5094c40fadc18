"""PM17: does it answer in time? By what the server counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poise.evaluation.words import seconds
from poise.monitoring.base import Monitor, Watched
from poise.monitoring.finding import Finding, Level

LEAST = 299
"""Requests with fewer than which a 99 % latency has no upper limit."""
SLOWER = 2.0
"""So many times the latency that it was rehearsed with is a notice, where nobody requires a latency."""
UNANSWERED = 0.01
"""An alarm where more than this share of answers were errors of the server (5xx)."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a server counted of its answers to requests to predict and to decide since it started.

    counts: per bucket of `bounds` (seconds, the last bucket is above all), not cumulated. failed: of `requests` those
    with a status of 500 and above. cpu: seconds of CPU of the process, None where it does not tell.
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    requests: float
    failed: float
    cpu: float | None = None

    def quantile(self, q: float) -> float:
        """The upper bound of the bucket in which the quantile lies, in seconds; infinite beyond the last bound.

        >>> Answers((0.01, 0.1), (90, 9, 1), 100, 0).quantile(0.95)
        0.1
        """
        total, below = sum(self.counts), 0.0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            below += count
            if below >= q * total:
                return bound
        return float("inf")


class Latency(Monitor):
    """The 99 % latency and the share of failed answers, of requests of all sizes together, as the server counted them.

    The latency is the upper bound of the histogram's bucket in which it lies, so never flattered. It is an alarm where
    it is above the loosest latency that the file requires, as requests may be of the largest size; where the file
    requires none, a notice above twice what the release was rehearsed with.
    """

    code = "PM17"
    name = "latency"
    what = "Does it answer in time?"

    def look(self, watched: Watched) -> Sequence[Finding]:
        """Latency and failures; `unknown` where no server told."""
        told = watched.measured.get("answers")
        if not isinstance(told, Answers) or told.requests < LEAST:
            n = told.requests if isinstance(told, Answers) else None
            why = "No server was asked; name one with --server." if n is None else f"Only {n:,.0f} requests came."
            return [Finding(self.code, self.name, "how fast answers are is not known", "latency", "unknown", why=why)]
        return [self._latency(watched, told), self._failed(told)]

    def _latency(self, watched: Watched, told: Answers) -> Finding:
        required = [r for r in watched.system.requirements if r.metric == "latency_p99" and r.at_most is not None]
        bounds = [r.at_most.value for r in required if r.at_most is not None]
        serving = watched.measured["evidence"].serving
        rehearsed = None if serving is None else serving.latency_p99
        p99, level = told.quantile(0.99), "fine"
        limit = max(bounds) if bounds else (None if rehearsed is None else SLOWER * rehearsed)
        if limit is not None and p99 > limit and self._surely(told, limit):
            level = "alarm" if bounds else "notice"
        found: Level = "alarm" if level == "alarm" else ("notice" if level == "notice" else "fine")
        shown = "more than the longest bucket" if p99 == float("inf") else f"at most {seconds(p99)}"
        was = "" if rehearsed is None else f"; rehearsed with {seconds(rehearsed)}"
        return Finding(
            code=self.code,
            monitor=self.name,
            what=f"99 of 100 answers take {shown}",
            subject="latency",
            level=found,
            size=None if p99 == float("inf") else p99,
            unit="s",
            limits=None if limit is None else (None, limit),
            who=tuple(dict.fromkeys(r.who for r in required)),
            why=f"Of {told.requests:,.0f} requests of all sizes since the server started{was}.",
        )

    def _surely(self, told: Answers, limit: float) -> bool:
        """Whether more than one in a hundred took longer than the limit, by the buckets that lie wholly above it."""
        lows = (0.0, *told.bounds)
        above = sum(count for low, count in zip(lows, told.counts, strict=True) if low >= limit)
        return above > 0.01 * sum(told.counts)

    def _failed(self, told: Answers) -> Finding:
        share = told.failed / told.requests
        level: Level = "alarm" if share > UNANSWERED else "fine"
        what = f"{share:.2%} of answers were errors of the server"
        why = f"{told.failed:,.0f} of {told.requests:,.0f} since the server started."
        limits = (None, UNANSWERED)
        return Finding(self.code, self.name, what, "errors", level, None, share, "of answers", limits, why=why)
