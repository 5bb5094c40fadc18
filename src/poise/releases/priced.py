"""A decision over prices on the judged rows: what each price is foreseen to come to, and what the data can say of that.

What a price would have sold is known of the prices that were asked, and of no other: what is said here is what models
expect. That is causal only where prices did not depend on what else moved demand, so it is measured how well the other
columns tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.decisions.choose import Choice, Chooser, priced, take
from poise.decisions.exploration_cost import Basis
from poise.decisions.of_system import chooser_of
from poise.evaluation.blocks import blocks_of
from poise.evaluation.measures import DecisionMeasures
from poise.features.plan import FeaturePlan
from poise.releases.examples import ObjectiveData, Sources
from poise.releases.live import LiveRelease
from poise.releases.price_told import told_by_others
from poise.releases.training import Learned
from poise.spec.system import SystemSpec
from poise.table import Requests, Table

Floats = NDArray[np.float64]
ROWS = 400
"""Judged rows that every price is tried on, evenly over them."""
UNSEEN = "what came of a row is known at its own price only"
TOLD = 0.1
"""Where other columns tell more than this share of how prices vary, that is warned of."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """What models foresee of each price, on some judged rows: `rows` of `base`. asked: the price that was asked, (m,).

    told: the share of how prices vary that the other columns tell, of prices of all rows; None where prices never vary.
    """

    system: SystemSpec
    base: ObjectiveData
    rows: NDArray[np.int64]
    chooser: Chooser
    choice: Choice
    predictions: Mapping[str, Floats]
    asked: Floats
    told: float | None

    def measures(self, live: LiveRelease | None = None) -> DecisionMeasures:
        """For gates: nothing is known of what other prices would have sold, those of the live release among them."""
        groups = None if self.base.groups is None else self.base.groups[self.rows]
        blocks = blocks_of(self.base.requests.time[self.rows], groups)
        units = {name: term.unit for name, term in self.chooser.decision.terms.items()}
        return DecisionMeasures({}, blocks, units, {}, unknown=UNSEEN)

    def basis(self) -> Basis:
        """Rows by which the cost of exploration is known."""
        return Basis(self.choice.terms, dict.fromkeys(self.choice.terms, np.ones(1)))

    def shares(self) -> dict[str, float]:
        """How often each price would be chosen."""
        return {action: float((self.choice.chosen == j).mean()) for j, action in enumerate(self.chooser.actions)}

    def evidence(self) -> dict[str, Any]:
        """What each price is foreseen to come to on average, beside what the rule's and the asked prices are."""
        chosen, grid = self.choice.chosen, np.array([float(action) for action in self.chooser.actions])
        nearest = np.abs(np.nan_to_num(self.asked)[:, None] - grid).argmin(axis=1).astype(np.int64)
        policies = {"model": chosen, "rule": np.full(len(chosen), self.chooser.rule), "asked": nearest}
        told = {n: take(self.choice.terms, where) for n, where in policies.items()}
        return {
            "prices": grid.tolist(),
            "foreseen": {
                **{term: np.nanmean(values, axis=0).tolist() for term, values in self.choice.terms.items()},
                **{name: values.mean(axis=0).tolist() for name, values in self.predictions.items()},
            },
            "policies": {n: {t: float(np.nanmean(v)) for t, v in terms.items()} for n, terms in told.items()},
            "told_by_others": self.told,
            "asked_between": [float(np.nanmin(self.asked)), float(np.nanmax(self.asked))],
        }

    def unknown(self) -> list[str]:
        """What the data cannot tell of prices, in sentences."""
        assert self.chooser.decision.prices is not None
        column = self.chooser.decision.prices.column
        if self.told is None:
            return [f"What other prices would do: '{column}' was the same in all rows. Explore prices."]
        if self.told <= TOLD:
            return []
        return [
            f"What prices cause: they were not drawn at random, as other columns tell {self.told:.0%} of how '{column}'"
            " varied. What is foreseen is what went along with a price. Explore prices, and learn from those rows."
        ]

    def limits(self) -> list[str]:
        """What to be careful about, in sentences."""
        assert self.chooser.decision.prices is not None
        column, said = self.chooser.decision.prices.column, list[str]()
        grid = [float(action) for action in self.chooser.actions]
        low, high = float(np.nanmin(self.asked)), float(np.nanmax(self.asked))
        beyond = sum(not low <= price <= high for price in grid)
        if beyond:
            said.append(
                f"{beyond} of {len(grid)} prices lie outside those that were asked ({low:g} to {high:g}): what is"
                " foreseen of them is a guess."
            )
        flat = [name for name, values in self.predictions.items() if np.ptp(values, axis=1).max() == 0]
        if len(flat) == len(self.predictions):
            said.append(f"No prediction depends on '{column}': the models that were kept do not read it.")
        edges = float(np.isin(self.choice.chosen, (0, len(grid) - 1)).mean())
        if edges > 0.5:
            said.append(f"For {edges:.0%} of rows the lowest or highest price looks best: the grid may be too narrow.")
        return said


def priced_choices(
    system: SystemSpec,
    learned: Mapping[str, Learned],
    plans: Mapping[str, FeaturePlan],
    sources: Sources,
    extra: Mapping[str, tuple[str, ...]],
) -> Priced | None:
    """The decision of `system` over prices; None where it chooses none."""
    chooser = chooser_of(system, {name: one.data.classes for name, one in learned.items()})
    if chooser is None or chooser.decision.prices is None or not chooser.objective_names():
        return None
    used, prices, per = sorted(chooser.objective_names()), chooser.decision.prices, chooser.decision.per
    base = learned[next((n for n in used if learned[n].data.spec.given is None), used[0])].data
    judge = base.split.judge
    rows = judge[np.unique(np.linspace(0, len(judge) - 1, ROWS).astype(np.int64))]
    asked = base.requests.take(rows)
    each = len(prices.actions)
    every = asked.take(np.repeat(np.arange(len(rows)), each))
    at_all = priced(asked.rows, prices)[prices.column]
    wide = Requests(every.rows.with_columns({prices.column: at_all}), every.time, every.id)
    columns: Table = plans[per].batch(wide, sources.histories, extra.get(per, ()))
    predictions = {name: learned[name].predictor.predict(columns) for name in used}
    choice = chooser.choose(predictions, {name: columns[name] for name in chooser.extra_names()})
    told = told_by_others(base, prices.column, _follow(columns, len(rows), each))
    wide_by_row = {n: v.reshape(len(rows), each) for n, v in predictions.items() if v.ndim == 1}
    own = np.asarray(asked.rows[prices.column].values, np.float64)
    return Priced(system, base, rows, chooser, choice, wide_by_row, own, told)


def _follow(columns: Table, rows: int, each: int) -> frozenset[str]:
    """The columns that change with the price: the price, and what is computed of it."""
    found = set()
    for name, column in columns.items():
        values = np.asarray(column.values).reshape(rows, each)
        same = (values == values[:, :1]) | ((values != values) & (values[:, :1] != values[:, :1]))
        if not same.all():
            found.add(name)
    return frozenset(found)
