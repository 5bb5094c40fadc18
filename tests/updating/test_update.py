"""`poise update` beside a live release: windows in which nothing changes, overriding them, watching, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from poise.clock import DAY
from poise.errors import Overloaded, UsageError
from poise.interfaces import updating
from poise.interfaces.cli import update
from poise.interfaces.system import System
from poise.interfaces.updating import Updated
from poise.interfaces.what_to_learn import what_to_learn
from poise.spec.updates import Updates
from poise.updating.lease import only_one
from poise.updating.mature import last_learned, system_now
from poise.updating.stages import Update, updates
from poise.updating.triggers import Facts, reasons
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
    assert first["outcome"] == "frozen" and first["looks"] == 1 and first["next_look"] and process.returncode == 0
    assert '"outcome"' not in rest, "what was said is not said again"
    assert frozen.state.document("lease", "update").value == {"free": True}  # type: ignore[union-attr]


def test_a_release_that_somebody_made_since_counts_as_learned(outdated: Outdated) -> None:
    system = outdated()
    live, lake, spec = system.live_folder(), system.lake, system.spec
    assert live is not None
    now = system_now(spec, lake)
    older = Update("u1", "done", (), now - DAY, {"order": 3}, {"offers": 0}, candidate="c9")
    found = last_learned(spec, lake, live, older)
    assert found.at is not None and now - DAY < found.at <= now and found.mature["order"] > 1000
    assert reasons(Updates(every=DAY), Facts(now, found.at, found.mature, found.mature, anything_new=True)) == []
    newer = replace(older, as_of=now)
    assert last_learned(spec, lake, live, newer).versions == {"offers": 0}, "what is live was tried before that"
    own = replace(older, candidate=live.release["candidate"])
    assert last_learned(spec, lake, live, own).at == now - DAY, "what is live is what that update made"
    assert last_learned(spec, lake, None, None).at is None


def test_told_to_end_in_the_middle_a_watch_lets_the_lease_go(
    outdated: Outdated, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = outdated()

    def told(*_: object) -> None:
        assert "pid" in system.state.document("lease", "update").value  # type: ignore[union-attr]
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(updating, "guarded_rows", told)
    done = poise(system.path.parent, "update", "--watch")
    assert done.returncode == 0 and "goes on when" in done.stdout
    assert system.state.document("lease", "update").value == {"free": True}  # type: ignore[union-attr]
    left = updates(system.state)[-1]
    live = system.live_folder()
    assert left.stage == "train" and live is not None and live.name == "r1"


def test_a_watch_that_sees_no_change_says_so_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    clock = iter(range(0, 100_000, 600))
    monkeypatch.setattr(update, "say", lambda text="", style="": said.append(text))
    monkeypatch.setattr(update.time, "monotonic", lambda: float(next(clock)))
    told = update._Told(600.0, as_json=False)
    for _ in range(13):
        told.found(Updated("not due", "there is no reason to learn again", 0))
    lines = [line for line in said if "next at" in line]
    assert len(said) == 2 * len(lines) == 6
    assert "looked once" in lines[0] and "looked 6 times" in lines[1]


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


def test_what_judged_is_learned_from_only_where_the_guard_could_weigh_it(
    outdated: Outdated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A declared block weighs nothing where a rule is live, or models without time."""
    system = outdated()

    def also_judged(**keys: object) -> bool:
        spec = Updates.model_validate({"window": "all", "trusted": {"from": "2026-01-01", "to": "2026-02-01"}, **keys})
        return what_to_learn(system, spec, 0, print)[0].also_judged

    assert also_judged() and not also_judged(refit=False)
    monkeypatch.setattr(System, "starting", True)
    assert not also_judged()
