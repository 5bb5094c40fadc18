"""What one request may ask for. Every limit is stated here, in `docs/serving.md` and in the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request and of the server's load; reaching one gives a clear answer, never a crash.

    >>> Limits().rows
    10000
    """

    body: int = 1_000_000
    """Bytes of a request's body; a larger one is answered 413."""
    rows: int = 10_000
    """Rows of one request; more are answered 413."""
    candidates: int = 10_000
    """Candidates of one list request; more are answered 413."""
    string: int = 10_000
    """Characters of one string value."""
    digits: int = 9_007_199_254_740_992
    """Largest whole number of an `int` column, 2**53: beyond it a float64 no longer tells neighbours apart."""
    budget: float = 2.0
    """Seconds that each objective of a request has, for the features that it reads and its model; where they took
    longer, its fallback answers, and the answer says so. What was too slow `breaker.SLOW_IN_A_ROW` times in a row is
    not called for `breaker.PAUSE` seconds."""
    head: int = 32_000
    """Bytes of a request's line and headers; more are answered 431."""
    concurrent: int = 64
    """Requests being answered (that takes one core, so that more would only wait); above it 503 with Retry-After."""
    wait: float = 0.01
    """Seconds that a request may wait for its turn once more come than can be answered; at least `turns`."""
    turns: int = 32
    """Answers for whose time a request may wait then, where that is longer than `wait`."""
    burst: float = 0.5
    """Seconds that a request may wait for its turn before that: while a burst passes, or an answer that takes long."""
    retry: float = 1.0
    """Seconds after which to try again, as 503 says."""
    connections: int = 1_000
    """Open connections; above it 503."""
    pipelined: int = 100
    """Requests that one connection may send ahead of its answers; one that sends more is cut off."""
    patience: float = 10.0
    """Seconds within which headers, and then the body, must have come in, and the answer be taken; slower clients are
    answered 408 or cut off."""
    unread: int = 20_000_000
    """Bytes that are read off, and dropped, of a request that was refused before it was in, so that its caller sees the
    answer; for `patience` seconds at most, then it is cut off."""
    idle: int = 30
    """Seconds that an idle keep-alive connection is kept."""
