"""The decision log of lists and what came of them, as one `ListLog`: from which effects of other weights are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import Lake
from poise.decisions.explore import redraw
from poise.decisions.rank import Ranker
from poise.evaluation.list_log import ListLog
from poise.monitoring.came_true import CameTrue, came_true, mature_until
from poise.monitoring.choice_outcomes import column
from poise.monitoring.logged_lines import MOST, lines
from poise.spec.system import SystemSpec
from poise.table import Table

Floats = NDArray[np.float64]
SAME = 1e-6
"""Logged probabilities differ from those that are computed again by less than this."""


class LoggedList(msgspec.Struct):
    """The fields of a record of `poise.serving.decision_log` that are read here."""

    ids: list[str]
    at: int | None
    items: list[Any]
    scores: list[float | None]
    terms: dict[str, list[float | None]]
    allowed: list[float | None]
    shown: list[int]
    propensities: list[float]
    explored: dict[str, Any] | None
    logged: list[int]
    sent: dict[str, list[Any]]
    features: dict[str, list[Any]]
    fallbacks: dict[str, Any] = {}
    """What was not answered by its model; absent where every model answered."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The log, and why lists of the release are not in it: reason -> how many. count: how many there were. records: of
    the lists that are in it."""

    log: ListLog | None
    count: int
    left_out: dict[str, int] = field(default_factory=dict)
    records: tuple[LoggedList, ...] = ()


def gather(
    system: SystemSpec,
    ranker: Ranker,
    exposure: dict[str, Floats],
    lake: Lake,
    release: str,
    most: int = MOST,
    weights: range | None = None,
    since: int | None = None,
) -> Gathered:
    """The newest `most` lists that `release` answered, by one of these versions of the weights (default any) and since
    that T, and whose outcomes are known.

    exposure: term -> (show,), what is left of a value of the first place further down. Terms that came true are what
    the labels say in place of predictions. Lists by rule, those in which a fallback answered for a model, and those of
    which a shown row never came in as a row of the decision's source, are counted and left out.
    """
    objectives = sorted(ranker.objective_names())
    if not delta.exists(lake.decisions):
        return Gathered(None, 0)
    found = lines(lake, "list", release, most, mature_until(system, lake, objectives), since=since, weights=weights)
    if not found:
        return Gathered(None, 0)
    truth = came_true(system, lake, ranker.decision.per, objectives)
    lists = [msgspec.json.decode(line, type=LoggedList) for line in found]
    kept, left_out = [], dict[str, int]()
    for one in lists:
        rows = truth.rows([f"{one.ids[0]}.{place}" for place in range(1, len(one.shown) + 1)])
        why = _why_not(one, rows, truth)
        if why is None:
            kept.append((one, rows))
        else:
            left_out[why] = left_out.get(why, 0) + 1
    log = _log(ranker, exposure, kept, truth) if kept else None
    return Gathered(log, len(lists), left_out, tuple(one for one, _ in kept))


def _why_not(one: LoggedList, rows: NDArray[np.int64], truth: CameTrue) -> str | None:
    if not one.terms or not one.shown:
        return "nothing was predicted for them (the rule sorted, or nothing could be shown)"
    if one.fallbacks:  # their terms are not what the models say, by which other weights would be judged
        return "something simpler answered for a model, or what the decision reads could not be read (fallbacks)"
    if (rows < 0).any():
        return "some of what was shown never came in as a row of the decision's source"
    if not truth.known[rows].all():
        return "what came of them is not known (yet)"
    if not set(one.shown) <= set(one.logged):
        return "their features were not logged in full"
    if not _drawn_as_logged(one):
        return "their logged order or probabilities are not those that their scores and seed give"
    return None


def _drawn_as_logged(one: LoggedList) -> bool:
    """Whether the list is drawn again as it was logged: estimates are as right as its probabilities are."""
    scores = _numbers(one.scores)
    among = np.flatnonzero((_numbers(one.allowed) == 1) & np.isfinite(scores))
    order = among[np.argsort(-scores[among], kind="stable")]
    if len(order) < len(one.shown):
        return False
    again = redraw(one.explored, scores[order], len(one.shown))
    same = bool(np.array_equal(order[again.order], one.shown))
    return same and bool(np.allclose(again.propensity, one.propensities, rtol=SAME, atol=SAME))


def _log(
    ranker: Ranker, exposure: dict[str, Floats], kept: Sequence[tuple[LoggedList, NDArray[np.int64]]], truth: CameTrue
) -> ListLog:
    lists = [one for one, _ in kept]
    start = np.cumsum([0, *(len(one.items) for one in lists)])
    shown = [len(one.shown) for one in lists]
    rows = np.concatenate([places for _, places in kept])
    columns = _features(ranker, lists)
    realised = ranker.realised({name: values[rows] for name, values in truth.labels.items()}, columns)
    return ListLog(
        start=start.astype(np.int64),
        terms={term: _numbers(value for one in lists for value in one.terms[term]) for term in ranker.decision.terms},
        allowed=_numbers(value for one in lists for value in one.allowed) == 1,
        took_part=np.concatenate([_took_part(one) for one in lists]),
        explored=np.array([one.explored is not None for one in lists]),
        decision=np.repeat(np.arange(len(lists)), shown),
        row=np.concatenate([at + np.array(one.shown, np.int64) for at, one in zip(start, lists, strict=False)]),
        place=np.concatenate([np.arange(count) for count in shown]),
        propensity=np.concatenate([np.array(one.propensities) for one in lists]),
        realised=realised,
        time=np.array([-(2**63) if one.at is None else one.at for one in lists], np.int64),
        exposure=exposure,
    )


def _numbers(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _took_part(one: LoggedList) -> NDArray[np.bool_]:
    """Which candidates took part in the draw: the first `top` of those that could be listed."""
    out = np.zeros(len(one.items), np.bool_)
    if one.explored is not None:
        scores, allowed = _numbers(one.scores), _numbers(one.allowed) == 1
        among = np.flatnonzero(allowed & np.isfinite(scores))
        out[among[np.argsort(-scores[among], kind="stable")][: one.explored["top"]]] = True
    return out


def _features(ranker: Ranker, lists: Sequence[LoggedList]) -> Table:
    """What terms read beside predictions, of all shown rows, as it was logged."""
    height = sum(len(one.shown) for one in lists)
    columns: dict[str, list[Any]] = {name: [] for name in ranker.extra_names()}
    for one in lists:
        at = {row: place for place, row in enumerate(one.logged)}
        for name, values in columns.items():
            logged = one.features[name]
            values += [logged[at[row]] for row in one.shown]
    return Table({name: column(ranker.type_of(name), values) for name, values in columns.items()}, height)
