"""What a server counts of itself while it answers: plain numbers, cheap enough for the hot path, read by `/metrics`.

Everything that may be counted or read is listed here, with its labels and the sentence that explains it: one table that
the answer, its documentation and the tests share.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Stage = Literal["wait", "decode", "features", "score", "decide", "encode", "log"]
Labels = tuple[str, ...]
Reading = Callable[[], Mapping[Labels, float]]
"""Gives a gauge's value for each combination of its labels, `{(): 1.0}` where it has none. Called by each scrape."""

MOST_LABELS = 200
"""Combinations of labels that one counter tells apart; what comes beyond them is counted as `other`."""
OTHER = "other"
STAGE_BOUNDS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 1.0)
REQUEST_BOUNDS = (2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets, in seconds."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a counter or a gauge means, and what it is split by."""

    about: str
    labels: Labels = ()


COUNTERS: Mapping[str, Described] = {
    "shed": Described("Requests refused with 503 since there was too much to do, by what there was.", ("reason",)),
    "malformed": Described(
        "What came and was no HTTP that this server speaks: 'invalid', a 'head' too large, an 'upgrade'.", ("reason",)
    ),
    "fallbacks": Described("Objectives that something else than their model answered for.", ("objective",)),
    "pauses": Described(
        "Models and features that were too slow several times in a row, and were not called for a while.",
        ("kind", "name"),
    ),
    "events": Described("Rows that came in, by what became of them.", ("source", "fate")),
    "unlogged": Described("Answers that were given and not logged; the log of the process says why."),
    "write_failures": Described("Groups of rows and answers, and trials, that the disk did not take."),
    "rollout_answers": Described(
        "Answers beside a canary, by who was asked ('canary', 'live') and whether that 'answered' or 'failed'.",
        ("by", "outcome"),
    ),
    "shadow": Described("Requests that a shadow was to score: 'scored', 'failed'.", ("outcome",)),
    "switches": Described("Releases that were to answer: 'switch' where they do now, else 'stay'.", ("outcome",)),
}
"""Name of `count` -> what is counted. `/metrics` shows `poise_<name>_total`."""

GAUGES: Mapping[str, Described] = {
    "in_progress": Described("Requests that are being answered, their bodies read.", ("of",)),
    "ready": Described("1 once a rehearsal was answered and as long as nothing is wrong, else 0."),
    "release_info": Described(
        "Always 1: what answers, by which contract and weights.", ("release", "contract", "weights")
    ),
    "releases_not_answering": Described("Releases that should answer and could not be switched to; history says why."),
    "rollout_stage": Described("1 for what does not answer everybody yet, by its stage.", ("release", "stage")),
    "rollout_share": Described("The share of the callers (canary) or requests (shadow) that it is asked for."),
    "connections": Described("Open connections."),
    "monitor_findings": Described(
        "What the newest 'poise monitor' found, by monitor and level.", ("code", "monitor", "level")
    ),
    "monitor_age_seconds": Described("Seconds since the newest 'poise monitor' looked."),
    "journal_unwritten_rows": Described("Rows and answers that wait to be written to the journal."),
    "journal_rows": Described(
        "Rows and answers in the journal, which the drain has yet to bring to lake and snapshot."
    ),
    "journal_bytes": Described("Bytes of the journal on the disk."),
    "snapshot_age_seconds": Described("Seconds since the snapshot was last extended, or since the start."),
}
"""Name of `watch` -> what is read. `/metrics` shows `poise_<name>`."""


class Histogram:
    """Counts per bucket (not cumulated; the last one is above all bounds) and the sum of what was observed.

    >>> times = Histogram((0.1, 1.0))
    >>> for seconds in (0.05, 0.1, 5.0):
    ...     times.observe(seconds)
    >>> times.counts, times.sum
    ([2, 0, 1], 5.15)
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class Telemetry:
    """The numbers of one server. `stage` and `answered` are called by the thread that answers, `count` by any.

    >>> told = Telemetry()
    >>> told.count("shed", "waited")
    >>> told.stage("decode", 4e-5)
    >>> told.counted["shed"], told.stages["decode"].sum
    ({('waited',): 1}, 4e-05)
    """

    def __init__(self) -> None:
        self.stages: dict[str, Histogram] = {name: Histogram(STAGE_BOUNDS) for name in get_args(Stage)}
        self.requests: dict[Labels, int] = {}
        """(route, status) -> how many were answered."""
        self.seconds: dict[str, Histogram] = {}
        """Route -> the time from a request's arrival to the end of its answer."""
        self.counted: dict[str, dict[Labels, int]] = {name: {} for name in COUNTERS}
        self.watched: dict[str, list[Reading]] = {name: [] for name in GAUGES}
        self.listener: Callable[[str, float, float], None] | None = None
        """Is told of each stage too, where somebody traces."""
        self._answered: dict[tuple[str, int], tuple[Labels, Histogram]] = {}
        """(route, status) -> where it is counted."""
        self._lock = threading.Lock()

    def stage(self, name: Stage, seconds: float, ended: float | None = None) -> None:
        """One stage of one answer took `seconds`, until now or `ended` (of `time.perf_counter`)."""
        times = self.stages[name]
        times.counts[bisect_left(STAGE_BOUNDS, seconds)] += 1  # as `observe` does: five times in each answer
        times.sum += seconds
        if self.listener is not None:
            self.listener(name, seconds, time.perf_counter() if ended is None else ended)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request was answered. route: one of the server's own, never what a caller wrote."""
        found = self._answered.get((route, status))
        if found is None:
            key = (route, str(status))
            self.requests[key] = 0
            found = key, self.seconds.setdefault(route, Histogram(REQUEST_BOUNDS))
            self._answered[route, status] = found
        self.requests[found[0]] += 1
        found[1].observe(seconds)

    def count(self, name: str, *labels: str, n: int = 1) -> None:
        """`n` more of a counter of `COUNTERS`, with one value for each of its labels."""
        counts = self.counted[name]
        with self._lock:
            if labels not in counts and len(counts) >= MOST_LABELS:
                labels = (OTHER,) * len(labels)
            counts[labels] = counts.get(labels, 0) + n

    def watch(self, name: str, read: Reading) -> None:
        """Ask `read` for (a part of) a gauge of `GAUGES` whenever the numbers are read."""
        self.watched[name].append(read)
