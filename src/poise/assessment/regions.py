"""Regions: the rows that one column sets apart, in words and as a condition of the expression language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case, Index
from poise.evaluation.words import number
from poise.table import Column

Mask = NDArray[np.bool_]
MOST_LEVELS = 30
"""The values with most rows are regions; rarer ones are not looked at."""
FEW_NUMBERS = 10
"""Numbers with so few different values are cut between each two of them, others at every tenth of the rows."""
CUTS = np.arange(0.1, 0.95, 0.1)
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = ("and", "or", "not", "in", "true", "false")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Rows that one column sets apart. rows: (n,) whether each judged row is in it.

    words: for people; expression: a condition of the expression language that is true for these rows, and `otherwise`
    one that is true for all others (a missing value included).
    levels: those of a category that are in it, () for all others of some; cut and side (`<` or `>=`): of a number;
    flag: whether it is yes or no.
    """

    input: str
    column: str
    rows: Mask
    words: str
    expression: str
    other_words: str
    otherwise: str
    levels: tuple[str, ...] = ()
    cut: float = float("nan")
    side: str = ""
    flag: bool = False

    @property
    def share(self) -> float:
        """The share of the judged rows."""
        return float(self.rows.mean())


def regions_of(case: Case, rows: Index, input: str) -> list[Region]:
    """What one input sets apart among `rows` of the case: each of its values (and all others), or both sides of cuts.

    Numbers give only sides, from the smallest value or to the largest: a part must be easy to say.
    """
    column = case.table[input].take(rows)
    name = case.column_of(input)
    if case.types[input] == "text":
        return []
    if column.kind == "string":
        return _levels(input, name, column)
    if name in case.columns and case.columns[name].kind == "flag":
        return [sided(input, name, column, 0.5, side, flag=True) for side in ("<", ">=")]
    return [sided(input, name, column, cut, side) for cut in _cuts(column) for side in ("<", ">=")]


def of_levels(input: str, name: str, column: Column, levels: Sequence[str], others: bool = False) -> Region:
    """The rows with one of these levels; `others`: all rows but these (those without a value among them)."""
    assert column.levels is not None
    codes = np.flatnonzero(np.isin(column.levels.astype(str), levels))
    inside = np.isin(column.values, codes)
    quoted, listed = spelt(name), ", ".join(_string(level) for level in levels)
    shown = " or ".join(f"'{level}'" for level in levels)
    if len(levels) == 1:
        yes, no = f"{quoted} == {listed}", f"not ({quoted} == {listed})"
    else:
        yes, no = f"{quoted} in [{listed}]", f"not ({quoted} in [{listed}])"
    words, other = f"{name} is {shown}", f"{name} is not {shown}"
    if others:
        return Region(input, name, ~inside, other, no, words, yes)
    return Region(input, name, inside, words, yes, other, no, tuple(levels))


def sided(input: str, name: str, column: Column, cut: float, side: str, flag: bool = False) -> Region:
    """The rows whose number is below `cut` (side `<`), or not (`>=`). A missing value is on neither side."""
    values, quoted = column.values, spelt(name)
    with np.errstate(invalid="ignore"):
        inside = values < cut if side == "<" else values >= cut
    shown = number(cut, 4)
    if flag:
        words = [f"{name} is no", f"{name} is yes"]
        conditions = [f"not ({quoted})", quoted]
    else:
        words = [f"{name} is below {shown}", f"{name} is {shown} or more"]
        conditions = [f"{quoted} < {_plain(cut)}", f"{quoted} >= {_plain(cut)}"]
    place = 0 if side == "<" else 1
    gone = bool(np.isnan(values).any())
    other = words[1 - place] + (" or missing" if gone else "")
    otherwise = conditions[1 - place] + (f" or missing({quoted})" if gone else "")
    if flag and place == 0 and gone:
        conditions[0] = f"{conditions[0]} and not missing({quoted})"
    return Region(input, name, inside, words[place], conditions[place], other, otherwise, (), cut, side, flag)


def rounded(cut: float, below: float, above: float) -> float:
    """The shortest number in (below, above], close to `cut`: a person must be able to remember it."""
    for digits in range(1, 15):
        short = float(f"{cut:.{digits}g}")
        if below < short <= above:
            return short
    return cut


def spelt(name: str) -> str:
    """A column's name as expressions write it.

    >>> spelt("age"), spelt("Monthly Charge")
    ('age', '`Monthly Charge`')
    """
    bare = _BARE.fullmatch(name) and name not in _WORDS
    return name if bare else "`" + name.replace("`", "").replace("\n", " ") + "`"


def _string(level: str) -> str:
    return "'" + level.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _plain(cut: float) -> str:
    return repr(int(cut)) if cut == int(cut) and abs(cut) < 1e15 else repr(cut)


def _levels(input: str, name: str, column: Column) -> list[Region]:
    assert column.levels is not None
    there = column.values[column.values >= 0]
    sizes = np.bincount(there, minlength=len(column.levels))
    most = [int(j) for j in np.argsort(-sizes, kind="stable")[:MOST_LEVELS] if sizes[j]]
    levels = [str(column.levels[j]) for j in most]
    out = [of_levels(input, name, column, [level]) for level in levels]
    if len(levels) > 2 or bool((column.values < 0).any()):
        out += [of_levels(input, name, column, [level], others=True) for level in levels]
    return out


def _cuts(column: Column) -> list[float]:
    values = np.sort(column.values[np.isfinite(column.values)])
    if not len(values):
        return []
    different = np.unique(values)
    if len(different) <= FEW_NUMBERS:
        return [float(cut) for cut in different[1:]]
    places = np.searchsorted(different, np.quantile(values, CUTS))
    found = {
        rounded(float(different[j]), float(different[j - 1]), float(different[j])) for j in places.tolist() if j > 0
    }
    return sorted(found)
