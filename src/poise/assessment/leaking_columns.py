"""Leaking columns: an input that is the target under another name, or that alone says what hardly anything should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Finding
from poise.assessment.case import Case, Index
from poise.assessment.column_names import says_after
from poise.assessment.percent import percent
from poise.assessment.probing import (
    Alone,
    alone,
    columns_of,
    evenly,
    explained,
    random_folds,
    ranks,
    truth_of,
)  # fmt: skip
from poise.evaluation.base import Floats
from poise.evaluation.blocks import blocks_of
from poise.evaluation.bootstrap import Resampled
from poise.evaluation.words import number
from poise.table import MISSING_TIME

ROWS = 20_000
STRONG = 0.8
"""A column that alone saves so much of the uncertainty is a suspect: of a binary target that is an AUC of about 0.99 or
three wrong rows in a hundred, which foresight reaches about as rarely as a leak is found there."""
STANDS_OUT, FEW_OTHERS = 0.3, 5.0
"""The strongest column is worth a note from such a share on, where it says so many times what all others say."""
AHEAD, FAR_AHEAD = 0.6, 3.0
"""… or, from this share on, where it says so many times what any other column says by itself."""
CONFIRM, AS_MUCH = 2, 2.0
"""So many other suspects that leave at most so many times as much open confirm one that is no copy: a size that is
measured in several ways. Leaks come alone or in pairs."""
STRONG_BY_NAME = 0.3
"""The same for columns whose name says that they are known afterwards. A name alone is no reason."""
APART, APART_BY_NAME, TWICE = 3.0, 1.5, 2.0
"""Suspects explain what the other columns do not: without them so many times more stays uncertain. A strong signal
that several honest columns share (the size of a tumour, measured in ten ways) is none. Less is asked where the name
says it too, and it is enough that the column says twice what the others do."""
MUCH = 0.8
"""Where the other columns explain so much themselves, even a column that parts the classes is no proof."""
COPY = 0.98
"""Rows that agree beyond chance (Cohen's kappa): a copy of the target but for slips of the pen."""
SAME_ORDER = 0.995
"""Rank correlation of a near-copy of a number: noise of a tenth of its spread."""
EMPTY = 0.1
"""Two heaps with an empty valley: of neither class lie so many rows in the half between both medians. A threshold in
one spread of values leaves no valley: a quarter of an even spread lies there, more of a bell."""
BLURRED, ASTRAY = 0.2, 0.05
"""The same of heaps that meet, as of a copy with noise: a strong column of that shape seems made from the target. Few
values have valleys by themselves."""
FEW_VALUES = 20
NARROW = 10.0
"""Heaps so many times narrower than the gap between them are one value each, with noise: nothing measured is so."""
LEAST = 5
FAR = 10.0
"""A near-copy of a number leaves so many times less open than the other columns, however much those explain."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a column is the target in another form; `certain` whatever other columns say; `open`: what it leaves open;
    `parts`: no row is on the wrong side, which is worth asking about however much other columns say."""

    how: str
    certain: bool = False
    open: float = 1.0
    parts: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What single columns say. `best`: the one that says most; `shares`: of each input, by how much it says."""

    findings: tuple[Finding, ...]
    best: str | None
    spread: Resampled | None
    shares: dict[str, float]
    rest: float | None
    """What the other columns explain together, where there are suspects."""


def leaking_columns(case: Case, aside: tuple[str, ...] = ()) -> Columns:
    """Every input alone against the target, and the suspects against the others; aside: inputs that are suspects for
    another reason, which are none of the others."""
    rows = evenly(np.arange(case.rows), ROWS)
    truth, folds = truth_of(case, rows), random_folds(case, rows)
    found = sorted((alone(case, n, rows, truth, folds) for n in columns_of(case, rows)), key=lambda one: -one.skill)
    if not found:
        return Columns((), None, None, {}, None)
    shapes = {one.name: said for one in found if one.skill > 0 and (said := copied(case, one.name, rows))}
    suspects = [one for one in found if one.name in shapes or one.skill >= needed(case, one.name)]
    if not suspects and found[0].skill >= STANDS_OUT:
        suspects = found[:1]
    rest = explained(case, (*aside, *(one.name for one in suspects))) if suspects else None
    second = max((one.skill for one in found if one not in suspects), default=0.0)
    judged = [one for one in suspects if one.name in shapes or not _confirmed(case, one, suspects, shapes)]
    findings = tuple(
        f for one in judged if (f := _judged(case, one, shapes.get(one.name), rest or 0.0, second, bool(aside)))
    )
    together = case.together
    blocks = blocks_of(np.full(len(rows), MISSING_TIME), None if together is None else together[rows])
    shares = {one.name: one.skill for one in found[:20]}
    return Columns(findings, found[0].name, found[0].spread(blocks.codes, blocks.count), shares, rest)


def needed(case: Case, name: str) -> float:
    """How much a column must say to be a suspect."""
    return STRONG_BY_NAME if says_after(case.column_of(name)) else STRONG


def _confirmed(case: Case, one: Alone, suspects: list[Alone], shapes: Mapping[str, Shape]) -> bool:
    """Whether other suspects say the same, none of which is the target in another form or is called as if it were."""
    honest = [other for other in suspects if other.name not in shapes and needed(case, other.name) == STRONG]
    alike = [other for other in honest if 1 - other.skill <= AS_MUCH * (1 - one.skill)]
    return one in honest and len(alike) > CONFIRM


def _judged(case: Case, one: Alone, shape: Shape | None, rest: float, second: float, company: bool) -> Finding | None:
    """What is said of a suspect. rest: what all others say together; second: the most that one of them says; company:
    whether other columns are suspects for another reason, so that a name that says it too is enough."""
    column = case.column_of(one.name)
    alike = f"'{column}' alone explains {percent(one.skill)} of what is uncertain about '{case.target_name}'"
    others = f"the other columns together {percent(max(rest, 0))}"
    if shape is not None and (shape.certain or rest < MUCH or 1 - rest > FAR * shape.open):
        said = f"'{column}' {shape.how}: it is '{case.target_name}' under another name, or was made from it."
        return Finding(said, "stop", (column,))
    if shape is None and one.skill < needed(case, one.name):
        if rest > one.skill / FEW_OTHERS and one.skill < max(AHEAD, FAR_AHEAD * second):
            return None
        return Finding(f"{alike}, {others}: is it known when the question is asked?", "note", (column,))
    told = shape is not None and shape.parts
    by_name = says_after(column)
    apart = APART_BY_NAME if by_name else APART
    told |= by_name and (company or one.skill >= TWICE * rest)
    if not told and (1 - rest) < apart * min(1 - one.skill, 1.0 if shape is None else shape.open):
        return None
    if shape is not None:
        said = f"'{column}' {shape.how}, as others nearly do: is it known when the question is asked?"
        return Finding(said, "warn", (column,))
    said = f"{alike}, {others}. Such columns are often filled in afterwards: is it known when the question is asked?"
    return Finding(said, "warn", (column,), late=by_name or _made_from(case, one.name))


def copied(case: Case, name: str, rows: Index) -> Shape | None:
    """How an input is the target in another form, and whether that is certain whatever other columns say."""
    column, target = case.table[name].take(rows), case.target[rows]
    there = ~column.missing()
    if there.sum() < 20 or there.mean() < 0.5:
        return None
    values, target = column.values[there].astype(np.float64), target[there].astype(np.float64)
    if case.problem == "regression":
        return None if column.kind == "string" else _same_number(values, target)
    if _one_each(values, target):
        return Shape(f"has one value for each value of '{case.target_name}'", certain=True)
    if column.kind == "string" or not heaps(values, target):
        return None
    gap = _gap(values, target)
    if gap >= NARROW:
        return Shape("has a value of its own for each value of the target, but for tiny noise", certain=True)
    return Shape("falls into heaps, one for each value of the target, with nothing between them", parts=gap > 0)


def _same_number(values: Floats, target: Floats) -> Shape | None:
    if np.ptp(values) == 0 or np.ptp(target) == 0:
        return None
    close = abs(float(np.corrcoef(ranks(values), ranks(target))[0, 1]))
    if close < SAME_ORDER:
        return None
    slope, base = np.polyfit(values, target, 1)
    exact = np.allclose(slope * values + base, target, rtol=0, atol=1e-6 * float(target.std()))
    what = f"it is exactly {number(slope)} times it" if exact and slope else f"rank correlation {close:.4f}"
    return Shape(f"orders the rows as the target does ({what})", open=1 - close**2)


def _one_each(values: Floats, target: Floats) -> bool:
    """Whether each value stands for one class but for slips, and each class for one value."""
    _, x = np.unique(values, return_inverse=True)
    _, y = np.unique(target, return_inverse=True)
    if x.max() > 2 * y.max() + 3 or x.max() < y.max():
        return False
    table = np.bincount(x * (y.max() + 1) + y, minlength=(x.max() + 1) * (y.max() + 1)).reshape(x.max() + 1, -1)
    kept = np.sort(table.max(axis=1))[::-1][: table.shape[1]]
    if table.sum(axis=0).min() < LEAST or len(np.unique(table.argmax(axis=0))) < table.shape[1]:
        return False
    shares = table.sum(axis=0) / table.sum()
    chance = float((shares**2).sum())
    return float((kept.sum() / table.sum() - chance) / (1 - chance)) >= COPY


def _made_from(case: Case, name: str) -> bool:
    """Whether the classes are heaps along a number, as no threshold in one spread of values leaves them."""
    if case.problem == "regression" or case.types[name] != "number":
        return False
    rows = evenly(np.arange(case.rows), ROWS)
    values, target = np.asarray(case.table[name].values[rows], np.float64), case.target[rows].astype(np.float64)
    there = np.isfinite(values)
    varied = len(np.unique(values[there])) > FEW_VALUES
    return varied and heaps(values[there], target[there], BLURRED, ASTRAY)


def heaps(values: Floats, target: NDArray[np.float64], empty: float = EMPTY, astray: float = 0.02) -> bool:
    """Whether the classes lie apart as heaps along the values, with empty valleys between them."""
    classes = [values[target == code] for code in np.unique(target)]
    classes = [one for one in classes if len(one) >= 2 * LEAST]
    if len(classes) < 2 or sum(map(len, classes)) < 0.98 * len(values):
        return False
    classes.sort(key=lambda one: float(np.median(one)))
    return all(_valley(low, high, empty, astray) for low, high in pairwise(classes))


def _gap(values: Floats, target: NDArray[np.float64]) -> float:
    """The smallest gap between the heaps of the classes, as a multiple of the widest heap; below 0 where they meet."""
    ends = sorted(
        (float(one.min()), float(one.max())) for code in np.unique(target) if len(one := values[target == code])
    )
    widest = max(high - low for low, high in ends)
    return min(after[0] - before[1] for before, after in pairwise(ends)) / max(widest, 1e-300)


def _valley(low: Floats, high: Floats, empty: float, astray: float) -> bool:
    from_, to = float(np.median(low)), float(np.median(high))
    if to <= from_:
        return False
    middle, reach = (from_ + to) / 2, (to - from_) / 4
    wrong = np.r_[low > middle, high < middle].mean()
    between = [float((np.abs(one - middle) <= reach).mean()) for one in (low, high)]
    return bool(wrong < astray and max(between) < empty)
