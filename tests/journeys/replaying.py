"""Sending the past to a real server event by event, and computing again in batch what it answered from."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from poise.clock import to_text
from poise.data.history import to_column
from poise.data.lake import Lake
from poise.features.plan import FeaturePlan
from poise.features.suite import disagreements
from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess, running
from poise.spec.system import SystemSpec
from poise.table import Column, History, Requests, Table

AT_ONCE = 16
"""Events that are on their way at the same time, each in a request of its own."""


@contextmanager
def serving(file: Path, release: str = "c1") -> Iterator[ServerProcess]:
    """`poise serve`, which at its end has written all that it acknowledged to the lake."""
    command = [sys.executable, "-m", "poise", "serve", "-f", str(file), "--release", release, "--port", "{port}"]
    with running([*command], env={"POISE_HOME": str(file.parent / ".poise")}, grace=120.0) as server:
        yield server


class Caller:
    """Sends events and asks, over a few connections."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port, self._to = port, [Connection(port, 120.0) for _ in range(AT_ONCE)]
        self._used = [time.monotonic()] * AT_ONCE
        stack.callback(lambda: [to.close() for to in self._to])

    def send(self, events: Sequence[tuple[str, bytes]]) -> None:
        """Each event, source and JSON, in a request of its own; returns when all are accepted."""
        for start in range(0, len(events), AT_ONCE):
            pairs = [(self._at(n), *event) for n, event in enumerate(events[start : start + AT_ONCE])]
            for to, source, row in pairs:
                to._socket.sendall(to.request(f"/v1/events/{source}", row))
            for to, source, row in pairs:
                status, said = to._answer()
                assert status == 200 and b'"counts":{"accepted":1}' in said, (source, row, said)

    def _at(self, n: int) -> Connection:
        """A connection; one that was idle for long is opened anew, before the server hangs up."""
        if time.monotonic() - self._used[n] > 10:
            self._to[n].close()
            self._to[n] = Connection(self._port, 120.0)
        self._used[n] = time.monotonic()
        return self._to[n]

    def batch(self, source: str, rows: bytes) -> None:
        """Several events in one request, all of which are accepted."""
        to = self._at(0)
        status, said = to.exchange(to.request(f"/v1/events/{source}", rows))
        assert status == 200 and set(json.loads(said)["counts"]) == {"accepted"}, said

    def ask(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The decision for these rows or candidates."""
        to = self._at(0)
        status, said = to.exchange(to.request("/v1/decide", json.dumps(content).encode()))
        assert status == 200, said
        found: dict[str, Any] = json.loads(said)
        return found


def as_json(row: Mapping[str, Any]) -> bytes:
    """A row as somebody would send it: what is missing is left out."""
    return json.dumps({k: v for k, v in row.items() if v is not None}, default=str).encode()


def logged(lake: Lake) -> list[dict[str, Any]]:
    """Every decision in the lake, oldest first."""
    rows = pl.read_delta(lake.decisions)
    column = next(name for name in ("decision", "body", "row") if name in rows.columns)
    found = [json.loads(text) for text in rows[column].to_list()]
    return sorted(found, key=lambda one: one["at"])


def served_and_batch(
    system: SystemSpec, lake: Lake, decisions: Sequence[Mapping[str, Any]], before: int | None = None
) -> tuple[int, list[str]]:
    """How many values were compared, and where what was served differs from a computation over the whole lake.

    before: leave out what happened from then on.
    """
    per = decisions[0]["per"]
    plan = FeaturePlan.of(system, per)
    names = list(decisions[0]["features"])
    outputs = [output.name for output in plan.outputs if output.name in names]
    extra = [name for name in names if name not in outputs]
    instants = np.repeat([one["at"] for one in decisions], [len(one["logged"]) for one in decisions])
    sent = _columns([one["sent"] for one in decisions], plan.select(outputs).request_with(extra))
    if system.decision is not None and system.decision.position is not None:  # answered as if each stood first
        sent = sent.with_columns({system.decision.position: Column.numbers(np.ones(len(instants)))})
    requests = Requests(sent, instants)
    histories = {source: lake.history(system, source) for source in plan.reads}
    if before is not None:
        histories = {source: _before(history, before) for source, history in histories.items()}
    batch = plan.select(outputs).batch(requests, histories, extra)
    served = {name: [value for one in decisions for value in one["features"][name]] for name in names}
    online = Table({name: _like(batch[name], values) for name, values in served.items()})
    return len(instants) * len(names), disagreements(batch.select(names), online, requests)


def _before(whole: History, instant: int) -> History:
    kept = np.flatnonzero(whole.time < instant)
    first = None if whole.first is None else whole.first[kept]
    return History(whole.source, whole.kind, whole.time[kept], whole.known[kept], whole.rows.take(kept), first)


def _columns(sent: Sequence[Mapping[str, Sequence[Any]]], types: Mapping[str, str]) -> Table:
    kinds: dict[str, Any] = {"int": pl.Float64, "float": pl.Float64, "bool": pl.Float64, "time": pl.Int64}
    found = {}
    for name, kind in types.items():
        values = pl.Series([value for one in sent for value in one[name]], dtype=kinds.get(kind, pl.String))
        found[name] = Column.times(values.to_numpy()) if kind == "time" else to_column(values)
    return Table(found)


def _like(column: Column, values: Sequence[Any]) -> Column:
    if column.kind == "string":
        return Column.strings(list(values))
    if column.kind == "time":
        return Column.times(np.array(values, np.int64))
    return Column.numbers(np.array([np.nan if value is None else value for value in values], np.float64))


def text(instant: int) -> str:
    """An instant as requests say it."""
    return to_text(instant, "UTC")
