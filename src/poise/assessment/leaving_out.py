"""Leaving out: what gives the answer away, or seems to and carries it, decides nothing: all other questions are asked
without it.

What it would promise is told beside it, for somebody who knows that the column is known in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poise.assessment.base import Answer
from poise.assessment.case import Case
from poise.assessment.percent import percent
from poise.assessment.trials import Trials
from poise.errors import NotEnoughData

NAMED = 5
"""Columns that a sentence names."""


def suspects_of(case: Case, leaks: Answer) -> tuple[str, ...]:
    """Columns that models see and that certainly give the answer away, or seem to and carry what is predicted
    (`held_back`); none where no others would be left."""
    named = [name for one in leaks.findings if one.weight == "stop" for name in one.columns]
    named += leaks.details.get("held") or []
    seen = tuple(name for name in dict.fromkeys(named) if inputs_of(case, (name,)))
    return seen if _without(case, seen).types else ()


def trials_without(whole: Trials, columns: tuple[str, ...]) -> Trials:
    """Trials of the same rows that see nothing of these columns."""
    return Trials(_without(whole.case, columns), whole.threads, whole.progress, whole.seed)


def compared(whole: Trials, rest: Trials, columns: tuple[str, ...]) -> dict[str, Any]:
    """What is explained without the columns and with them, as shares; None where too few rows can tell. JSON-able."""
    return {"columns": list(columns), "without": _explained(rest), "with": _explained(whole)}


def in_words(found: Mapping[str, Any], verdict: str) -> str:
    """The same in one sentence, with the verdict that holds without the columns.

    >>> in_words({"columns": ["a", "b"], "without": 0.31, "with": 1.0}, "use ML")
    "Without 'a' and 'b': use ML, 31 % of what is uncertain is explained; with them: 100 %."
    """
    columns = found["columns"]
    without = f"{_share(found['without'])} of what is uncertain is explained"
    return (
        f"Without {listed(columns)}: {verdict}, {without};"
        f" with {'them' if len(columns) > 1 else 'it'}: {_share(found['with'])}."
    )


def listed(columns: Sequence[str]) -> str:
    """Columns as a sentence names them.

    >>> listed(["a", "b", "c"])
    "'a', 'b' and 'c'"
    """
    names = [f"'{name}'" for name in columns[:NAMED]]
    more = len(columns) - len(names)
    names += [f"{more} more"] if more > 0 else []
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _share(value: float | None) -> str:
    return "nobody can tell how much" if value is None else percent(max(value, 0.0))


def _explained(trials: Trials) -> float | None:
    try:
        return trials.skill(trials.learned).value
    except NotEnoughData:
        return None


def _without(case: Case, columns: tuple[str, ...]) -> Case:
    return case.without(*inputs_of(case, columns))


def inputs_of(case: Case, columns: Sequence[str]) -> list[str]:
    """What models see of these columns."""
    return [one for name in columns if name in case.columns for one in case.columns[name].inputs if one in case.types]
