"""Letting a candidate begin to answer, or refusing it, as `poise release` and `poise update` do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from poise.errors import Refused, UsageError
from poise.evaluation.foreseen import Foresight
from poise.interfaces.snapshotting import made_ready
from poise.monitoring.foreseeing import foresee
from poise.releases.contract import Contract
from poise.releases.folder import ReleaseFolder
from poise.rollout.gates import Outcome, judge_candidate
from poise.rollout.plan import Plan
from poise.rollout.promises import must_keep
from poise.rollout.promote import settle
from poise.rollout.stages import must_be_free

if TYPE_CHECKING:
    from poise.interfaces.system import System

Progress = Callable[[str], None]


def released(
    system: System,
    candidate: str | None,
    *,
    who: str | None,
    why: str,
    major: bool,
    rollout: str | None,
    progress: Progress,
) -> Outcome:
    """What became of a candidate, in the history too; asked and raised as for `System.release`."""
    plan = Plan() if major and rollout is None else Plan.of(system.spec.rollout, rollout)
    if major and plan.begin != "live":
        raise UsageError("callers of one contract are not answered by another", hint="--major goes live at once")
    must_be_free(system.state)
    chosen = system.newest_candidate() if candidate is None else system.state.release(candidate)
    folder = ReleaseFolder.open(system.settings.folder_of(chosen.folder), seal=chosen.seal)
    live = system.live_folder()
    if live is not None:
        _keep_promises(system, live, folder, who, major=major)
    name = system.free_name("release", system.settings.releases)
    made_ready(system.settings, system.lake, folder)
    command = [sys.executable, "-m", "poise", "serve", "--file", str(system.path), "--release", chosen.name]
    outcome = judge_candidate(
        system.spec,
        folder,
        system.settings.judged / chosen.name,
        system.settings.releases / name,
        [*command, "--answers-only", "--with-stdin", "--port", "{port}"],
        live=live.name if live else None,
        foresight=_foresight(system, folder, live, progress),
        progress=progress,
    )
    # The refusal is recorded before it is raised; here it is part of the report, which every caller reads.
    with suppress(Refused):
        settle(system.state, outcome, who=who, why=why or None, plan=plan)
    if outcome.released:
        system.seed_weights(name, who)
    return outcome


def _foresight(
    system: System, candidate: ReleaseFolder, live: ReleaseFolder | None, progress: Progress
) -> Foresight | None:
    """What the log of the live release tells of the candidate; None where no requirement asks for it."""
    asked = any(
        one.metric.startswith("decision.") and "live" in (one.better_than, one.relative_to)
        for one in system.spec.requirements
    )
    if live is None or not asked:
        return None
    progress(f"asking the log of {live.name} what the candidate would have made")
    now = system.state.weights()
    return foresee(candidate, live, system.lake, now.values if now else {})


def _keep_promises(
    system: System, live: ReleaseFolder, candidate: ReleaseFolder, who: str | None, *, major: bool
) -> None:
    """Refuse what breaks callers, in the history too, unless it was asked for."""
    old, new = (Contract.from_json(one.json("contract")) for one in (live, candidate))
    used = system.state.usage()
    try:
        must_keep(live.name, old, candidate.name, new, used, system.spec.timezone, major=major)
    except Refused as refused:
        system.state.note("refuse", candidate.name, why=refused.message, who=who)
        raise
