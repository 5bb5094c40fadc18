"""The poison guard: what is new is learned from only where it does no harm to what is known to be good.

Four steps. Where more labels say the opposite of what was known than they used to, the rows are held that most likely
do. Groups (actors, items, categories) whose new rows depart from their history, by rate, by burst, by rows that repeat
others or by a slow drift, are suspects. Each suspect is weighed: a model that learns from its new rows against one that
does not, on trusted rows; unless the former is shown to be no worse, nothing is learned from them until a person says
so. (A category that stands for nobody is held only where it is shown to be worse: it may well have changed by itself.)
Then all that is left and new is weighed as one batch, which nobody suspects: it is held back, in parts of time, where a
model that learns from it is surely worse, unless it tells other new rows better: then it is the world that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.releases.examples import ObjectiveData
from poise.releases.learn_from import LeftOut
from poise.spec.system import SystemSpec
from poise.spec.zones import offsets
from poise.table import History
from poise.updating.guard_flips import turned
from poise.updating.guard_impact import Impact
from poise.updating.guard_watch import Watch, declared, rows_of, watched

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Progress = Callable[[str], None]

MOST_ALONE = 8
"""Suspects that are weighed one by one, those with most rows; the others of a column are weighed together."""
SURELY = 4
"""So many times what chance usually does is not chance."""
MOST_WEIGHED = 24
"""Suspects that are weighed at all; each costs a training. The batch that is left is weighed whole."""
MOST_ROWS = 50_000
"""Rows that are held by name, the surest; each name stands in the document of the suspect."""
PARTS = 4
"""A batch that does harm is weighed again in so many parts of time."""
SLIGHT = 0.002
"""An increase of the loss by less than this part is none, however the trusted rows fell."""
LEAST_OWN = 20
"""Fewer trusted rows of a suspect's own say nothing of what its new rows do to it."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Rows that are odd: whose (`left_out` says which), why, and what learning from them does to each objective.

    held: whether nothing is learned from them.
    """

    left_out: LeftOut
    reasons: tuple[str, ...]
    rows: int
    held: bool
    impact: Mapping[str, Impact] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For the document that keeps it."""
        impact = {name: one.to_dict() for name, one in self.impact.items()}
        return {
            "left_out": self.left_out.to_dict(),
            "reasons": list(self.reasons),
            "rows": self.rows,
            "held": self.held,
            "impact": impact,
        }


def guard(
    system: SystemSpec,
    data: Mapping[str, ObjectiveData],
    histories: Mapping[str, History],
    rungs: Mapping[str, str],
    since: int,
    trusted: Mapping[str, Flags],
    keep: Mapping[str, Flags | None],
    threads: int,
    cleared: Collection[tuple[str, str, str]] = (),
    progress: Progress = lambda _: None,
) -> list[Suspect]:
    """What among the rows with T >= `since` (microseconds) is odd, and whether it is learned from.

    data: every row of each objective as `assemble` has it; rungs: objective -> the rung to try with; trusted: objective
    -> the rows that judge, (n,); keep: objective -> the rows that may be learned from so far, (n,), None: all. cleared:
    (source, column, level) that a person has looked at and let in.
    """
    watches = [
        watched(system, one, histories, rungs[name], since, trusted[name], keep[name], threads)
        for name, one in data.items()
        if one.split.kind == "time"
    ]
    watches = [one for one in watches if one.trial.tells and one.new.any()]
    progress("looking for labels that say the opposite")
    suspects = [one for watch in watches for one in _flipped(system, watch, since, cleared)]
    for find in (Watch.depart, Watch.drift):
        suspects += _suspected(watches, find, since, cleared, progress)
    progress("weighing what is new")
    return suspects + [one for watch in watches for one in _batch(watch, since)]


def _suspected(
    watches: Sequence[Watch],
    find: Callable[[Watch], None],
    since: int,
    cleared: Collection[tuple[str, str, str]],
    progress: Progress,
) -> list[Suspect]:
    """Whoever a look finds suspect, each weighed; after each hold it looks again: what a flood did to others' rates is
    not theirs."""
    for watch in watches:
        find(watch)
    suspects = []
    for source, column, levels in _together(watches, cleared)[:MOST_WEIGHED]:
        progress(f"weighing {source}.{column} = {', '.join(levels[:3])}")
        found = _weighed(watches, source, column, levels, since)
        suspects += [] if found is None else [found]
        if found is not None and found.held:
            for watch in watches:
                find(watch)
    return suspects


def _flipped(system: SystemSpec, watch: Watch, since: int, cleared: Collection[tuple[str, str, str]]) -> list[Suspect]:
    """Rows whose labels most likely say the opposite, where more do than in the history and the world did not turn."""
    identity = system.sources[watch.data.spec.per].identity
    if watch.known is None or len(identity) != 1 or watch.data.requests.id is None:
        return []
    per, column = watch.data.spec.per, identity[0]
    time, others = watch.data.requests.time, watch.held.copy()
    for one in watch.found:  # who stands out is weighed as such
        others |= watch.new & rows_of(watch.groups, one.source, one.column, (one.level,))
    local = time + offsets(system.timezone, time)
    parts = turned(watch.known, np.asarray(watch.data.target, np.float64), time, local, others)
    if not parts:
        return []
    rows, told = np.any([one.rows for one in parts], axis=0), np.sum([one.told for one in parts], axis=0)
    if not parts[0].hour and watch.trial.turned(rows, watch.held, told):
        return []
    wrong = np.sum([one.wrong for one in parts], axis=0)
    drawn = np.flatnonzero(np.any([one.drawn() for one in parts], axis=0))
    drawn = drawn[np.argsort(-wrong[drawn], kind="stable")[:MOST_ROWS]]
    names = watch.data.requests.id.take(np.sort(drawn)).to_list()
    spared = {level for source, of, level in cleared if (source, of) == (per, column)}
    ids = tuple(str(name) for name in names if str(name) not in spared)
    mask = np.zeros(len(time), np.bool_)
    mask[np.sort(drawn)[[str(name) not in spared for name in names]]] = True
    if not ids:
        return []
    found, without = _impacts(watch, mask, np.ones(len(watch.trial.trusted), np.bool_))
    held = not any(one.high < 0 for one in found.values())
    if held:
        watch.hold(mask, without)
    # They still judge: to judge without the rows that a model contradicts would flatter every model that is like it.
    which = LeftOut(per, column, ids, since=since, why="labels that most likely say the opposite")
    return [Suspect(which, tuple(one.sentence for one in parts), len(ids), held, found)]


def _together(
    watches: Sequence[Watch], cleared: Collection[tuple[str, str, str]]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """The suspects, over all objectives: (source, column, levels), those that come first one by one."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for watch in watches:
        for one in watch.found:
            if (one.source, one.column, one.level) in cleared:
                continue
            of = rows.setdefault((one.source, one.column), {})
            # Who drifts drags what is expected of others along: the least likely comes first, and others are seen anew.
            first = 1 / max(one.p, 1e-300) if one.kind == "drift" else one.rows
            of[one.level] = max(of.get(one.level, 0), first)
    out: list[tuple[str, str, tuple[str, ...]]] = []
    for (source, column), levels in rows.items():
        ordered = sorted(levels, key=levels.__getitem__, reverse=True)
        out += [(source, column, (level,)) for level in ordered[:MOST_ALONE]]
        if len(ordered) > MOST_ALONE:
            out.append((source, column, tuple(ordered[MOST_ALONE:])))
    return sorted(out, key=lambda one: -max(rows[one[0], one[1]][level] for level in one[2]))


def _weighed(watches: Sequence[Watch], source: str, column: str, levels: tuple[str, ...], since: int) -> Suspect | None:
    """One suspect on the trusted rows of every objective that it has rows of, and on its own among them; held unless it
    is shown that its new rows do no harm there. None where all of its rows are held already, or nothing is odd any more
    without the rows that are."""
    impact: dict[str, Impact] = {}
    reasons: list[str] = []
    harmless: list[bool] = []
    # A drift is weak evidence, so harm must be shown: among few actors an honest one may well drift.
    drifts = all(o.kind == "drift" for w in watches for o in w.found)
    masks: list[tuple[Watch, Flags, Floats | None]] = []
    if not any((o.source, o.column) == (source, column) and o.level in levels for w in watches for o in w.found):
        return None
    for watch in watches:
        reasons += [o.sentence for o in watch.found if (o.source, o.column) == (source, column) and o.level in levels]
        mask = watch.new & ~watch.held & rows_of(watch.groups, source, column, levels)
        if mask.any():
            whose = rows_of(watch.groups, source, column, levels)[watch.trial.trusted]
            found, without = _impacts(watch, mask, whose)
            masks.append((watch, mask, without))
            impact |= found
            harmless += [
                _harmless(watch, one, mask, somebody=declared(watch.groups, source, column) and not drifts)
                for one in found.values()
            ]
    if not masks:
        return None
    held = not impact or not all(harmless)
    if held:
        for watch, mask, without in masks:
            watch.hold(mask, without)
    which = LeftOut(source, column, levels, since=since, why="suspect", judges=False)
    return Suspect(which, tuple(dict.fromkeys(reasons)), max(int(mask.sum()) for _, mask, _ in masks), held, impact)


def _impacts(watch: Watch, mask: Flags, whose: Flags) -> tuple[dict[str, Impact], Floats | None]:
    """What learning from the rows of `mask` does to all trusted rows and, where there are enough, to the suspect's own
    (`whose`, (trusted,)), and the losses without them; empty where it cannot be told."""
    if watch.losses is None:
        watch.losses = watch.trial.losses(watch.held)
    without = watch.trial.losses(watch.held | mask)
    if watch.losses is None or without is None:
        return {}, without
    found = {watch.data.name: watch.trial.impact(watch.losses, without)}
    if LEAST_OWN <= whose.sum() < len(whose):
        found[f"{watch.data.name}, its own rows"] = watch.trial.impact(watch.losses, without, whose)
    return found, without


def _batch(watch: Watch, since: int) -> list[Suspect]:
    """All that is new and not held yet: held only where learning from it is surely worse, and does not tell other new
    rows better either."""
    left = watch.new & ~watch.held
    if not left.any():
        return []
    everyone = np.ones(len(watch.trial.trusted), np.bool_)
    found, _ = _impacts(watch, left, everyone)
    if not found or not _harms(watch, found[watch.data.name], left) or watch.trial.helps(left, watch.held):
        return []
    times = watch.data.requests.time
    edges = np.quantile(times[left], np.linspace(0, 1, PARTS + 1)).astype(np.int64)
    out = []
    for at, (start, end) in enumerate(pairwise(edges)):
        stop = None if at == PARTS - 1 else int(end)
        mask = left & (times >= start) & (times < (stop if stop is not None else times.max() + 1))
        if not mask.any():
            continue
        part, without = _impacts(watch, mask, everyone)
        held = not part or _harms(watch, part[watch.data.name], mask)
        if held:
            watch.hold(mask, without)
        said = (
            f"models that learn from all {int(left.sum()):,} new rows of {watch.data.name} predict trusted rows worse"
        )
        which = LeftOut(watch.data.spec.per, since=int(start) if at else since, until=stop, why="suspect", judges=False)
        out.append(Suspect(which, (said,), int(mask.sum()), held, part))
    return out


def _harmless(watch: Watch, found: Impact, rows: Flags, *, somebody: bool) -> bool:
    """Whether suspect rows may be learned from: of somebody (or of an item) it must be shown that they do no harm; a
    mere category, which may well have changed by itself, must be shown to do some."""
    bound = max(SLIGHT, watch.trial.by_chance(int(rows.sum())))
    return found.high <= bound if somebody else found.low <= 0 or found.change <= bound


def _harms(watch: Watch, found: Impact, rows: Flags) -> bool:
    """Whether learning from rows that nobody suspects is surely worse than chance may make it."""
    return found.low > 0 and found.change > max(SLIGHT, SURELY * watch.trial.by_chance(int(rows.sum())))
