"""Adding up: a number that can be computed from other columns, which are then known no earlier than it."""

from __future__ import annotations

import numpy as np

from poise.assessment.base import Finding
from poise.assessment.case import Case
from poise.assessment.probing import evenly, ranks
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData
from poise.evaluation.base import Floats

EXACT = 0.999
"""Of the variance of a number: columns that together explain so much are what it is computed from."""
PART = 0.02
"""Columns of so much of a line's importance are named."""
MOST_PARTS, ROWS, MOST_MISSING = 60, 5_000, 0.05
CLOSE = 1e-6
"""A sum is exact but for rounding, as a fraction of the spread of the target."""


def adding_up(case: Case, trials: Trials) -> list[Finding]:
    """Columns that the target is the sum or the difference of (certain), or that give it exactly in another way."""
    if case.problem != "regression":
        return []
    signs = signs_of(case, _numbers(case))
    if len(signs) > 1:
        named = tuple(dict.fromkeys(map(case.column_of, signs)))
        said = f"'{case.target_name}' is exactly {_sum(case, signs)}: its parts are known no earlier than it."
        return [Finding(said, "stop", named)]
    return _computed(case, trials)


def _computed(case: Case, trials: Trials) -> list[Finding]:
    try:
        if trials.failed("linear") is not None or trials.skill(trials.raw("linear")).value < EXACT:
            return []
    except NotEnoughData:
        return []
    parts = sorted(trials.model("linear").importance.items(), key=lambda one: -one[1])
    named = tuple(dict.fromkeys(case.column_of(name) for name, part in parts[:4] if part > PART))
    if len(named) < 2:
        return []
    said = (
        f"'{case.target_name}' can be computed exactly from {', '.join(repr(name) for name in named)}: if they are its"
        " parts, they are known no earlier than it."
    )
    return [Finding(said, "warn", named)]


def _numbers(case: Case) -> list[str]:
    """The numbers that may be parts of a sum: hardly ever missing, and of very many those that go with the target."""
    names = [name for name, of in case.types.items() if of == "number"]
    names = [name for name in names if case.columns[case.column_of(name)].missing <= MOST_MISSING]
    if len(names) <= MOST_PARTS:
        return names
    rows = evenly(np.arange(case.rows), ROWS)
    truth = ranks(case.target[rows].astype(np.float64))
    ties = {name: _tie(ranks(case.table[name].values[rows].astype(np.float64)), truth) for name in names}
    return sorted(names, key=lambda name: -ties[name])[:MOST_PARTS]


def _tie(x: Floats, y: Floats) -> float:
    there = np.isfinite(x)
    return abs(float(np.corrcoef(x[there], y[there])[0, 1])) if there.any() and np.ptp(x[there]) else 0.0


def signs_of(case: Case, names: list[str]) -> dict[str, int]:
    """Of which inputs the target is the sum (1) or from which it is taken away (-1); empty where it is no such sum."""
    if not names:
        return {}
    rows = evenly(np.arange(case.rows), ROWS)
    x = np.stack([case.table[name].values[rows].astype(np.float64) for name in names], axis=1)
    there = np.isfinite(x).all(axis=1)
    x, y = x[there], case.target[rows][there].astype(np.float64)
    spread = float(y.std()) if len(y) else 0.0
    if len(y) < 3 * len(names) or spread == 0:
        return {}
    made = np.c_[x, np.ones(len(x))]
    weights = np.asarray(np.linalg.lstsq(made, y, rcond=None)[0], np.float64)
    whole = np.asarray(np.round(weights), np.float64)
    moved = np.abs(weights - whole) * np.append(x.std(axis=0), 1.0)
    if np.abs(made @ whole - y).max() > CLOSE * spread or moved.max() > CLOSE * spread or np.abs(whole).max() > 1:
        return {}
    return {name: int(sign) for name, sign in zip(names, whole[:-1], strict=True) if sign} if not whole[-1] else {}


def _sum(case: Case, signs: dict[str, int]) -> str:
    first, *others = sorted(signs, key=lambda name: -signs[name])
    said = f"{'-' if signs[first] < 0 else ''}'{case.column_of(first)}'"
    return said + "".join(f" {'+' if signs[name] > 0 else '-'} '{case.column_of(name)}'" for name in others)
