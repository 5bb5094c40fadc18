"""`poise update` beside a live release: windows in which nothing changes, overriding them, watching, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from poise.errors import Overloaded, UsageError
from poise.interfaces import updating
from poise.interfaces.system import System
from poise.updating.lease import only_one
from poise.updating.stages import updates
from tests.interfaces.cli.in_process import poise
from tests.updating.conftest import Outdated
from tests.updating.market import DAYS

ALWAYS = "freeze: ['2026-01-01 - 2026-12-31']"


def test_in_a_window_nothing_is_changed_and_nothing_is_told_twice(
    outdated: Outdated, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = outdated()
    text = system.path.read_text(encoding="utf-8").replace("{every: 1d", f"{{{ALWAYS}, every: 1d")
    system.path.write_text(text, encoding="utf-8")
    frozen = System.read(system.path)
    before = len(frozen.state.history())
    found = frozen.update()
    assert found.outcome == "frozen" and "2026-01-01 - 2026-12-31" in found.sentence
    assert [line.act for line in frozen.state.history()[before:]] == ["ingest"]
    assert updates(frozen.state) == []
    with monkeypatch.context() as patch:
        patch.setattr(updating, "let_on", lambda *_, who, frozen: "r2 is undone" if frozen else "r2 is live")
        assert frozen.update().sentence == "r2 is undone", "what does harm is taken back all the same"
    with pytest.raises(UsageError, match="needs a reason"):
        frozen.update(override=True)
    with only_one(frozen.state), pytest.raises(Overloaded):
        System.read(system.path).update()

    done = poise(system.path.parent, "update", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["outcome"] == "frozen"
    assert poise(system.path.parent, "update", "--watch", "--now").returncode == UsageError.exit_code
    assert poise(system.path.parent, "update", "--worth", "3").returncode == UsageError.exit_code

    watching = [sys.executable, "-m", "poise", "update", "--watch", "--poll", "200ms", "--json"]
    with subprocess.Popen(watching, cwd=system.path.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert first["outcome"] == "frozen" and process.returncode == 0
    assert '"outcome"' not in rest, "what was said is not said again"
    assert frozen.state.document("lease", "update").value == {"free": True}  # type: ignore[union-attr]


@pytest.mark.soak
def test_an_override_is_recorded_and_what_is_not_better_is_kept(outdated: Outdated) -> None:
    system = outdated(DAYS)
    text = system.path.read_text(encoding="utf-8").replace("{every: 1d", f"{{{ALWAYS}, every: 1d")
    system.path.write_text(text, encoding="utf-8")
    first = System.read(system.path).update(override=True, who="ana", why="the shop stands still")
    assert first.outcome == "promoted"
    again = System.read(system.path)
    found = again.update(now=True, override=True, who="ana", why="once more")
    assert found.outcome == "kept" and "is not sure to be better than r2" in found.sentence
    lines = again.state.history()
    assert [line.why for line in lines if line.act == "override"] == [
        f"although '2026-01-01 - 2026-12-31' holds: {why}" for why in ("the shop stands still", "once more")
    ]
    live = again.live_folder()
    assert live is not None and live.name == "r2"
