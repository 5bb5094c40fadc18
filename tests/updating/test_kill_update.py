"""`kill -9` at every stage of an update: what is live stays, and the next update goes on where it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from poise.interfaces.system import System
from poise.models.predictor import Predictor
from poise.releases.evidence import Evidence
from poise.releases.folder import ReleaseFolder
from poise.rollout.connection import Connection
from poise.table import Column, Table
from poise.updating.stages import updates
from tests.journeys.switching import SOON, live
from tests.updating.conftest import Outdated
from tests.updating.killed import POINTS

SCRIPT = Path(__file__).with_name("killed.py")
QUICK = ("recorded",)
"""What the default run asks, where most was done already; the others take as long each and are part of `make soak`."""


def killed(system: System, point: str) -> None:
    """An update that ends itself at this point."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), point, str(system.path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def check(outdated: Outdated, point: str) -> None:
    system = outdated()
    killed(system, point)
    now = system.live_folder()  # its seal is verified
    assert now is not None and now.name == ("r2" if point == "promoted" else "r1")

    again = System.read(system.path)
    found = again.update()
    assert found.outcome == "promoted", found.sentence
    assert found.update is not None and found.update.name == "u1" and found.update.tries == 2
    now = again.live_folder()
    assert now is not None and now.name == found.update.release
    lines = again.state.history()
    acts = [line.act for line in lines if line.subject == "u1"]
    assert acts == ["update", "resume", "updated"]
    assert sum(line.act == "take over" for line in lines) == 1, "the dead process held the lease"
    assert [line.subject for line in lines if line.act == "promote"] == ["r1", now.name]
    assert len([line for line in lines if line.act == "release"]) == 2
    assert updates(again.state)[-1].stage == "done"
    assert again.update().outcome == "not due"
    learned_again(now)
    again.state.close()


def learned_again(folder: ReleaseFolder) -> None:
    """What answers learned from what judged it too, and what was judged is kept beside it."""
    found = Evidence.of(folder.json("evidence")).objectives["order"]
    assert found.again is not None and found.parts is not None and found.parts.judge is not None
    assert found.again.to == found.parts.judge.to and folder.json("evidence")["learned_from"]["also_judged"]
    judged, answers = (Predictor.load(path) for path in (folder.judged_model("order"), folder.model("order")))
    rows = Table({name: Column.numbers([-1.0, 0.0, 1.0]) for name in judged.inputs})
    one, other = judged.predict(rows), answers.predict(rows)
    assert not np.allclose(one, other) and np.allclose(one, other, atol=0.2)
    assert one[0] > one[2], "buyers are put off by a since the turn"


@pytest.mark.parametrize("point", QUICK)
def test_what_is_live_stays_and_the_next_update_goes_on(outdated: Outdated, point: str) -> None:
    check(outdated, point)


@pytest.mark.soak
@pytest.mark.parametrize("point", [point for point in POINTS if point not in QUICK])
def test_what_is_live_stays_wherever_it_is_killed(outdated: Outdated, point: str) -> None:
    check(outdated, point)


def answering(port: int) -> str:
    """Which release answers a request now."""
    with Connection(port) as to:
        asked = json.dumps({"rows": [{"a": 1.0, "b": 0.0}]}).encode()
        status, said = to.exchange(to.request("/v1/predict", asked))
    assert status == 200, said
    return str(json.loads(said)["release"])


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_a_server_beside_goes_on_answering_by_what_is_live(outdated: Outdated, point: str) -> None:
    system = outdated()
    system.ingest()  # what comes in beside a server is known from then on only
    with live(system.path) as server:
        assert answering(server.port) == "r1"
        killed(system, point)
        expected = "r2" if point == "promoted" else "r1"
        time.sleep(1)  # it looks five times a second
        assert {answering(server.port) for _ in range(20)} <= {"r1", expected}
        again = System.read(system.path)
        found = again.update()
        assert found.outcome == "promoted" and found.update is not None
        ends = time.monotonic() + SOON
        while answering(server.port) != found.update.release:  # r3 where r2 was begun
            assert time.monotonic() < ends
            time.sleep(0.1)
        again.state.close()
