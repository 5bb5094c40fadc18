"""A feature by a function of the user's, in a module beside the system file: read, learned, rehearsed and served."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.journeys.conftest import Write

MODULE = """
import numpy as np


def angle(x, y):
    return np.arctan2(y, x)
"""
SYSTEM = """
format: 1
system: compass
purpose: Tell which side of the field a ball falls on.
sources:
  throws:
    path: throws.csv
    columns: {x: float, y: float, left: bool}
    request: [x, y]
features:
  - function: {call: journeys_bearing:angle, take: [x, y], gives: bearing}
objectives:
  left: {type: binary, per: throws, label: {take: left}}
requirements:
  - {who: coach, metric: left.auc, at_least: 0.8}
"""


@pytest.fixture
def module_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "journeys_bearing.py").write_text(MODULE, encoding="utf-8")
    yield
    sys.modules.pop("journeys_bearing", None)


@pytest.mark.usefixtures("module_of_the_user")
def test_a_function_beside_the_file_is_found_wherever_poise_runs(write: Write, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1500))
    left = np.abs(np.arctan2(y, x)) + rng.normal(size=1500) * 0.3 > 1.5
    system = write(SYSTEM, throws=pl.DataFrame({"x": x, "y": y, "left": left}))
    system.ingest()
    trained = system.train()
    importance = trained.folder.json("evidence")["objectives"]["left"]["importance"]
    assert [one["feature"] for one in importance] == ["bearing"]
    report = system.release()  # the rehearsal starts the real server, from this process's working directory
    assert report.outcome is not None and report.outcome.released, report

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-P", "-m", "poise", "serve", "-f", str(tmp_path / "poise.yaml"), "--port", "0"]
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True, cwd=elsewhere) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            body = json.dumps({"rows": [{"x": -3.0, "y": 0.1}, {"x": 3.0, "y": 0.1}]}).encode()
            asked = urllib.request.Request(f"{address}/v1/predict", body, {"content-type": "application/json"})
            with urllib.request.urlopen(asked, timeout=20) as answer:
                left_side, right_side = json.loads(answer.read())["predictions"]
        finally:
            server.terminate()
    assert left_side["left"] > 0.8 > 0.2 > right_side["left"]
