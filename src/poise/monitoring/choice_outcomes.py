"""The decision log of choices and what came of them, as one `ChoiceLog`: effects of other weights are told from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import Lake
from poise.decisions.choose import Chooser
from poise.decisions.explore_actions import draw_actions
from poise.evaluation.choice_log import ChoiceLog
from poise.monitoring.came_true import CameTrue, came_true, mature_until
from poise.monitoring.logged_lines import MOST, lines
from poise.spec.system import SystemSpec
from poise.table import Column, Table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class _Choices(msgspec.Struct):
    """The fields of a record of `poise.serving.decision_log` that are read here."""

    ids: list[str]
    at: int | None
    actions: list[str]
    chosen: list[str]
    fallback: list[bool]
    terms: dict[str, list[list[float | None]]]
    logged: list[int]
    sent: dict[str, list[Any]]
    features: dict[str, list[Any]]
    policy: list[list[float]] = []
    explored: dict[str, Any] | None = None
    fallbacks: dict[str, Any] = {}
    """What was not answered by its model; absent where every model answered."""


@dataclass(slots=True)
class LoggedChoice:
    """One row of a record: which, where its labels stand, and by what id it came in."""

    record: _Choices
    row: int
    truth: int = -1


@dataclass(frozen=True, slots=True)
class GatheredChoices:
    """The log, and why choices of the release are not in it: reason -> how many. count: how many there were."""

    log: ChoiceLog | None
    count: int
    left_out: dict[str, int] = field(default_factory=dict)
    rows: tuple[LoggedChoice, ...] = ()
    """Of the choices that are in it, in their order."""


def gather_choices(
    system: SystemSpec,
    chooser: Chooser,
    lake: Lake,
    release: str,
    hides: Mapping[str, Sequence[str]] | None = None,
    most: int = MOST,
    weights: range | None = None,
    since: int | None = None,
) -> GatheredChoices:
    """The newest `most` choices that `release` made, by one of these versions of the weights (default any) and since
    that T, and whose outcomes are known.

    hides: objective -> the actions that hide it; rows of these stay in, with what they hide unknown. A choice is the
    row of the decision's source that has its id: the one that was sent, where callers send it, else the decision's own.
    Choices by rule, those in which a fallback answered for a model, and those whose row never came in, are counted and
    left out.
    """
    objectives = sorted(chooser.objective_names())
    if not delta.exists(lake.decisions):
        return GatheredChoices(None, 0)
    found = lines(lake, "choice", release, most, mature_until(system, lake, objectives), since=since, weights=weights)
    if not found:
        return GatheredChoices(None, 0)
    truth = came_true(system, lake, chooser.decision.per, objectives)
    (identity,) = system.sources[chooser.decision.per].identity
    kept, left_out, count = [], dict[str, int](), 0
    for one in (msgspec.json.decode(line, type=_Choices) for line in found):
        why_all = _why_not(one, chooser)
        for row in _rows(one, truth, identity):
            count += 1
            why = why_all or _why_not_row(row, truth)
            if why is None:
                kept.append(row)
            else:
                left_out[why] = left_out.get(why, 0) + 1
    if not kept:
        return GatheredChoices(None, count, left_out)
    log, told = _log(chooser, kept[-most:], truth, hides or {})
    if len(told) < len(kept[-most:]):
        left_out["what a term reads beside predictions is missing"] = len(kept[-most:]) - len(told)
    return GatheredChoices(log if log.count else None, count, left_out, told)


def _rows(one: _Choices, truth: CameTrue, identity: str) -> Iterator[LoggedChoice]:
    """The rows of one record that were kept in full; others cannot be told from it."""
    place = {row: at for at, row in enumerate(one.logged)}
    sent = one.sent.get(identity)
    for row, id in enumerate(one.ids):
        named = id if sent is None or row not in place else str(sent[place[row]])
        yield LoggedChoice(one, row, int(truth.rows([named])[0]))


def _why_not(one: _Choices, chooser: Chooser) -> str | None:
    if tuple(one.actions) != chooser.actions or not one.terms:
        return "they were made among other actions"
    if one.fallbacks:  # their terms are not what the models say, by which other weights would be judged
        return "something simpler answered for a model, or what the decision reads could not be read (fallbacks)"
    if not one.policy:
        return "they were logged without the probabilities of actions"
    return None


def _why_not_row(row: LoggedChoice, truth: CameTrue) -> str | None:
    one = row.record
    if one.fallback[row.row]:
        return "no action had a score, and the rule's was taken"
    if row.truth < 0:
        return "they never came in as a row of the decision's source"
    if not truth.known[row.truth]:
        return "what came of them is not known (yet)"
    if row.row not in one.logged:
        return "their features were not logged in full"
    if one.explored is not None:
        policy = np.array([one.policy[row.row]])
        if one.actions[draw_actions(policy, one.explored["seed"] + row.row)[0]] != one.chosen[row.row]:
            return "their logged action is not the one that their probabilities and seed give"
    return None


def _log(
    chooser: Chooser, kept: Sequence[LoggedChoice], truth: CameTrue, hides: Mapping[str, Sequence[str]]
) -> tuple[ChoiceLog, tuple[LoggedChoice, ...]]:
    """The log, and the rows that are in it: of the others a term could not be told."""
    actions = chooser.actions
    chosen = np.array([actions.index(one.record.chosen[one.row]) for one in kept], np.int64)
    places = np.array([one.truth for one in kept], np.int64)
    labels = {
        name: _shown(values[places], chosen, actions, hides.get(name, ())) for name, values in truth.labels.items()
    }
    realised = chooser.realised(labels, _features(chooser, kept))
    reveals = {}
    for term in chooser.decision.terms:
        shows = _reveals(chooser, term, hides)
        if not shows.all():
            reveals[term] = shows
    rows = np.arange(len(kept))
    told = np.ones(len(kept), np.bool_)
    for term, values in realised.items():
        told &= np.isfinite(values[rows, chosen]) | ~reveals.get(term, np.ones(len(actions), np.bool_))[chosen]
    keep = np.flatnonzero(told)
    time = np.array([-(2**63) if one.record.at is None else one.record.at for one in kept], np.int64)
    return (
        ChoiceLog(
            terms={term: _table(kept, term)[keep] for term in chooser.decision.terms},
            realised={term: values[keep] for term, values in realised.items()},
            chosen=chosen[keep],
            policy=np.array([one.record.policy[one.row] for one in kept])[keep],
            time=time[keep],
            reveals=reveals,
        ),
        tuple(kept[at] for at in keep.tolist()),
    )


def _shown(values: Floats, chosen: NDArray[np.int64], actions: Sequence[str], hiding: Sequence[str]) -> Floats:
    """Labels without those that the action taken hides."""
    hidden = np.isin(chosen, [actions.index(action) for action in hiding])
    return np.where(hidden if values.ndim == 1 else hidden[:, None], np.nan, values)


def _reveals(chooser: Chooser, term: str, hides: Mapping[str, Sequence[str]]) -> Bools:
    """Which actions hide nothing that the term is made of, (k,)."""
    of = {name for action in chooser.actions for name in chooser.objectives_of(term, action)}
    return np.array([not any(action in hides.get(name, ()) for name in of) for action in chooser.actions])


def _table(kept: Sequence[LoggedChoice], term: str) -> Floats:
    return np.array([one.record.terms[term][one.row] for one in kept], np.float64)


def _features(chooser: Chooser, kept: Sequence[LoggedChoice]) -> Table:
    """What terms read beside predictions, as it was logged."""
    columns: dict[str, Column] = {}
    for name in chooser.extra_names():
        values = [one.record.features[name][one.record.logged.index(one.row)] for one in kept]
        columns[name] = column(chooser.type_of(name), values)
    return Table(columns, len(kept))


def column(type: str, values: list[Any]) -> Column:
    """Logged values as a column of an expression type."""
    if type == "string":
        return Column.strings(values)
    return Column.times(values) if type == "time" else Column.numbers(values)
