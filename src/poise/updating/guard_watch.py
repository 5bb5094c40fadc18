"""One objective while it is guarded: what of it is new, who departs, and what was to be expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poise.monitoring.discovery import RATE
from poise.releases.examples import ObjectiveData
from poise.spec.system import SystemSpec
from poise.table import History
from poise.updating.guard_expected import Expected, expected
from poise.updating.guard_groups import Grouping, groupings, repeated
from poise.updating.guard_impact import Trial
from poise.updating.guard_slow import slow
from poise.updating.guard_tests import Departure, departures

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

CLASSES = 5
"""Of classes the most frequent are looked at by rate."""


@dataclass(slots=True, eq=False)
class Watch:
    """One objective while it is guarded: which of its rows are new, in doubt, and held back already."""

    data: ObjectiveData
    trial: Trial
    groups: list[Grouping]
    new: Flags
    held: Flags
    again: Flags
    found: list[Departure]
    losses: Floats | None = None
    """Of the trusted rows, under the model that learns from all that is not held; None: not learned yet."""
    known: Expected | None = None
    """What was to be expected of each row; None where it cannot be said."""

    def hold(self, mask: Flags, without: Floats | None) -> None:
        """Learn no longer from the rows of `mask`, (n,); without: the losses of the trusted rows then."""
        self.held |= mask
        self.losses = without

    def depart(self) -> None:
        """Look again for groups that depart."""
        self.found = departing(self.data, self.groups, self.new, self.held, self.again)

    def drift(self) -> None:
        """Look for who drifts away slowly."""
        target = np.asarray(self.data.target, np.float64)
        time = self.data.requests.time
        self.found = [] if self.known is None else slow(self.known, target, time, self.groups, self.held)


def watched(
    system: SystemSpec,
    data: ObjectiveData,
    histories: Mapping[str, History],
    rung: str,
    since: int,
    trusted: Flags,
    keep: Flags | None,
    threads: int,
) -> Watch:
    """One objective as `guard` takes it: what is new in it, and who departs."""
    held = np.zeros(len(trusted), np.bool_) if keep is None else ~keep & ~trusted
    new = (data.requests.time >= since) & ~trusted & ~held
    groups = groupings(system, data, histories)
    again = repeated(system, data)
    found = departing(data, groups, new, held, again)
    trial = Trial(system, data, rung, trusted, ~new & ~held, threads)
    known = expected(data, trial, new, held) if trial.tells and new.any() else None
    return Watch(data, trial, groups, new, held, again, found, known=known)


def departing(
    data: ObjectiveData, groups: Sequence[Grouping], new: Flags, held: Flags, again: Flags
) -> list[Departure]:
    """The groups that depart among the rows that are not held."""
    found: list[Departure] = []
    flags = flags_of(data, ~new & ~held)
    for window in (new, _newest(new)):  # who drifts away slowly shows at the end only
        seen = [_only(one, ~held & (window | ~new) & ~_gone(one, new, held)) for one in groups]
        found += departures(seen, window & ~held, flags, again, RATE / 2)
    return found


def _gone(group: Grouping, new: Flags, held: Flags) -> Flags:
    """The rows of whom nothing new is left that is not held: with their history, but without what came of them since,
    the others' shares of the new rows would have grown."""
    named = group.codes >= 0
    out, left = (np.bincount(group.codes[named & rows], minlength=len(group.levels)) for rows in (held, new & ~held))
    return np.asarray(named & ((out > 0) & (left == 0))[group.codes], np.bool_)


def _newest(new: Flags) -> Flags:
    """The newest third of the new rows."""
    rows = np.flatnonzero(new)
    out = np.zeros(len(new), np.bool_)
    out[rows[len(rows) * 2 // 3 :]] = True
    return out


def _only(group: Grouping, rows: Flags) -> Grouping:
    """A grouping without the rows that are held back."""
    return replace(group, codes=np.where(rows, group.codes, -1))


def flags_of(data: ObjectiveData, history: Flags) -> dict[str, Flags]:
    """What a label can say of a row, as yes or no: (n,) each. Numbers are above their usual median, or tenth."""
    target = np.asarray(data.target, np.float64)
    if data.spec.type == "binary":
        return {f"{data.name} true": target > 0.5}
    if target.ndim > 1:
        return {f"{data.name}.{name}": target[:, at] > 0.5 for at, name in enumerate(data.classes[:CLASSES])}
    if data.spec.type == "multi-class":
        common = np.argsort(-np.bincount(target[history].astype(np.int64), minlength=len(data.classes)))[:CLASSES]
        return {f"{data.name} {data.classes[at]}": target == at for at in common}
    if not history.any():
        return {}
    middle, high = np.quantile(target[history], [0.5, 0.9])
    return {f"{data.name} above {middle:.4g}": target > middle, f"{data.name} above {high:.4g}": target > high}


def rows_of(groups: Sequence[Grouping], source: str, column: str, levels: tuple[str, ...]) -> Flags:
    """The rows of some values of a column of a source, (n,)."""
    for group in groups:
        if (group.source, group.column) == (source, column):
            named = frozenset(levels)
            wanted = np.array([level in named for level in group.levels] + [False])
            return np.asarray(wanted[group.codes], np.bool_)
    return np.zeros(len(groups[0].codes) if groups else 0, np.bool_)


def declared(groups: Sequence[Grouping], source: str, column: str) -> bool:
    """Whether the file says that a column stands for somebody."""
    return any(group.declared for group in groups if (group.source, group.column) == (source, column))
