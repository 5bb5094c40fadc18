"""The poison guard at work: what is new since the live release is weighed before anything is learned from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from poise.clock import SECOND
from poise.interfaces.learnable import Learnable
from poise.releases.evidence import Evidence
from poise.releases.folder import ReleaseFolder
from poise.releases.learn_from import LearnFrom, LeftOut
from poise.updating.guard import Suspect, guard
from poise.updating.left_out import trusted_rows
from poise.updating.suspects import Held, cleared, held_back, hold, sample, sampled

if TYPE_CHECKING:
    from poise.interfaces.system import System

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Guarded:
    """left_out: everything that nothing is learned from now; held: what was held back by this look; weighed: all that
    was odd, also what is learned from."""

    left_out: tuple[LeftOut, ...]
    held: tuple[Held, ...] = ()
    weighed: tuple[Suspect, ...] = ()


def guarded_rows(system: System, who: str = "guard", progress: Progress = lambda _: None) -> Guarded:
    """What to leave out before learning: suspects are looked for among rows since the live release was judged, weighed
    on the trusted block and, where they may do harm, held back with their evidence.

    Without a release that learned from time, nothing is known good yet and nothing is weighed.
    """
    spec, state = system.spec, system.state
    live, spans = system.live_folder(), judged_spans(system)
    if live is None or not spans:
        return Guarded((*trusted_rows(spec), *held_back(state)))
    trusted = trusted_rows(spec) or sampled(state) or sample(state, spans, who)
    limits = LearnFrom(left_out=(*trusted, *held_back(state)))
    progress("computing features of what is new")
    new = Learnable.read(spec, system.lake, limits)
    rungs = {name: one["chosen"] for name, one in live.json("evidence")["objectives"].items() if name in new.data}
    data = {name: one for name, one in new.data.items() if name in rungs}
    others = new.kept(LearnFrom(left_out=trusted))
    judging = {
        name: np.zeros(one.requests.height, np.bool_) if (other := others[name]) is None else ~other
        for name, one in data.items()
    }
    since = max(end for _, end in spans.values())
    found = guard(
        spec, data, new.histories, rungs, since, judging, new.keep, os.cpu_count() or 1, cleared(state), progress
    )
    people = {(name, one.person) for name, one in spec.sources.items() if one.person is not None}
    held = hold(state, found, who, people)
    return Guarded((*trusted, *held_back(state)), tuple(held), tuple(found))


def judged_spans(system: System) -> dict[str, tuple[int, int]]:
    """Source that is predicted for -> from when to when the models that are live were judged on its rows, in
    microseconds; empty where none are, or they have no time: then nothing new can be weighed."""
    live = None if system.starting else system.live_folder()
    return {} if live is None else _judged(system, live)


def _judged(system: System, live: ReleaseFolder) -> dict[str, tuple[int, int]]:
    """Source that is predicted for -> from when to when the release was judged on its rows, in microseconds."""
    found: dict[str, tuple[int, int]] = {}
    for name, one in Evidence.read(live.path / "evidence.json").objectives.items():
        if name not in system.spec.objectives or one.parts is None or one.parts.judge is None:
            continue
        ends = [end for end in (one.parts.judge.from_, one.parts.judge.to) if end is not None]
        if len(ends) < 2:
            continue
        per = system.spec.objectives[name].per
        since, until = (int(datetime.fromisoformat(end).timestamp() * SECOND) for end in ends)
        before = found.get(per, (since, until + 1))
        found[per] = min(before[0], since), max(before[1], until + 1)
    return found
