"""From the system file to an answer, for every problem type, on data with faults in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_diabetes, load_wine

from poise.clock import Clock, ReplayClock
from poise.interfaces.system import Report, System
from poise.releases.snapshot import build
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore
from tests.journeys.conftest import Write


def answer(system: System, report: Report, rows: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """What the candidate predicts for `rows`, through the handler that HTTP calls."""
    loaded = Loaded.of(report.folder)
    store = MemoryStore()
    built = build(system.spec, system.lake, loaded.declarations, store, folder / "snapshot")
    answerer = Answerer(loaded, store, ReplayClock(built.now) if system.spec.clock == "replay" else Clock())
    answerer.rehearse()
    said = json.loads(answerer.predict(json.dumps({"rows": rows}).encode()).body)
    predictions: list[dict[str, Any]] = said["predictions"]
    return predictions


def evidence(report: Report, objective: str) -> dict[str, Any]:
    found: dict[str, Any] = report.folder.json("evidence")["objectives"][objective]
    return found


def test_regression_without_time(write: Write, tmp_path: Path) -> None:
    frame = pl.from_pandas(load_diabetes(as_frame=True).frame)
    columns = "".join(f"      {name}: float\n" for name in frame.columns)
    system = write(
        f"""
format: 1
system: diabetes
purpose: Foresee how a disease goes on.
sources:
  patients:
    path: patients.csv
    columns:
{columns}
    request: {{except: target}}
features:
  - columns: {{from: patients, take: [bmi, bp, s1, s2, s3, s4, s5, s6, age, sex]}}
objectives:
  progress: {{type: regression, per: patients, label: {{take: target}}}}
requirements:
  - {{who: doctor, metric: progress.rmse, better_than: constant}}
""",
        patients=frame,
    )
    counts = system.ingest().sources[0].counts
    assert (counts.rows_in, counts.accepted) == (442, 442)
    report = system.train()
    found = evidence(report, "progress")
    assert found["chosen"] in ("linear", "trees")
    scores = {r["name"]: r["score"] for r in found["rungs"]}
    assert scores["linear"] < 0.85 * scores["constant"]
    row = {name: 0.01 for name in frame.columns if name != "target"}
    assert 25 < answer(system, report, [row], tmp_path)[0]["progress"] < 350


def test_many_classes_with_faulty_rows(write: Write, tmp_path: Path) -> None:
    frame = pl.from_pandas(load_wine(as_frame=True).frame).rename({"od280/od315_of_diluted_wines": "od280"})
    frame = pl.concat([frame] * 4).with_columns(target=pl.col("target").replace_strict({0: "barolo", 1: "g", 2: "b"}))
    texts = frame.cast(pl.String)
    faulty = texts.head(3).with_columns(alcohol=pl.lit("strong"))
    inputs = [name for name in frame.columns if name != "target"]
    columns = "".join(f"      {name}: float\n" for name in inputs)
    system = write(
        f"""
format: 1
system: wine
purpose: Tell which grower a wine is of.
sources:
  wines:
    path: wines.csv
    columns:
{columns}      target: category
    request: {{except: target}}
features:
  - columns: {{from: wines, take: [{", ".join(inputs)}]}}
objectives:
  grower: {{type: multi-class, per: wines, label: {{take: target}}}}
""",
        wines=pl.concat([texts, faulty]),
    )
    counts = system.ingest().sources[0].counts
    assert (counts.rows_in, counts.accepted, counts.quarantined) == (715, 712, 3)
    assert list(counts.reasons) == ["type:alcohol"]
    report = system.train()
    assert evidence(report, "grower")["balance"] == {"b": 192, "barolo": 236, "g": 284}
    first = frame.row(0, named=True)
    said = answer(system, report, [{name: first[name] for name in inputs}], tmp_path)[0]["grower"]
    assert sum(said.values()) == pytest.approx(1)
    assert max(said, key=said.get) == "barolo"


def test_many_labels(write: Write, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 4))
    frame = pl.DataFrame({f"x{i}": x[:, i] for i in range(4)}).with_columns(
        spicy=pl.Series((x[:, 0] + rng.normal(size=2000) > 0).astype(int)),
        vegan=pl.Series((x[:, 1] - x[:, 2] + rng.normal(size=2000) > 1).astype(int)),
        rare=pl.Series((rng.random(2000) < 0.002).astype(int)),
    )
    system = write(
        """
format: 1
system: dishes
purpose: Tag dishes.
sources:
  dishes:
    path: dishes.csv
    columns: {x0: float, x1: float, x2: float, x3: float, spicy: bool, vegan: bool, rare: bool}
    request: [x0, x1, x2, x3]
features:
  - columns: {from: dishes, take: [x0, x1, x2, x3]}
objectives:
  tags: {type: multi-label, per: dishes, label: {take: [spicy, vegan, rare]}}
""",
        dishes=frame,
    )
    system.ingest()
    report = system.train()
    found = evidence(report, "tags")
    assert any("'rare'" in warning for warning in found["warnings"])
    said = answer(system, report, [{"x0": 3, "x1": -3, "x2": 3, "x3": None}], tmp_path)[0]["tags"]
    assert said["spicy"] > 0.9 and said["vegan"] < 0.1 and said["rare"] < 0.1


def test_events_with_time_and_a_label_that_comes_late(write: Write, tmp_path: Path) -> None:
    """Visits lead to orders within a day; the shop's own recent rate is what says most."""
    rng = np.random.default_rng(1)
    n = 6000
    at = np.sort(rng.integers(0, 90 * 86_400, n)) + 1_700_000_000
    shop = rng.integers(0, 40, n)
    rate = rng.beta(1, 4, 40)
    ordered = rng.random(n) < rate[shop]
    visits = pl.DataFrame(
        {"visit": [f"v{i}" for i in range(n)], "shop": [f"s{i}" for i in shop], "at": pl.from_epoch(pl.Series(at))}
    )
    orders = visits.filter(pl.Series(ordered)).with_columns(at=pl.col("at") + pl.duration(hours=3))
    system = write(
        """
format: 1
system: shops
purpose: Foresee orders.
clock: replay
sources:
  visits:
    path: visits.csv
    id: visit
    time: at
    columns: {visit: string, shop: category, at: time}
    request: [shop]
  orders:
    path: orders.csv
    id: visit
    time: at
    columns: {visit: string, shop: category, at: time}
features:
  - window: {from: orders, by: shop, over: [30d], take: [count]}
  - window: {from: visits, by: shop, over: [30d], take: [count]}
  - compute: {rate: orders_count_30d_by_shop / visits_count_30d_by_shop}
objectives:
  order: {type: binary, per: visits, label: {from: orders, match: visit, within: 1d}}
""",
        visits=visits,
        orders=orders,
    )
    system.ingest()
    report = system.train()
    found = evidence(report, "order")
    auc = next(m for m in found["judge"]["metrics"] if m["name"] == "auc")
    assert auc["value"] > 0.65, "the shop's own rate was learned"
    assert found["labels"]["immature"] > 0, "visits of the last day are not learned from"
    best, worst = f"s{int(rate.argmax())}", f"s{int(rate.argmin())}"
    said = answer(system, report, [{"shop": best}, {"shop": worst}, {"shop": "new"}], tmp_path)
    assert said[0]["order"] > said[1]["order"]
