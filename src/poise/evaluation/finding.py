"""What judging a requirement found, before it is put to its owner: a status, numbers, and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.errors import SpecError, did_you_mean
from poise.evaluation.blocks import ENOUGH, Blocks
from poise.evaluation.slices import LEAST_ROWS, Slice, Tested, hold, slices_of
from poise.evaluation.spread import Spread
from poise.evaluation.words import apart, counted, number
from poise.spec.requirement import Requirement
from poise.table import Column

Status = Literal["pass", "fail", "insufficient", "cannot tell"]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Against:
    """What a value was compared with on the same rows, and by how much it is better (positive = better), with limits
    that are each one-sided at the level of the verdict."""

    name: str
    value: float
    gain: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """For the evidence; what is not known is None."""
        numbers = {"value": self.value, "gain": self.gain, "gain_low": self.low, "gain_high": self.high}
        return {"name": self.name} | {key: one if isfinite(one) else None for key, one in numbers.items()}


@dataclass(frozen=True, slots=True)
class Finding:
    """The number that decided, with its limits, from `n` rows (requests) in so many blocks; `words` say it."""

    status: Status
    words: str
    value: float = NAN
    low: float = NAN
    high: float = NAN
    n: int = 0
    blocks: int | None = None
    slice: str | None = None
    against: Against | None = None
    counts: str = "row"
    """What `n` counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A bound that the value of some rows must clear, on the scale on which blocks add up.

    `strictly`: reaching the bound is not enough.
    """

    spread: Callable[[NDArray[np.int64]], Spread]
    bound: float
    at_most: bool
    strictly: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The slice that decides (all rows where the requirement names no `by`): the worst that does not clear, or where
    all do, the worst."""

    decides: Tested
    beside: str
    """About the other slices, for the sentence; empty without `by`."""


def column_by(requirement: Requirement, slices: Mapping[str, Column]) -> Column | None:
    """The column that a requirement is judged by; None where it names none.

    Raises `SpecError` for one that was not measured.
    """
    if requirement.by is None:
        return None
    if requirement.by not in slices:
        hint = did_you_mean(requirement.by, slices)
        raise SpecError(f"there is no column '{requirement.by}' to judge by", where=requirement.metric, hint=hint)
    return slices[requirement.by]


def ask(
    question: Question, requirement: Requirement, column: Column | None, blocks: Blocks, noun: str = "row"
) -> Answer | Finding | None:
    """The slice that decides on `question`, or the finding that there is too little evidence; None where the value is
    not defined for these rows. `noun` is what the rows are called (`list`, where each stands for one)."""
    rows = len(blocks.codes)
    if requirement.by is None or column is None:
        held = len(np.unique(blocks.codes))
        if rows < LEAST_ROWS or held < ENOUGH:
            return Finding(
                "insufficient",
                f"{requirement.metric} has {_evidence(rows, held, blocks, noun)}; {_needed(noun)}",
                n=rows,
                blocks=held,
            )
        everything = Slice("", "", np.arange(rows))
        tested = hold([everything], question.spread, question.bound, question.at_most, question.strictly)
        return Answer(tested[0], "") if tested else None
    found = slices_of(requirement.by, column, blocks)
    tested = hold(found.enough, question.spread, question.bound, question.at_most, question.strictly)
    small = found.too_small + len(found.enough) - len(tested)
    if not tested:
        words = f"{requirement.metric}: no value of {requirement.by} has enough evidence ({small} have less)"
        return Finding("insufficient", f"{words}; {_needed(noun)}", n=rows)
    beside = f"the worst of {len(tested)} by {requirement.by}"
    decides = next((one for one in tested if not one.clears), tested[0])
    return Answer(decides, beside + (f"; {small} more have too little evidence" if small else ""))


def _evidence(rows: int, held: int, blocks: Blocks, noun: str) -> str:
    return f"{counted(rows, noun)} in {counted(held, 'block')} by {blocks.unit}"


def _needed(noun: str) -> str:
    return f"at least {LEAST_ROWS} {noun}s in {ENOUGH} blocks are needed"


def in_slice(one: Slice) -> str:
    """Where, in a sentence: ` in Queens`; nothing for all rows."""
    return f" in {one.value}" if one.value else ""


def of_rows(n: int, noun: str = "row") -> str:
    """How many, in a sentence; what they are is said where they are no rows.

    >>> of_rows(1204), of_rows(1204, "list")
    ('n = 1,204', 'n = 1,204 lists')
    """
    return f"n = {n:,}" if noun == "row" else f"n = {counted(n, noun)}"


def bound_words(
    label: str,
    value: float,
    limit: float,
    clears: bool,
    requirement: Requirement,
    shown: Callable[[float, int], str] = number,
) -> str:
    """A value against its bound, in words.

    >>> need = Requirement(who="trust", metric="order.calibration_error", at_most=0.05)
    >>> bound_words("order.calibration_error in Queens", 0.071, 0.09, False, need)
    'order.calibration_error in Queens 0.071 > 0.05'
    >>> bound_words("order.calibration_error", 0.041, 0.058, False, need)
    'order.calibration_error 0.041 is within 0.05, but may be up to 0.058'
    >>> bound_words("order.calibration_error", 0.021, 0.03, True, need)
    'order.calibration_error 0.021 (at most 0.03) <= 0.05'
    """
    bound = requirement.at_most or requirement.at_least
    assert bound is not None
    high = requirement.at_most is not None
    if clears:
        side = "at most" if high else "at least"
        extent = "" if limit == value else f" ({side} {apart(limit, bound.value, shown)[0]})"
        return f"{label} {shown(value, 3)}{extent} {'<=' if high else '>='} {bound.text}"
    if value > bound.value if high else value < bound.value:
        return f"{label} {apart(value, bound.value, shown)[0]} {'>' if high else '<'} {bound.text}"
    reach = f"may be {'up to' if high else 'as low as'} {apart(limit, bound.value, shown)[0]}"
    return f"{label} {apart(value, bound.value, shown)[0]} is within {bound.text}, but {reach}"


def share_words(label: str, value: float, other: float, clears: bool, requirement: Requirement, name: str) -> str:
    """A value against a share of a baseline's, in words.

    >>> need = Requirement(who="sales", metric="decision.revenue", at_least="95%", relative_to="live")
    >>> share_words("decision.revenue", 0.9, 1.0, False, need, "r3 (live)")
    'decision.revenue 0.9 is less than 95% of the 1 of r3 (live)'
    """
    bound = requirement.at_most or requirement.at_least
    assert bound is not None
    high = requirement.at_most is not None
    allowed = other + (bound.value - 1) * abs(other)
    own, theirs = apart(value, allowed)[0], number(other)
    against = f"{bound.text} of the {theirs} of {name}"
    if clears:
        return f"{label} {own} is {'at most' if high else 'at least'} {against}"
    if value > allowed if high else value < allowed:
        return f"{label} {own} is {'more' if high else 'less'} than {against}"
    return f"{label} {own} is not shown to be {'at most' if high else 'at least'} {against}"
