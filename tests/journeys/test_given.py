"""A conditional objective, from the file to a served decision: `order * value`, learned apart and judged together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from poise.clock import ReplayClock
from poise.data.lake import Lake
from poise.interfaces.system import System
from poise.releases.examples import Sources, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.snapshot import build
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore
from tests.journeys.conftest import Write
from tests.journeys.shop import SYSTEM, tables

REQUIRED = """
requirements:
  - {who: sales, metric: decision.revenue, better_than: constant}
  - {who: sales, metric: decision.revenue, by: shown.city, at_least: 0.1}
  - {who: trust, metric: value.rmse, by: city, at_most: 20}
"""


def test_an_expected_value_is_decided_by(write: Write, tmp_path: Path) -> None:
    system = write(SYSTEM + REQUIRED, **tables())
    system.ingest()
    trained = system.train()
    evidence = trained.folder.json("evidence")
    order, value = (evidence["objectives"][name] for name in ("order", "value"))
    assert value["labels"]["not_given"] == order["balance"]["false"]
    assert value["labels"]["usable"] == order["balance"]["true"]
    assert value["judge"]["rows"] < order["judge"]["rows"]
    worth = {(term["term"], term["policy"]): term for term in evidence["decision"]["terms"]}
    assert worth["revenue", "model"]["rows"] == order["judge"]["rows"], "also where there was no order"
    assert worth["revenue", "model"]["low"] > worth["revenue", "always call"]["high"]
    found = {(one["term"], one["action"], one["over"]): one for one in evidence["decision"]["calibration"]}
    assert set(found) == {("revenue", "call", "all"), ("revenue", "call", "chosen")}, (
        "only what is predicted can be off"
    )
    for one in found.values():
        assert one["predicted"] == pytest.approx(one["realised"], abs=0.4) and not one["off"]
    assert (
        found["revenue", "call", "chosen"]["rows"] < found["revenue", "call", "all"]["rows"] == order["judge"]["rows"]
    )

    report = system.release()
    assert report.outcome is not None and report.outcome.released, str(report)
    decisions = decide(system, tmp_path, [{"x": 2.0, "z": 1.5}, {"x": -2.0, "z": -1.5}])
    good, bad = decisions
    assert (good["chosen"], bad["chosen"]) == ("call", "leave")
    for one in decisions:
        call = next(action for action in one["actions"] if action["action"] == "call")
        product = one["predictions"]["order"] * one["predictions"]["value"]
        assert call["terms"]["revenue"] == pytest.approx(product - 1.2)
        assert call["score"] == pytest.approx(product - 1.2 - 0.1)


def decide(system: System, folder: Path, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """What the live release decides on `rows`, through the handler that HTTP calls."""
    live = system.live_folder()
    assert live is not None
    loaded, store = Loaded.of(live), MemoryStore()
    built = build(system.spec, system.lake, loaded.declarations, store, folder / "snapshot")
    answerer = Answerer(loaded, store, ReplayClock(built.now))
    found: list[dict[str, object]] = json.loads(answerer.decide(json.dumps({"rows": rows}).encode()).body)["decisions"]
    return found


@pytest.mark.parametrize("timed", [True, False])
def test_a_conditional_objective_learns_from_no_row_that_the_decision_is_judged_on(write: Write, timed: bool) -> None:
    """Orders become more frequent, so that on its own `value` would be judged from a later day on than `order`."""
    made = tables(3000)
    late = np.arange(3000) > 1500
    keep = {f"o{i}" for i in np.flatnonzero(late | (np.arange(3000) % 7 == 0))}
    made["orders"] = made["orders"].filter(made["orders"]["offer"].is_in(keep))
    text = SYSTEM
    if not timed:
        text = text.replace("clock: replay\n", "").replace("    time: at\n", "").replace(", within: 6h", "")
    system = write(text, **made)
    system.ingest()
    data = assembled(system)
    judged = rows_of(data, "order", "judge")
    learned = {row for part in ("fit", "tune", "calibrate") for row in rows_of(data, "value", part)}
    assert not judged & learned
    assert rows_of(data, "value", "judge") <= judged
    ordered = data["order"].target[data["order"].split.judge].sum()
    assert len(rows_of(data, "value", "judge")) == ordered, "every order among the judged rows judges the value too"


def assembled(system: System) -> dict:  # type: ignore[type-arg]
    extra = extra_names(system.spec)
    plans = plans_of(system.spec, extra)
    lake: Lake = system.lake
    sources: Sources = read_sources(system.spec, lake, plans, extra)
    return assemble(system.spec, plans, sources, extra)


def rows_of(data: dict, objective: str, part: str) -> set[int]:  # type: ignore[type-arg]
    one = data[objective]
    return set(one.requests.rows["@row"].values[one.split.part(part)].astype(int).tolist())
