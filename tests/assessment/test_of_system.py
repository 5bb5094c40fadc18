"""A system becomes one case per objective, with what training knows of its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from poise.assessment.of_system import cases_of
from poise.clock import DAY
from poise.data.ingest import ingest
from poise.data.lake import Lake
from poise.interfaces.system import System
from tests.assessment.tables import in_time, table

SYSTEM = """
format: 1
system: shop
purpose: Foresee who leaves.
clock: replay
sources:
  visits:
    path: visits.csv
    time: asked
    columns: {asked: time, x0: float, x1: float, y: bool}
    request: [x0, x1]
objectives:
  leaves: {type: binary, per: visits, label: {take: y, within: 5d}}
"""


def test_a_truth_that_comes_late_is_known_late(tmp_path: Path) -> None:
    frame = in_time(table("rule", 200)).select("asked", "x0", "x1", pl.col("y").cast(pl.Boolean))
    frame.write_csv(tmp_path / "visits.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    (tmp_path / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    system = System.read(tmp_path / "poise.yaml")
    lake = Lake(str(tmp_path / "lake"))
    ingest(system.spec, lake, base=tmp_path)
    (case,) = cases_of(system.spec, lake)
    assert case.known_at is not None
    np.testing.assert_array_equal(case.known_at - case.time, np.full(case.rows, 5 * DAY))
    assert set(case.types) == {"visits_x0", "visits_x1"} and case.rows < 200, "the last days are not mature"
