"""Who uses what: requests, contracts and fields by token, counted in memory and written to the state every few seconds.

A field or a contract that nobody declared to use it cannot be taken away safely, so nobody has to declare anything.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from poise.clock import SECOND, to_text
from poise.errors import PoiseError
from poise.serving.answer import Used
from poise.stores.state_base import UsageRow, Use

MOST_SHAPES = 1_000
"""Combinations of token, route and fields that are counted as one before they are taken apart into fields."""
MOST_USES = 100_000
"""Uses that wait to be written; while the state database cannot be written, counts of more are lost, and that is
logged."""
_LOG = logging.getLogger("poise.serving")
_Shape = tuple[str, str, int, str, frozenset[str]]
"""Token, route, and what of a `Used` is told apart: contract, source and fields."""


class UsageKept(Protocol):
    """Where counts are written: the state database of `stores`."""

    def usage(self, token: str | None = None) -> Sequence[UsageRow]: ...
    def add_usage(self, times: Mapping[Use, int]) -> None: ...


class Usage:
    """The counts of one server since they were last written. `count` is called by the thread that answers, `flush` by
    any. state: where they go; None keeps nothing.

    >>> usage = Usage(None)
    >>> usage.count("web", "/v1/predict", Used(1, "flights", frozenset({"carrier"})))
    >>> [(use.kind, use.name) for use in usage.waiting()]
    [('request', ''), ('route', '/v1/predict'), ('field', 'flights.carrier')]
    """

    def __init__(self, state: UsageKept | None) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._requests: dict[str, int] = {}
        """Of those that used nothing."""
        self._shapes: dict[_Shape, int] = {}
        self._uses: dict[Use, int] = {}

    def count(self, token: str, route: str, used: Used | None) -> None:
        """One request was answered. used: what it used of which contract, None where it had none to use."""
        with self._lock:
            if used is None:
                self._requests[token] = self._requests.get(token, 0) + 1
                return
            shape = (token, route, used.contract, used.per, used.fields)
            times = self._shapes.get(shape)
            if times is not None:
                self._shapes[shape] = times + 1
                return
            self._shapes[shape] = 1
            if len(self._shapes) >= MOST_SHAPES:
                self._take_apart()

    def waiting(self) -> Mapping[Use, int]:
        """What is counted and not written yet."""
        with self._lock:
            self._take_apart()
            return dict(self._uses)

    def flush(self) -> None:
        """Write the counts; where that fails they wait for the next time."""
        if self._state is None:
            return
        with self._lock:
            self._take_apart()
            taken, self._uses = self._uses, {}
        try:
            self._state.add_usage(taken)
        except PoiseError as error:
            _LOG.warning("who uses what is written later: %s", error)
            with self._lock:
                self._add(taken)

    def stored(self, token: str | None = None) -> Sequence[UsageRow]:
        """All that was ever counted (or that of one token), by this server up to now and by others."""
        self.flush()
        return () if self._state is None else self._state.usage(token)

    def _take_apart(self) -> None:
        """Counts per request and shape become counts per use."""
        requests, self._requests = self._requests, {}
        shapes, self._shapes = self._shapes, {}
        for (token, *_), times in shapes.items():
            requests[token] = requests.get(token, 0) + times
        self._add({Use(token, 0, "request", ""): times for token, times in requests.items()})
        for (token, route, contract, per, fields), times in shapes.items():
            names = sorted(f"{per}.{name}" for name in fields)
            uses = {Use(token, contract, "field", name): times for name in names}
            self._add({Use(token, contract, "route", route): times, **uses})

    def _add(self, more: Mapping[Use, int]) -> None:
        lost = 0
        for use, times in more.items():
            if use in self._uses or len(self._uses) < MOST_USES:
                self._uses[use] = self._uses.get(use, 0) + times
            else:
                lost += 1
        if lost:
            _LOG.error("%d counts of who uses what are lost: %d wait, as many as may", lost, MOST_USES)


def told(rows: Iterable[UsageRow], zone: str = "UTC") -> dict[str, Any]:
    """The stored counts as values for people and programs: by token, then by contract.

    >>> row = UsageRow(Use("web", 1, "field", "flights.carrier"), 3, 0, 0)
    >>> told([row])["consumers"][0]["contracts"][0]["fields"][0]["requests"]
    3
    """
    consumers: dict[str, dict[str, Any]] = {}
    for row in rows:
        use = row.use
        one = consumers.setdefault(use.token, {"token": use.token, "requests": 0, "last": 0, "contracts": {}})
        one["last"] = max(one["last"], row.last)
        if use.kind == "request":
            one["requests"] = row.times
            continue
        empty: dict[str, Any] = {"contract": use.contract, "routes": [], "fields": []}
        of_contract = one["contracts"].setdefault(use.contract, empty)
        of_contract[f"{use.kind}s"].append(
            {"name": use.name, "requests": row.times, "first": _text(row.first, zone), "last": _text(row.last, zone)}
        )
    return {
        "consumers": [
            {**one, "last": _text(one["last"], zone), "contracts": list(one["contracts"].values())}
            for one in consumers.values()
        ]
    }


def _text(instant: int, zone: str) -> str:
    return to_text(instant // SECOND * SECOND, zone)
