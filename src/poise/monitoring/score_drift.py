"""PM04: do predictions and terms still look as they did when the release was judged?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.monitoring.base import Monitor, Watched
from poise.monitoring.blocks import window_of
from poise.monitoring.drift import drift
from poise.monitoring.finding import Finding
from poise.releases.profile import ObjectiveProfile
from poise.table import Column


class ScoreDrift(Monitor):
    """The predictions of each objective (of each class), and each predicted term of what was chosen, against the
    profile: as for features, from rows that the models were not fitted on."""

    code = "PM04"
    name = "score_drift"
    what = "Do predictions still look as they did when the release was judged?"
    drifts = True

    def look(self, watched: Watched) -> Sequence[Finding]:
        """One finding per objective (class) and per term."""
        found: list[Finding] = []
        for per, rows in watched.rows.items():
            window = window_of(watched, per)
            if window is None or watched.profile is None:
                continue
            for name, predicted in rows.predictions.items():
                if name not in watched.profile.objectives:
                    continue
                usual = watched.profile.objectives[name]
                for subject, values in _columns(name, usual, predicted).items():
                    before, called = usual.scores[subject], f"what is predicted of {subject}"
                    one = drift(self.code, self.name, subject, values, before, window, measured=False, called=called)
                    found.append(replace(one, detail={**one.detail, "objectives": [name]}))
            for term, worth in rows.terms.items():
                if term in watched.profile.terms:
                    column, subject = Column.numbers(worth), f"decision.{term}"
                    found.append(
                        drift(
                            self.code, self.name, subject, column, watched.profile.terms[term], window, measured=False
                        )
                    )
        return found


def _columns(name: str, usual: ObjectiveProfile, predicted: NDArray[np.generic]) -> Mapping[str, Column]:
    """The predictions under the names of the profile."""
    values = np.asarray(predicted, np.float64)
    if values.ndim == 1:
        return {name: Column.numbers(values)} if name in usual.scores else {}
    return {one: Column.numbers(values[:, at]) for at, one in enumerate(usual.scores) if at < values.shape[1]}
