"""The truth, as text of a system file: which rows have one, and how it is read off them."""

from __future__ import annotations

import numpy as np

from poise.assessment.as_declared import Declared
from poise.assessment.assess import Assessment
from poise.assessment.case import Case
from poise.assessment.kinds import MORE_MISSING
from poise.assessment.targets import OTHER
from poise.assessment.yaml_lines import quoted
from poise.clock import DAY, HOUR, MINUTE
from poise.data.parse import MISSING_TEXT, TRUE

WITHIN = (("1d", DAY), ("1h", HOUR), ("1min", MINUTE))
SPANS = 60
"""The wait for a truth is the longest of `WITHIN` of which the table holds so many."""


def where_of(target: Declared, spelt: tuple[str, ...]) -> str:
    """The condition under which a row has a truth. spelt: the different values of the target, where it is text."""
    known = f"not missing({target.name})"
    if _numeric(target):
        return known
    words = [v for v in spelt if v.strip() in (*MORE_MISSING, *MISSING_TEXT) and v not in MISSING_TEXT]
    return f"{known} and {target.name} not in {_list(words)}" if words else known


def take_of(case: Case, target: Declared, spelt: tuple[str, ...]) -> str:
    """What a label takes of the target: of two values whether it is the one that is foreseen."""
    name = target.name
    if case.problem == "binary" and target.derived_type != "bool":
        yes = case.classes[1]
        if _numeric(target):
            return f"{name} == {float(yes.replace(',', '')):.15g}"
        same = [v for v in spelt if v.strip() == yes] or [v for v in spelt if v.strip().lower() in TRUE] or [yes]
        return f"{name} == {quoted(same[0])}" if len(same) == 1 else f"{name} in {_list(same)}"
    if case.problem == "multi-class" and case.merged:
        kept = [label for label in case.classes if label != OTHER]
        return f"if({name} in {_list(kept)}, {name}, {quoted(OTHER)})"
    return name


def within_of(assessment: Assessment) -> tuple[str, tuple[str, ...]]:
    """The wait for a truth, and why so long; empty without time."""
    case, leaks = assessment.case, assessment.answer("PA06")
    if not case.timed:
        return "", ()
    says = "within: how long after its time the truth of a row is known."
    since = ((leaks and leaks.details.get("rate")) or {}).get("since")
    newest = int(case.time.max())
    if since:
        days = -(-(newest - int(np.datetime64(since[0], "us").astype(np.int64))) // DAY)
        return f"{days}d", (says, f"The outcomes of the last {days} days do not seem to be final yet, so these wait.")
    wait = next((text for text, unit in WITHIN if newest - int(case.time.min()) >= SPANS * unit), "0s")
    return wait, (says, "Nobody said it: please do. Too short, and what comes late is learned as if it never came.")


def _numeric(target: Declared) -> bool:
    return target.derived_type in ("int", "float", "bool")


def _list(values: list[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
