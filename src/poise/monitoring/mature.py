"""The rows whose truth is known by now, as gates read them: the measures of any span of time since a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.measures import Measures, ServingMeasures
from poise.monitoring.scored import Scored
from poise.releases.live import LiveRelease
from poise.releases.measuring import Decided, decided, objective_measures
from poise.releases.ranked import Listed, listed, objective_ranked
from poise.releases.training import Learned
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Mature:
    """scored: the rows of every objective. earlier: the release that was live before, a baseline on the same rows."""

    system: SystemSpec
    scored: Mapping[str, Scored]
    earlier: LiveRelease | None = None

    def learned(
        self, since: int | None = None, until: int | None = None, *, all_rows: bool = False
    ) -> dict[str, Learned]:
        """The rows with T in [since, until) whose truth is known (all_rows: also the others), per objective."""
        found = {}
        for name, one in self.scored.items():
            time = one.time
            inside = np.ones(len(time), np.bool_) if all_rows else one.usable
            timed = time != MISSING_TIME
            inside &= ~timed | ((time >= (since or -(2**62))) & (time < (until or 2**62)))
            found[name] = one.learned(np.flatnonzero(inside))
        return found

    def newest(self, over: int) -> tuple[int | None, int | None]:
        """[since, until) of the newest so much (microseconds) of the rows whose truth is known, over all objectives
        without a parent; None without time."""
        ends = [one.time[one.data.split.judge] for one in self.scored.values() if one.data.spec.given is None]
        last = [int(time[-1]) for time in ends if len(time) and time[-1] != MISSING_TIME]
        if not last:
            return None, None
        return min(last) + 1 - over, min(last) + 1

    def decision(self, learned: Mapping[str, Learned]) -> Decided | Listed | None:
        """The decision of the system on these rows."""
        if self.system.decision is None or not _enough(self.system, learned):
            return None
        return decided(self.system, learned) or listed(self.system, learned)

    def measures(self, since: int | None, until: int | None, serving: ServingMeasures, live: str | None) -> Measures:
        """What gates would read if these rows were judged now. live: the name of the release before."""
        learned = self.learned(since, until)
        made = self.decision(learned)
        objectives = {}
        for name, one in learned.items():
            rows = one.data.split.judge
            before = None if self.earlier is None else self.earlier.predict(name, one.data, rows)
            first = None if self.earlier is None else self.earlier.predict(name, one.data, rows, first=True)
            ranked = objective_ranked(self.system, one, first) if len(rows) else None
            objectives[name] = objective_measures(self.system, one, before, ranked)
        decision = None if made is None else made.measures(self.earlier)
        return Measures(objectives, decision, serving, live)

    def predicted_terms(self, per: str) -> dict[str, Floats]:
        """Each term as predicted for what the release chooses, or of a list's row where it stands; of all n rows."""
        decision = self.system.decision
        if decision is None or decision.per != per:
            return {}
        made = self.decision(self.learned(all_rows=True))
        if made is None:
            return {}
        if isinstance(made, Listed):
            return dict(made.predicted)
        chosen = made.choice.chosen
        return {name: values[np.arange(len(chosen)), chosen] for name, values in made.choice.terms.items()}


def _enough(system: SystemSpec, learned: Mapping[str, Learned]) -> bool:
    """Whether there are rows of every objective that could decide."""
    assert system.decision is not None
    mine = [one for name, one in learned.items() if one.data.spec.per == system.decision.per]
    return bool(mine) and all(len(one.data.split.judge) for one in mine if one.data.spec.given is None)
