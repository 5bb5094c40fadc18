"""What an update learns from: the window of the file or of the evidence, and whether what is better learns again."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poise.interfaces.guarding import judged_spans
from poise.interfaces.learnable import Learnable
from poise.releases.learn_from import LearnFrom
from poise.spec.updates import Updates
from poise.updating.left_out import trusted_rows
from poise.updating.suspects import held_back
from poise.updating.windows import Chosen, choose

if TYPE_CHECKING:
    from poise.interfaces.system import System

Progress = Callable[[str], None]


def what_to_learn(
    system: System, spec: Updates, as_of: int, progress: Progress
) -> tuple[LearnFrom, dict[str, Any] | None]:
    """What of the rows to learn from at `as_of` (microseconds), and which windows were tried for that (None: none was).

    What judged is learned from too only where the guard could weigh it, and models are live to compare with.
    """
    limits, windows = _window(system, spec, as_of, progress)
    again = spec.refit and bool(judged_spans(system))
    return LearnFrom(limits.since, limits.half_life, also_judged=again), windows


def _window(system: System, spec: Updates, as_of: int, progress: Progress) -> tuple[LearnFrom, dict[str, Any] | None]:
    """As the file says or as the newest rows show."""
    if isinstance(spec.window, int):
        return LearnFrom(since=as_of - spec.window), None
    live = system.live_folder()
    if spec.window == "all" or live is None:
        return LearnFrom(), None
    rungs = {name: one["chosen"] for name, one in live.json("evidence")["objectives"].items()}
    if not set(system.spec.objectives) <= rungs.keys():
        return LearnFrom(), None
    chosen, newest = _tried(system, rungs, progress)
    return chosen.window.limits(newest), chosen.to_dict()


def _tried(system: System, rungs: dict[str, str], progress: Progress) -> tuple[Chosen, int]:
    spec = system.spec
    progress("computing features as of each request")
    limits = LearnFrom(left_out=(*trusted_rows(spec), *held_back(system.state)))
    found = Learnable.read(spec, system.lake, limits)
    chosen = choose(spec, found.data, rungs, found.keep, os.cpu_count() or 1, progress)
    return chosen, max(int(one.requests.time.max()) for one in found.data.values())
