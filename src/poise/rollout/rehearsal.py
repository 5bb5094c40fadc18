"""Rehearsal: the real server answers real requests, and what that took is measured before anyone depends on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import StateError
from poise.evaluation.measures import Measured, quantile_measured
from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess, running

WARM_UP = 50
"""Requests before measuring starts: compilation and caches are paid once, not by every request."""
SAMPLES = 3
_SHOWN = 2_000  # characters of an answer that is kept for readers


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """What `requests` requests took, as a client on the same machine sees it.

    `latencies` are seconds, one per answered request: what gates judge. `errors` counts
    answers other than 200 by status; 0 is a connection that failed. `cpu_seconds_per_request` is the server's, all
    threads, None where it cannot be read.
    """

    requests: int
    rows_per_request: int | None
    connections: int
    seconds: float
    latencies: NDArray[np.float64]
    cpu_seconds_per_request: float | None
    errors: Mapping[int, int]
    answers_sample: tuple[str, ...]
    """The first answers, and the first refusal if there was any, cut to a readable length."""

    @property
    def latency_p50(self) -> float:
        """Median, seconds."""
        return self.quantile(0.5).value

    @property
    def latency_p99(self) -> float:
        """99th percentile, seconds; what it could also be is in `quantile(0.99)`."""
        return self.quantile(0.99).value

    def quantile(self, q: float) -> Measured:
        """A quantile of the latencies with its one-sided 95 % limits by order statistics."""
        return quantile_measured(self.latencies, q)

    def to_dict(self) -> dict[str, Any]:
        """As the evidence holds it; a limit that is not known (under 299 requests) is None."""
        p99 = self.quantile(0.99)
        return {
            "requests": self.requests,
            "candidates": self.rows_per_request,
            "connections": self.connections,
            "latency_p50": self.latency_p50,
            "latency_p99": p99.value,
            "latency_p99_high": p99.high if np.isfinite(p99.high) else None,
            "cpu_seconds_per_request": self.cpu_seconds_per_request,
            "errors": {str(status): count for status, count in self.errors.items()},
        }


FELL_BACK, FAILED = b'"fallbacks":{', 503
"""What an answer holds where a model did not answer, and the status under which that is counted."""


@dataclass
class _Tally:
    """What one connection saw."""

    latencies: list[float] = field(default_factory=list)
    errors: dict[int, int] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)


def rehearse(
    command: Sequence[str],
    requests: Sequence[bytes],
    route: str,
    count: int,
    *,
    connections: int = 1,
    rows_per_request: int | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> Rehearsal:
    """Start the server with `command` (`{port}` in it becomes a free port) and measure `count` POSTs to `route`.

    requests: bodies, sent in turn and over again; connections: how many callers ask at the same time, each as soon as
    it has its answer. The server is always ended. Raises `StateError` where it does not start (with its last lines), or
    refuses or fails every request (with what it answered).
    """
    with running(command, env=env, timeout=timeout) as server:
        return measure(server, requests, route, count, connections=connections, rows_per_request=rows_per_request)


def measure(
    server: ServerProcess,
    requests: Sequence[bytes],
    route: str,
    count: int,
    *,
    connections: int = 1,
    rows_per_request: int | None = None,
) -> Rehearsal:
    """The same for a server that runs already, so that several routes and sizes are measured on one start."""
    if not requests or count < 1 or connections < 1:
        raise StateError("a rehearsal takes at least one body, one request and one connection")
    _drive(server, requests, route, min(WARM_UP, count), 1)
    before, start = server.cpu_seconds(), time.perf_counter()
    tallies = _drive(server, requests, route, count, connections)
    seconds, after = time.perf_counter() - start, server.cpu_seconds()
    errors: dict[int, int] = {}
    for tally in tallies:
        for status, number in tally.errors.items():
            errors[status] = errors.get(status, 0) + number
    latencies = [value for tally in tallies for value in tally.latencies]
    answers = tuple(
        a[:_SHOWN].decode("utf-8", "replace") for a in islice((a for t in tallies for a in t.answers), SAMPLES + 1)
    )
    if not latencies:
        raise StateError(
            f"the server answered none of {count} requests to {route}: {answers[0] if answers else 'silence'}"
        )
    return Rehearsal(
        requests=count,
        rows_per_request=rows_per_request,
        connections=connections,
        seconds=seconds,
        latencies=np.array(latencies),
        cpu_seconds_per_request=None if before is None or after is None else (after - before) / count,
        errors=errors,
        answers_sample=answers,
    )


def _drive(server: ServerProcess, requests: Sequence[bytes], route: str, count: int, connections: int) -> list[_Tally]:
    """`count` requests in all over that many connections at the same time."""
    shares = [count // connections + (i < count % connections) for i in range(connections)]
    tallies = [_Tally() for _ in shares]
    if connections == 1:
        _ask(server, requests, route, 0, count, tallies[0])
        return tallies
    starts = [sum(shares[:i]) for i in range(connections)]
    threads = [
        threading.Thread(target=_ask, args=(server, requests, route, start, share, tally))
        for start, share, tally in zip(starts, shares, tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tallies


def _ask(server: ServerProcess, requests: Sequence[bytes], route: str, start: int, count: int, tally: _Tally) -> None:
    """One caller: ask, wait, ask again. A failed connection is an error of status 0 and is opened anew."""
    connection: Connection | None = None
    for i in range(start, start + count):
        try:
            connection = connection or Connection(server.port, token=server.token)
            request = connection.request(route, requests[i % len(requests)])
            begin = time.perf_counter()
            status, answer = connection.exchange(request)
            took = time.perf_counter() - begin
        except (OSError, StateError) as error:
            status, answer, took = 0, str(error).encode(), 0.0
            if connection is not None:
                connection.close()
            connection = None
        if status == 200 and FELL_BACK in answer:
            status = FAILED  # that something simpler answers helps callers, and makes no release
        if status == 200:
            tally.latencies.append(took)
        else:
            tally.errors[status] = tally.errors.get(status, 0) + 1
        if len(tally.answers) < SAMPLES or (status != 200 and tally.errors[status] == 1):
            tally.answers.append(answer)
    if connection is not None:
        connection.close()
