"""Logged lists ranked again: what a release thinks of every item that was shown, and what came of it.

A log of shown items says nothing of items that were not shown, and what stood on top was seen more. So this measures
how well the items of a list are told apart, and whether terms come true as predicted, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.decisions.of_system import ranker_of
from poise.decisions.rank import Ranker
from poise.decisions.terms import utility
from poise.decisions.weights import checked
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.measures import DecisionMeasures, Floats, Ranked
from poise.features.keys import joint_codes
from poise.releases.examples import ObjectiveData
from poise.releases.extras import slice_names
from poise.releases.judged_rows import judged_together, labels_at, slice_column, with_parents
from poise.releases.live import LiveRelease
from poise.releases.places import at_place
from poise.releases.training import Learned
from poise.spec.source_types import listed_by, position_feature
from poise.spec.system import SystemSpec
from poise.table import Column, Requests, Table

Rows = NDArray[np.int64]
UNKNOWN = "the log does not say what items would have come to that were not shown, or elsewhere in the list"
ALONE = " alone"
LEAST_KEPT = 0.05
"""No row counts more than 20 times: places of which hardly anything is kept would drown the others in chance."""
RANKED_TYPES = ("binary", "regression")
"""Objectives whose label can be the relevance of an item."""


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """The list decision on the judged rows: those that all its unconditional objectives judge.

    lists: the list of each row, (n,). predicted: each term as predicted at the place where the row was shown; first:
    the same at the first place, which is what items are ranked by. realised: each term as it came true. All (n,).
    """

    system: SystemSpec
    base: ObjectiveData
    rows: Rows
    ranker: Ranker
    lists: Rows
    predicted: Mapping[str, Floats]
    first: Mapping[str, Floats]
    realised: Mapping[str, Floats]
    rule: Floats | None

    @property
    def blocks(self) -> Blocks:
        """The blocks of the rows."""
        groups = None if self.base.groups is None else self.base.groups[self.rows]
        return blocks_of(self.base.requests.time[self.rows], groups)

    @property
    def worth(self) -> Floats:
        """What each row came to: the realised terms by the file's weights, (n,)."""
        return utility(self.ranker.decision, self.realised)

    @property
    def predicted_share(self) -> float | None:
        """How much of what rows came to, by the file's weights, lies in terms in which something is predicted.

        The rest is known beforehand, to whoever sorts. None where nothing came of any row.
        """
        weights = checked(self.ranker.decision, self.ranker.decision.weights)
        amounts = {t: abs(weights[t]) * float(np.nansum(np.abs(v))) for t, v in self.realised.items()}
        whole = sum(amounts.values())
        return sum(v for term, v in amounts.items() if self.ranker.predicts(term)) / whole if whole else None

    @property
    def place(self) -> Floats | None:
        """The place at which each row was shown, (n,), from 1; None where the log does not say."""
        position = self.ranker.decision.position
        return None if position is None else self.base.requests.rows[position].values[self.rows]

    def kept(self, curves: Mapping[str, Floats], place: Floats) -> dict[str, Floats]:
        """What each term keeps of its value at the first place where rows stand at `place`, (n,): term -> (n,).

        curves: term -> (places,); places beyond count as the last.
        """
        last = len(next(iter(curves.values())))
        at = np.clip(np.nan_to_num(place, nan=1.0), 1, last).astype(np.int64) - 1
        return {term: np.maximum(curve, LEAST_KEPT)[at] for term, curve in curves.items()}

    def evened(self, curves: Mapping[str, Floats]) -> dict[str, Floats]:
        """Each term as it came true with places evened out, (n,): divided by what its place keeps of it.

        That is inverse propensity weighting by place (Joachims, Swaminathan & Schnabel, WSDM 2017), as fair as the
        curves of places are right. Without it the order that was logged looks better than it is, since what stood on
        top was seen more.
        """
        if self.place is None:
            return dict(self.realised)
        kept = self.kept(curves, self.place)
        return {term: values / kept[term] for term, values in self.realised.items()}

    def scores(self, live: LiveRelease | None = None) -> dict[str, Floats]:
        """How each policy scores the rows: the models, the rule, the live release, and each term alone."""
        found = {"model": self.ranker.score(self.first)}
        if self.rule is not None:
            found["rule"] = self.rule
        by_live = None if live is None else live.rank(self.base, self.rows)
        if by_live is not None:
            found["live"] = by_live
        if len(self.first) > 1:
            found |= {term + ALONE: values for term, values in self.first.items() if self.ranker.predicts(term)}
        return found

    def measures(self, live: LiveRelease | None = None) -> DecisionMeasures:
        """What gates read: the logged lists ranked again, with the utility that came true as the relevance."""
        slices = slice_names(self.system, "decision")
        columns = {by: slice_column(self.system, self.base, by).take(self.rows) for by in slices}
        units = {name: term.unit for name, term in self.ranker.decision.terms.items()}
        show = self.ranker.decision.show
        ranked = Ranked(self.lists, self.worth, self.scores(live), self.blocks, show, columns, self.predicted_share)
        return DecisionMeasures({}, self.blocks, units, columns, UNKNOWN, ranked)


def listed(system: SystemSpec, learned: Mapping[str, Learned]) -> Listed | None:
    """The list decision of `system` on the rows that are judged; None where it has none, or nothing was learned."""
    ranker = ranker_of(system, {name: one.data.classes for name, one in learned.items()})
    if ranker is None or not learned:
        return None
    per = ranker.decision.per
    used = sorted(ranker.objective_names()) or [name for name, one in learned.items() if one.data.spec.per == per]
    base = learned[next((n for n in used if learned[n].data.spec.given is None), used[0])].data
    rows = judged_together(learned, used, base)
    columns = base.columns.take(rows)
    labels = {name: labels_at(learned[name].data, base, rows) for name in with_parents(system, used)}
    extra = {name: columns[name] for name in ranker.extra_names()}
    place = position_feature(system, per)
    predicted = _terms(ranker, learned, columns, extra)
    return Listed(
        system=system,
        base=base,
        rows=rows,
        ranker=ranker,
        lists=lists_of(system, per, base.requests.take(rows)),
        predicted=predicted,
        first=predicted if place is None else _terms(ranker, learned, at_place(columns, place), extra),
        realised=ranker.realised(labels, extra),
        rule=None if ranker.decision.rule is None else ranker.rule(extra),
    )


def _terms(
    ranker: Ranker, learned: Mapping[str, Learned], columns: Table, extra: Mapping[str, Column]
) -> dict[str, Floats]:
    predictions = {name: learned[name].predictor.predict(columns) for name in sorted(ranker.objective_names())}
    return ranker.terms(predictions, Table(extra, columns.height))


def lists_of(system: SystemSpec, per: str, requests: Requests) -> Rows:
    """The list of each row as a number from 0, (n,); a row that says none is a list of its own."""
    listed = listed_by(system.sources[per], system)
    assert listed is not None and listed.list_ is not None
    column = requests.rows[listed.list_]
    codes, _ = joint_codes([column], [column])
    alone = codes < 0
    codes = np.where(alone, int(codes.max(initial=-1)) + 1 + np.arange(len(codes)), codes)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64, copy=False)


def objective_ranked(system: SystemSpec, learned: Learned, live: Floats | None) -> Ranked | None:
    """The judged rows of one objective as items of lists, by its own prediction at the first place.

    `rule` is its own rung of that name, whatever rule the decision has: that one would sort by something else.
    live: what the live release predicts at the first place, where there is one. None where no list of its rows is
    decided on, or its label cannot say how good an item was.
    """
    data, per, rows = learned.data, learned.data.spec.per, learned.data.split.judge
    decision = listed_by(system.sources[per], system)
    if decision is None or data.spec.given is not None or data.spec.type not in RANKED_TYPES:
        return None
    columns = data.columns.take(rows)
    scores = {"model": learned.predictor.predict(at_place(columns, position_feature(system, per)))}
    if "rule" in learned.sorting:
        scores["rule"] = learned.sorting["rule"]
    if live is not None:
        scores["live"] = live
    slices = {by: slice_column(system, data, by).take(rows) for by in slice_names(system, data.name)}
    lists = lists_of(system, per, data.requests.take(rows))
    target = np.asarray(data.target[rows], np.float64)
    return Ranked(lists, target, scores, learned.blocks, decision.show, slices)
