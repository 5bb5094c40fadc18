"""A canary that goes wrong on a real server is taken back by itself, and nobody's request fails meanwhile."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.rollout.plan import Plan
from poise.rollout.stages import begin_rollout, newest
from poise.rollout.told import told
from tests.journeys.conftest import Write
from tests.journeys.processes import children, end
from tests.journeys.switching import SOON, live

MODULE = """
import os, time
import numpy as np


def angle(x, y):
    return np.arctan2(y, x)


def other(x, y):
    wrong = os.path.exists(FLAG) and open(FLAG).read()
    if wrong == "errors":
        raise ValueError("it broke")
    if wrong == "slow":
        time.sleep(0.02)
    return np.arctan2(y, x) + (3 if wrong == "scores" else 0)
"""
SYSTEM = """
format: 1
system: compass
purpose: Tell which side of the field a ball falls on.
sources:
  throws: {path: throws.csv, columns: {x: float, y: float, left: bool}, request: [x, y]}
features:
  - function: {call: guarded_bearing:angle, take: [x, y], gives: bearing}
objectives:
  left: {type: binary, per: throws, label: {take: left}, rungs: [trees]}
rollout: {begin: canary, canary: 50%}
"""
MOST = {"errors": 1_500, "slow": 3_000, "scores": 8_000}
"""Requests within which each is taken back."""


@pytest.fixture
def system(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """r1 is live; r2, which the file lets begin as a canary, calls another function."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    module = MODULE.replace("FLAG", repr(str(tmp_path / "flag")))
    (tmp_path / "guarded_bearing.py").write_text(module, encoding="utf-8")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1500))
    left = np.abs(np.arctan2(y, x)) + rng.normal(size=1500) * 0.3 > 1.5
    made = write(SYSTEM, throws=pl.DataFrame({"x": x, "y": y, "left": left}))
    made.ingest()
    for text in (SYSTEM, SYSTEM.replace("bearing:angle", "bearing:other")):
        made.path.write_text(text, encoding="utf-8")
        made = System.read(made.path)
        made.train()
        report = made.release()
        assert report.outcome is not None and report.outcome.released, report
    yield made
    sys.modules.pop("guarded_bearing", None)


@pytest.mark.soak
def test_a_canary_that_goes_wrong_is_taken_back_within_so_many_requests(system: System, tmp_path: Path) -> None:
    state = system.state
    assert [one.release for one in state.standing()] == ["r1"], "the file lets r2 begin as a canary"
    rng = np.random.default_rng(1)
    for wrong, most in MOST.items():
        if newest(state).stage == "undone":  # type: ignore[union-attr]
            (tmp_path / "flag").unlink()
            begin_rollout(state, "r2", Plan(begin="canary", canary=0.5), why=f"again, for {wrong}")
        with live(system.path) as server, Connection(server.port) as to:
            asked = 0
            for asked in range(most):
                x, y = rng.normal(size=2)
                body = json.dumps({"rows": [{"x": x, "y": y}]}).encode()
                status, said = to.exchange(to.request("/v1/predict", body))
                assert status == 200, said
                if asked == 20:
                    temporary = tmp_path / "flag.new"
                    temporary.write_text(wrong)
                    os.replace(temporary, tmp_path / "flag")
                if asked % 50 == 0:
                    time.sleep(0.25)  # the server looks five times a second
                    if newest(state).stage == "undone":  # type: ignore[union-attr]
                        break
            back = newest(state)
            assert back is not None and back.stage == "undone", f"{wrong} after {asked:,} requests"
            assert back.breach is not None and back.breach["guardrail"] == wrong


@pytest.mark.soak
def test_a_server_that_is_killed_goes_on_with_what_it_knew_of_a_canary(system: System, tmp_path: Path) -> None:
    """Neither of two starts sees the 50 answers before which nothing is said; together they do."""
    state = system.state
    rng, flag = np.random.default_rng(2), tmp_path / "flag"
    for killed in (True, False):
        before = told(state)["answers"].get("canary", 0)
        flag.unlink(missing_ok=True)  # what fails in rehearsal would not be asked
        with live(system.path) as server, Connection(server.port) as to:
            flag.write_text("errors")
            for _ in range(70):
                x, y = rng.normal(size=2)
                status, said = to.exchange(to.request("/v1/predict", json.dumps({"rows": [{"x": x, "y": y}]}).encode()))
                assert status == 200, said
            ends = time.monotonic() + SOON
            while told(state)["answers"].get("canary", 0) < before + 25 and newest(state).stage == "canary":  # type: ignore[union-attr]
                assert time.monotonic() < ends, told(state)
                time.sleep(0.1)
            if killed:
                assert newest(state).stage == "canary"  # type: ignore[union-attr]
                drains = children(server.process.pid)
                server.process.kill()
                server.process.wait()
                end(drains)
    back = newest(state)
    assert back is not None and back.stage == "undone" and back.breach is not None
    assert back.breach["guardrail"] == "errors" and "0 of the live release" in back.breach["says"]
