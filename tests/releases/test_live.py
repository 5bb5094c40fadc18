"""The live release on the rows of another training run: what can be compared, and what is said where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.journeys.shop import SYSTEM, tables

from poise.interfaces.system import System

KINDS = SYSTEM[: SYSTEM.index("objectives:")] + (
    "objectives:\n  kind: {type: multi-class, per: shown, label: {take: kind}, rungs: [linear]}\n"
    "requirements:\n  - {who: ml, metric: kind.log_loss, at_most: 120%, relative_to: live}\n"
)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, table in tables(1500).items():
        table.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "poise.yaml").write_text(KINDS, encoding="utf-8")
    made = System.read(tmp_path / "poise.yaml")
    made.ingest()
    return made


def live(system: System) -> None:
    """The newest candidate goes live, as nobody judges it here."""
    row = system.newest_candidate()
    system.state.record("r1", "released", folder=row.folder, act="release", why="for this test", seal=row.seal)
    system.state.promote("r1", why="for this test")


def test_classes_are_compared_where_they_are_the_same(system: System) -> None:
    system.train()
    live(system)
    found = system.train().folder.json("evidence")["objectives"]["kind"]["judge"]
    own = {metric["name"]: metric["value"] for metric in found["metrics"]}
    np.testing.assert_allclose(found["baselines"]["live"]["log_loss"], own["log_loss"], rtol=1e-9)


def test_other_classes_are_not_compared_and_that_is_said(system: System) -> None:
    system.train()
    live(system)
    shown = pl.read_csv(system.path.parent / "shown.csv").with_columns(pl.col("kind").str.replace("mid", "middle"))
    shown = shown.with_columns(offer=pl.col("offer") + "x", at=pl.col("at").str.replace("2023", "2024"))
    shown.write_csv(system.path.parent / "shown.csv")
    system.ingest(force=True)
    evidence = system.train().folder.json("evidence")
    assert "live" not in evidence["objectives"]["kind"]["judge"]["baselines"]
    assert any("which is live" in sentence and "kind" in sentence for sentence in evidence["unknown"])
