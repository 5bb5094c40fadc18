"""Windows in batch, 330k requests x 1M events x 3 windows x 2 aggregates, beside a NumPy floor in the same run.

    python -m benchmarks.windows

The floor is hand-made for this one question: one composite (key, time) integer, sorted on both sides, binary searches,
prefix sums; no late rows, no missing values, no unknown keys, integer keys from the start, sums that lose precision.
Budget: at most 2 times its time, and a peak of memory of at most 3 times the inputs. Runs of both take turns, and the
best of each counts, since a shared machine only ever makes a run slower.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.figure import Figure, run
from poise.clock import DAY, HOUR, MINUTE
from poise.features.base import Needs, Output
from poise.features.window import Window
from poise.features.window_binding import KeyPart
from poise.table import Column, History, Requests, Table

REQUESTS, EVENTS, KEYS = 330_000, 1_000_000, 4_000
OVER = (HOUR, DAY, 7 * DAY)
TILES = (5 * MINUTE, HOUR, HOUR)


@dataclass(frozen=True)
class Question:
    """A year of requests and events."""

    keys: np.ndarray
    time: np.ndarray
    request_keys: np.ndarray
    at: np.ndarray
    value: np.ndarray


def question(random: np.random.Generator, keys: int = KEYS) -> Question:
    """Skewed keys; both sides in the order of time."""
    return Question(
        (keys * random.random(EVENTS) ** 2).astype(np.int64),
        np.sort(random.integers(0, 365 * DAY, EVENTS)),
        (keys * random.random(REQUESTS) ** 2).astype(np.int64),
        np.sort(random.integers(0, 365 * DAY, REQUESTS)),
        random.normal(100, 30, EVENTS),
    )


def floor(asked: Question) -> list[np.ndarray]:
    """Count and mean of each window, by hand."""
    span = 400 * DAY
    composite = asked.keys * span + asked.time + 30 * DAY
    order = np.argsort(composite)
    composite = composite[order]
    sums = np.concatenate([[0.0], np.cumsum(asked.value[order])])
    base = asked.request_keys * span + 30 * DAY
    by_key = np.argsort(base + asked.at)  # searching in order is several times faster
    base, at = base[by_key], asked.at[by_key]
    end = np.searchsorted(composite, base + at, side="left")
    found = []
    for over, tile in zip(OVER, TILES, strict=True):
        begin = np.searchsorted(composite, base + (at - over) // tile * tile, side="left")
        count, mean = np.empty(len(base)), np.empty(len(base))
        count[by_key] = end - begin
        with np.errstate(invalid="ignore"):
            mean[by_key] = (sums[end] - sums[begin]) / (end - begin)
        found += [count, mean]
    return found


def poise_inputs(asked: Question, late: int = 0) -> tuple[Requests, dict[str, History]]:
    """The same rows as stations pass them. `late` delays a third of the events by up to that many microseconds."""
    names = [f"k{key}" for key in range(int(max(asked.keys.max(), asked.request_keys.max())) + 1)]
    rows = Table({"key": Column.coded(asked.keys, names), "value": Column.numbers(asked.value)})
    known = asked.time
    if late:
        random = np.random.default_rng(1)
        known = known + np.where(random.random(EVENTS) < 1 / 3, random.integers(0, late, EVENTS), 0)
    events = History("events", "log", asked.time, known, rows)
    return Requests(Table({"key": Column.coded(asked.request_keys, names)}), asked.at), {"events": events}


def window(*take: tuple[str, str | None]) -> Window:
    """A window feature, bound by hand."""
    outputs = [Output(f"{name}_{column}_{over}", "number") for name, column in take for over in OVER]
    return Window("events", [KeyPart("key", "key", "key")], OVER, take, outputs, Needs())


def best(*acts: Callable[[], object], repeats: int = 7) -> list[float]:
    """The best run of each, in seconds, in turns and after one that is not counted."""
    for act in acts:
        act()
    seconds = [np.inf] * len(acts)
    for _ in range(repeats):
        for number, act in enumerate(acts):
            start = time.perf_counter()
            act()
            seconds[number] = min(seconds[number], time.perf_counter() - start)
    return seconds


def check(asked: Question) -> float:
    """The largest difference of a mean between the two, relative."""
    requests, histories = poise_inputs(asked)
    ours = list(window(("count", None), ("mean", "value")).batch(requests, histories, {}).values())
    theirs = floor(asked)
    worst = 0.0
    for number in range(len(OVER)):
        same = np.nan_to_num(ours[number].values) == theirs[2 * number]
        assert same.all(), "counts differ"
        mean = ours[len(OVER) + number].values
        worst = max(worst, float(np.nanmax(np.abs(mean / theirs[2 * number + 1] - 1))))
    return worst


def main(quick: bool) -> list[Figure]:
    """Measure."""
    global REQUESTS, EVENTS
    if quick:
        REQUESTS, EVENTS = 5_000, 10_000
    repeats = 1 if quick else 7
    asked = question(np.random.default_rng(0))
    print(f"counts equal, means within {check(asked):.1e} of the floor's")
    requests, histories = poise_inputs(asked)
    _, late = poise_inputs(asked, 2 * HOUR)
    two = window(("count", None), ("mean", "value"))
    others = {
        "min, max": window(("min", "value"), ("max", "value")),
        "last, since_last": window(("last", "value"), ("since_last", None)),
        "distinct": window(("distinct", "value")),
    }
    runs: dict[str, Callable[[], object]] = {
        "NumPy floor: count, mean": lambda: floor(asked),
        "Poise: count, mean": lambda: two.batch(requests, histories, {}),
        "Poise: count, mean, a third of rows late": lambda: two.batch(requests, late, {}),
        **{f"Poise: {name}": (lambda made=made: made.batch(requests, histories, {})) for name, made in others.items()},
    }
    seconds = best(*runs.values(), repeats=repeats)
    for name, took in zip(runs, seconds, strict=True):
        print(f"{name:42s} {took:.3f} s, {took / seconds[0]:.2f} times the floor")
    one = replace(asked, keys=np.zeros_like(asked.keys), request_keys=np.zeros_like(asked.request_keys))
    hot_requests, hot = poise_inputs(one)
    below, took = best(lambda: floor(one), lambda: two.batch(hot_requests, hot, {}), repeats=repeats)
    print(f"{'Poise: count, mean, all of one key':42s} {took:.3f} s, {took / below:.2f} times the floor of that")
    inputs = EVENTS * (8 + 8 + 4 + 8) + REQUESTS * (8 + 4)
    tracemalloc.start()
    two.batch(requests, histories, {})
    peak = tracemalloc.get_traced_memory()[1] / inputs
    tracemalloc.stop()
    return [
        Figure("3 windows x 2 aggregates v the NumPy floor", seconds[1] / seconds[0], 2.0),
        Figure("3 windows x 2 aggregates: peak of memory over the inputs", peak, 3.0),
    ]


if __name__ == "__main__":
    run(main)
