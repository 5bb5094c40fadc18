"""The restaurants market, its last day sent event by event: what each list was ranked by is what batch computes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from poise.interfaces.system import System
from tests.journeys.replaying import Caller, as_json, logged, served_and_batch, serving, text

EXAMPLE = Path(__file__).parents[2] / "examples" / "restaurants"
DAYS = 8
DAY = 86_400_000_000


def _system(folder: Path) -> System:
    """The example with models that train quickly, and without what stakeholders require of it."""
    whole = (EXAMPLE / "poise.yaml").read_text(encoding="utf-8")
    whole = whole.replace("match: impression_id, within: 6h}", "match: impression_id, within: 6h}\n    rungs: [linear]")
    whole = whole.replace("take: value, within: 6h}", "take: value, within: 6h}\n    rungs: [linear]")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "poise.yaml").write_text(whole[: whole.index("requirements:")], encoding="utf-8")
    return System.read(folder / "poise.yaml")


def _whole(folder: Path) -> tuple[dict[str, pl.DataFrame], int]:
    """All accepted rows of a small market with their τ, and when its last day begins."""
    from market import Market, popularity
    from prepare import write
    from town import START

    market = Market(days=DAYS, lists=1_500, users=150, restaurants=48)
    write(market, market.run(popularity()), range(DAYS), folder / "data")
    system = _system(folder)
    system.ingest()
    tau = pl.col("_time").dt.timestamp("us")
    rows = {name: system.lake.read(name).with_columns(tau=tau) for name in system.spec.sources}
    return rows, START + (DAYS - 1) * DAY


def _begun(folder: Path, rows: Mapping[str, pl.DataFrame], cut: int) -> System:
    """The example with what was known at `cut`."""
    system = _system(folder)
    for name, frame in rows.items():
        known = frame if name == "users" else frame.filter(pl.col("tau") < cut)
        path = folder / system.spec.sources[name].path.replace("*", "known")
        path.parent.mkdir(parents=True, exist_ok=True)
        known.select(list(system.spec.sources[name].columns)).write_parquet(path)
    system.ingest()
    system.train()
    return system


def test_a_day_event_by_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    rows, cut = _whole(tmp_path / "whole")
    system = _begun(tmp_path / "replayed", rows, cut)
    events = []
    for name in ("restaurants", "impressions", "orders"):
        spec = system.spec.sources[name]
        times = [column for column, one in spec.columns.items() if one.type == "time"]
        for row in rows[name].filter(pl.col("tau") >= cut).iter_rows(named=True):
            sent = {column: row[column] for column in spec.columns} | dict.fromkeys(times, text(row["tau"]))
            events.append((row["tau"], name, as_json(sent)))
    events.sort(key=lambda event: event[0])
    shown = rows["impressions"].filter(pl.col("tau") >= cut).group_by("request_id", "user_id", "tau").len().sort("tau")
    chance, every = random.Random(1), rows["restaurants"]["restaurant_id"].unique().sort().to_list()
    with serving(system.path) as server, ExitStack() as stack:
        caller, sent = Caller(server.port, stack), 0
        for user, instant in shown.select("user_id", "tau").iter_rows():
            upto = sent
            while upto < len(events) and events[upto][0] < instant:
                upto += 1
            caller.send([event[1:] for event in events[sent:upto]])
            sent = upto
            candidates = [{"restaurant_id": one} for one in chance.sample(every, 25)]
            caller.ask({"user_id": user, "candidates": candidates, "time": text(instant)})
    decisions: list[dict[str, Any]] = [one for one in logged(system.lake) if one["logged"]]
    assert shown.height - 10 < len(decisions) <= shown.height
    compared, differ = served_and_batch(system.spec, system.lake, decisions)
    assert not differ, f"{len(differ)} of {compared}: {differ[:5]}"
    assert compared > 5_000
    found = system.check_skew(limit=len(decisions))
    assert (found.answers, found.there) == (len(decisions), len(logged(system.lake)))
    rows_logged = sum(len(one["logged"]) for one in decisions)
    assert found.compared == found.rows == rows_logged and not found.skipped and not found.disagreeing
    assert not any(one.explained for one in found.features)
    assert len(served_and_batch(system.spec, system.lake, decisions, before=cut)[1]) > compared / 20, "events matter"
