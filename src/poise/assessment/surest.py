"""Selective use: how good the model is on the rows about which it is surest, and what that leaves to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.assessment.percent import percent
from poise.assessment.trials import Trials
from poise.evaluation.base import Floats
from poise.evaluation.bootstrap import Interval, mean_interval
from poise.evaluation.words import number

COVERAGES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
WANTED = (0.99, 0.97, 0.95, 0.9, 0.8)
"""The sentence names the highest of these shares of right answers that a tenth of the rows reaches …"""
LEAST_COVERAGE = 0.1
MORE = 0.02
"""… where the model is right in so many more rows than one who always says the same."""
RARE = 0.2
"""Of a rarer outcome the sentence says how many of its cases the highest scores hold instead."""
BINS = 20


@dataclass(frozen=True, slots=True)
class Surest:
    """A sentence (empty where there is nothing to say) and the curve, JSON-able.

    details: `curve` with, per coverage, `value`, `low`, `high` of the share that is right (`what` says so; of a
    regression the mean absolute error); of binary targets `captured`: per share of rows the share of cases among them.
    """

    sentence: str
    details: dict[str, Any]


def surest(trials: Trials) -> Surest:
    """The curve of risk against coverage (El-Yaniv & Wiener, JMLR, 2010), on rows that nothing was learned from.

    The surest rows are those with the highest probability of the likeliest class; of a regression those with the least
    error to expect, which each half of the rows learns for the other from what is predicted.
    """
    prediction, target = trials.learned, trials.target
    if trials.problem.type == "regression":
        error = np.abs(prediction - target)
        curve = _curve(trials, -_expected(prediction, error, trials.seed), error, (0.0, np.inf))
        whole, half = curve[-1][1], curve[COVERAGES.index(0.5)][1]
        said = ""
        if half.high < 0.8 * whole.value:
            said = (f"The half of the rows about which it is surest is wrong by {number(half.value)} on average, all"
                    f" by {number(whole.value)}.")  # fmt: skip
        return Surest(said, {"what": "mean absolute error", "curve": _listed(curve)})
    chances = np.stack([1 - prediction, prediction], axis=1) if prediction.ndim == 1 else prediction
    right = (chances.argmax(axis=1) == target.astype(np.int64)).astype(np.float64)
    curve = _curve(trials, chances.max(axis=1), right, (0.0, 1.0))
    always = float(np.bincount(target.astype(np.int64)).max() / len(target))
    details: dict[str, Any] = {"what": "share that is right", "always_the_same": always, "curve": _listed(curve)}
    said = _said(curve, always)
    if trials.problem.type == "binary":
        details["captured"] = captured = _captured(trials, prediction)
        if target.mean() < RARE and trials.case.classes:
            said = _caught(trials, captured)
    return Surest(said, details)


def _curve(trials: Trials, sure: Floats, score: Floats, bounds: tuple[float, float]) -> list[tuple[float, Interval]]:
    order = np.argsort(-sure, kind="stable")
    out = []
    for coverage in COVERAGES:
        rows = order[: max(1, round(coverage * len(order)))]
        out.append((coverage, mean_interval(score[rows], trials.blocks.take(rows), bounds=bounds)))
    return out


def _listed(curve: list[tuple[float, Interval]]) -> list[dict[str, Any]]:
    return [{"coverage": coverage, **made.to_dict()} for coverage, made in curve]


def _said(curve: list[tuple[float, Interval]], always: float) -> str:
    whole = curve[-1][1].value
    if whole < always + MORE:
        return ""
    for wanted in WANTED:
        reach = [(c, made) for c, made in curve if c >= LEAST_COVERAGE and made.low >= wanted - 0.02]
        reach = [(c, made) for c, made in reach if made.value >= wanted]
        if reach:
            coverage, made = reach[-1]
            if coverage == 1.0:
                return f"It is right in {percent(made.value)} of all rows."
            return (f"The {percent(coverage)} of rows about which it is surest are right in {percent(made.value)}"
                    f" (at least {percent(max(made.low, 0))}), all rows in {percent(whole)}.")  # fmt: skip
    return ""


def _captured(trials: Trials, prediction: Floats) -> list[dict[str, float]]:
    order = np.argsort(-prediction, kind="stable")
    cases = np.cumsum(trials.target[order])
    if not cases[-1]:
        return []
    places = [max(1, round(share * len(order))) for share in COVERAGES]
    return [{"rows": share, "cases": float(cases[k - 1] / cases[-1]), "hit": float(cases[k - 1] / k)}
            for share, k in zip(COVERAGES, places, strict=True)]  # fmt: skip


def _caught(trials: Trials, captured: list[dict[str, float]]) -> str:
    if not captured:
        return ""
    tenth = captured[COVERAGES.index(0.1)]
    if tenth["cases"] < 2 * tenth["rows"]:
        return ""
    yes = trials.case.classes[1]
    return f"The tenth of the rows with the highest scores holds {percent(tenth['cases'])} of all '{yes}'."


def _expected(prediction: Floats, error: Floats, seed: int) -> Floats:
    """The error to expect of each row, (n,): the mean in its bin of predictions, over the other half of the rows."""
    if len(prediction) < 2 * BINS:
        return np.zeros(len(prediction))
    bins = min(BINS, len(prediction) // 20)
    edges = np.unique(np.quantile(prediction, np.arange(1, bins) / bins))
    codes = np.searchsorted(edges, prediction, side="right")
    halves = np.random.default_rng(seed).integers(2, size=len(prediction))
    out = np.full(len(prediction), float(error.mean()))
    for half in (0, 1):
        learn = halves != half
        mass = np.bincount(codes[learn], minlength=len(edges) + 1)
        sums = np.bincount(codes[learn], error[learn], len(edges) + 1)
        out[~learn] = ((sums + error.mean()) / (mass + 1))[codes[~learn]]
    return out
