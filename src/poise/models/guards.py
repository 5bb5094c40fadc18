"""Guards against targets and categories that would spoil a fit. Each says what it did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.models.base import Examples, Floats, Problem
from poise.table import Column

LOWER, UPPER = 0.001, 0.999
FAR = 3.0
"""A target is absurd where it lies further outside the quantiles than 3 times the distance between them: a measured
set had one such value among 180,000, which stopped boosting at its first tree (MAE 8.3 against 2.5 when clipped)."""
FEW = 100
"""Below about 100 examples of a class what is learned of it is unsure."""


def target_bounds(target: Floats) -> tuple[float, float] | None:
    """The range to clip a regression target to, or None where no value is absurd.

    >>> target_bounds(np.append(np.linspace(0, 1, 9_999), 1e9)) is not None
    True
    >>> target_bounds(np.random.default_rng(0).normal(size=10_000)) is None
    True
    """
    low, high = (float(q) for q in np.quantile(target, (LOWER, UPPER)))
    slack = FAR * (high - low)
    if slack == 0 or (target.min() >= low - slack and target.max() <= high + slack):
        return None
    return low, high


def clipped(problem: Problem, *parts: Examples) -> tuple[list[Examples], tuple[str, ...]]:
    """The parts with absurd regression targets clipped to the 0.1 and 99.9 % quantiles of the first part, and notes.

    Clipping moves the mean that is learned; the note says by how much.
    """
    if problem.type != "regression":
        return list(parts), ()
    first = parts[0].target.astype(np.float64)
    bounds = target_bounds(first)
    if bounds is None:
        return list(parts), ()
    out = [part.with_target(np.clip(part.target.astype(np.float64), *bounds)) for part in parts]
    far = int(np.sum(np.abs(first - np.mean(bounds)) > (0.5 + FAR) * (bounds[1] - bounds[0])))
    before, after = first.mean(), out[0].target.mean()
    note = (
        f"{far} of {len(first)} targets lie far outside: in training all are clipped to the 0.1 and 99.9 % quantiles, "
        f"[{bounds[0]:.6g}, {bounds[1]:.6g}] (mean {before:.6g} -> {after:.6g})"
    )
    return out, (note,)


def require_variation(examples: Examples) -> None:
    """Raise `NotEnoughData` where there is nothing to learn: no rows, one value of the target, or constant inputs."""
    if not examples.height:
        raise NotEnoughData("there are no rows to learn from")
    if np.all(examples.target == examples.target[:1]):
        raise NotEnoughData("the target has one value only", hint="the rung constant says all there is to say")
    if not any(_varies(examples.features[name]) for name in examples.types):
        raise NotEnoughData("no input has two different values", hint="the rung constant says all there is to say")


def _varies(column: Column) -> bool:
    values = column.values
    return bool(np.any(values[1:] != values[:1]) and not column.missing().all())


def rare_class_notes(problem: Problem, target: NDArray[np.generic]) -> tuple[str, ...]:
    """A note that names the classes or labels with fewer than about 100 examples."""
    counts = class_counts(problem, target)
    rare = [f"{name} ({count})" for name, count in counts.items() if count < FEW]
    if not rare:
        return ()
    shown = ", ".join(rare[:5]) + (f" and {len(rare) - 5} more" if len(rare) > 5 else "")
    return (f"fewer than {FEW} examples of {shown}: what is learned of them is unsure",)


def class_counts(problem: Problem, target: NDArray[np.generic]) -> dict[str, int]:
    """Examples per class or label; for binary of both sides; empty for regression."""
    if problem.type == "regression":
        return {}
    if problem.type == "multi-label":
        return dict(zip(problem.classes, target.astype(np.int64).sum(axis=0).tolist(), strict=True))
    names = problem.classes if problem.type == "multi-class" else ("false", "true")
    return dict(zip(names, np.bincount(target.astype(np.int64), minlength=len(names)).tolist(), strict=True))


def least_rows(height: int) -> int:
    """Levels with fewer rows are merged: 20, scaled down for fewer than 2,000 rows.

    >>> least_rows(100_000), least_rows(500), least_rows(50)
    (20, 5, 2)
    """
    return int(max(2, min(20, height // 100)))
