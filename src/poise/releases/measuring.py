"""From what was learned to what gates read: judged rows with baselines, slices, terms as they came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.decisions.choose import Choice, Chooser, take
from poise.decisions.exploration_cost import Basis
from poise.decisions.of_system import chooser_of
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.measures import DecisionMeasures, ObjectiveMeasures, Ranked
from poise.evaluation.policies import term_calibration
from poise.releases.examples import ObjectiveData
from poise.releases.extras import slice_names
from poise.releases.held import held
from poise.releases.judged_rows import judged_together, labels_at, slice_column, with_parents
from poise.releases.live import LiveRelease
from poise.releases.training import Learned
from poise.spec.system import SystemSpec

Floats = NDArray[np.float64]
MOST_ROWS = 2_000
"""Rows of a release by which the cost of exploring actions is known."""


def objective_measures(
    system: SystemSpec,
    learned: Learned,
    live: Floats | None,
    ranked: Ranked | None = None,
    fresh: NDArray[np.bool_] | None = None,
) -> ObjectiveMeasures:
    """The judged rows of one objective; `live` is what the live release predicts for them, where there is one.

    ranked: the same rows as items of lists, where the decision lists them. fresh: those that the live release was not
    learned from.
    """
    data, rows = learned.data, learned.data.split.judge
    baselines = dict(learned.baselines) | ({} if live is None else {"live": live})
    slices = {by: slice_column(system, data, by).take(rows) for by in slice_names(system, data.name)}
    target = data.target[rows]
    time = data.requests.time[rows]
    return ObjectiveMeasures(
        data.spec.type, target, learned.judged, learned.blocks, baselines, slices, ranked, time, fresh
    )


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The decision on the judged rows: what was chosen, what each action was predicted to be worth, and what came true.

    The judged rows are those that all unconditional objectives of the decision judge. That the outcome does not
    depend on the action is assumed and said in the report.
    """

    system: SystemSpec
    base: ObjectiveData
    rows: NDArray[np.int64]
    chooser: Chooser
    choice: Choice
    realised: Mapping[str, Floats]

    def measures(self, live: LiveRelease | None = None) -> DecisionMeasures:
        """Each term as it came true under the model's choice, the rule, the live release's, and each action always."""
        choices = dict(self.chooser.policies(self.choice.chosen))
        by_live = None if live is None else live.choose(self.base, self.rows, self.chooser.actions)
        if by_live is not None:
            choices["live"] = by_live
        policies = {policy: take(self.realised, actions) for policy, actions in choices.items()}
        slices = {by: slice_column(self.system, self.base, by) for by in slice_names(self.system, "decision")}
        units = {name: term.unit for name, term in self.chooser.decision.terms.items()}
        judged = {by: column.take(self.rows) for by, column in slices.items()}
        fresh = None
        if live is not None:
            used = [n for n in sorted(self.chooser.objective_names()) if self.system.objectives[n].given is None]
            seen = [live.unseen(name, self.base, self.rows) for name in used]
            fresh = np.logical_and.reduce(seen) if seen else None
        time = self.base.requests.time[self.rows]
        return DecisionMeasures(policies, self._blocks(), units, judged, time=time, fresh=fresh)

    def basis(self) -> Basis:
        """Rows by which the cost of exploration is known: what each action is predicted to be worth in them."""
        rows = np.unique(np.linspace(0, len(self.rows) - 1, MOST_ROWS).astype(np.int64))
        return Basis({t: v[rows] for t, v in self.choice.terms.items()}, dict.fromkeys(self.choice.terms, np.ones(1)))

    def shares(self) -> dict[str, float]:
        """How often the model's choice is each action."""
        return {action: float((self.choice.chosen == j).mean()) for j, action in enumerate(self.chooser.actions)}

    def calibration(self) -> list[dict[str, Any]]:
        """Each term of each action, predicted against what came true: over all rows, and where the action is chosen.

        Terms in which nothing is predicted are left out.
        """
        blocks, found = self._blocks(), []
        for term, predicted in self.choice.terms.items():
            for j, action in enumerate(self.chooser.actions):
                if not self.chooser.predicts(term, action):
                    continue
                chosen = self.choice.chosen == j
                for over, rows in (("all", np.ones(len(chosen), np.bool_)), ("chosen", chosen)):
                    if rows.any():
                        pair = predicted[rows, j], self.realised[term][rows, j]
                        made = term_calibration(*pair, blocks.take(rows))
                        found.append({"term": term, "action": action, "over": over, **made})
        return found

    def _blocks(self) -> Blocks:
        groups = None if self.base.groups is None else self.base.groups[self.rows]
        return blocks_of(self.base.requests.time[self.rows], groups)


def decided(system: SystemSpec, learned: Mapping[str, Learned]) -> Decided | None:
    """The decision of `system` on the rows that are judged; None where it has none, predicts nothing, or has prices."""
    chooser = chooser_of(system, {name: one.data.classes for name, one in learned.items()})
    used = [] if chooser is None else sorted(chooser.objective_names())
    if chooser is None or not used or chooser.decision.prices is not None:
        return None
    base = learned[next((n for n in used if learned[n].data.spec.given is None), used[0])].data
    rows = judged_together(learned, used, base)
    columns = base.columns.take(rows)
    predictions = {name: learned[name].predictor.predict(columns) for name in used}
    labels = {name: labels_at(learned[name].data, base, rows) for name in with_parents(system, used)}
    extra = {name: columns[name] for name in chooser.extra_names()}
    choice = held(chooser, chooser.choose(predictions, extra), base.requests.time[rows])
    return Decided(system, base, rows, chooser, choice, chooser.realised(labels, extra))
