"""Known late: columns that are filled in because the outcome happened, or with what happened after the row's time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.assessment.base import Finding, Weight
from poise.assessment.case import Case
from poise.assessment.column_names import came_of
from poise.assessment.percent import percent
from poise.assessment.probing import evenly
from poise.clock import DAY
from poise.table import MISSING_TIME, Column

SAME = 0.98
"""Agreement (phi) of "it is filled in" with the outcome that only what is filled in afterwards has."""
TIED = 0.6
"""From such agreement on it is a suspect."""
PURE = 0.995
"""All rows that are filled in have the same outcome, but for slips."""
HALF, SOME = 0.5, 0.05
"""Pure and for half of the rows with that outcome: certain. For so few of them: a suspect."""
COMMON = 0.9
"""An outcome that is more common is what most columns go with."""
SOME_EMPTY = 0.02
"""The same of rows that lack a value: what is written down afterwards is empty where nothing came of it."""
LEAST = 20
CHANCE = 1e-6
OTHERS = 20
"""An amount that is one value (mostly 0) where nothing happened has more different values than this elsewhere: counts
and codes that are 0 are ordinary reasons of an outcome."""
OFTEN = 0.1
"""… and it is 0 or the smallest or largest there is, in so many of the rows."""
FILLED = "is filled in"
LATER_SHARE = 0.01
EMPTY_TOO, EMPTY_ELSE = 0.8, 0.02
"""Empty in so many of the rows whose target is not known, and in so few of the others: known only when it is."""
TEXTS, WORDS_KEPT = 4_000, 400


def known_late(case: Case) -> list[Finding]:
    """Columns whose being filled in tells the outcome, and columns of instants after the row's time."""
    events = _events(case)
    found = _by_texts([f for name in case.types if (f := _of_input(case, name, events))], case)
    seen: dict[tuple[str, ...], Finding] = {}
    for finding in sorted(found, key=lambda one: one.weight != "stop"):
        seen.setdefault(finding.columns, finding)
    return [*seen.values(), *_with_the_target(case), *_later(case), *_came_of(case)]


def _by_texts(found: list[Finding], case: Case) -> list[Finding]:
    """What a word gives away may be an honest reason: it is certain only beside a column that is no text."""
    texts = {case.column_of(name) for name, of in case.types.items() if of == "text"}
    if any(one.weight == "stop" and not texts.issuperset(one.columns) for one in found):
        return found
    return [replace(one, weight="warn") if texts.issuperset(one.columns) else one for one in found]


def _events(case: Case) -> list[tuple[str, NDArray[np.bool_]]]:
    """Outcomes as words and as yes or no per row."""
    what, target = f"'{case.target_name}'", case.target
    if case.problem == "binary":
        return [(f"{what} is '{case.classes[1]}'", target > 0)]
    if case.problem == "multi-class":
        counts = np.bincount(target.astype(np.int64), minlength=len(case.classes))
        kept = [i for i in np.argsort(-counts, kind="stable")[:10].tolist() if counts[i] >= LEAST]
        return [(f"{what} is '{case.classes[i]}'", target == i) for i in kept]
    levels, counts = np.unique(target, return_counts=True)
    if counts.max() < 0.05 * len(target) or len(levels) < 2:
        return []
    return [(f"{what} is {levels[counts.argmax()]:g}", target == levels[counts.argmax()])]


def _of_input(case: Case, name: str, events: list[tuple[str, NDArray[np.bool_]]]) -> Finding | None:
    column = case.table[name]
    if case.types[name] == "text" and case.rows > TEXTS:
        some = evenly(np.arange(case.rows), TEXTS)
        column, events = column.take(some), [(said, event[some]) for said, event in events]
    for how, marked in _marks(case, name, column):
        for said, event in events:
            weight = _tie(marked, event, SOME_EMPTY if how == FILLED else SOME)
            if weight is not None:
                own = case.column_of(name)
                return Finding(
                    f"'{own}' {how} {_tied(marked, event, said)}: it seems to be known only afterwards.",
                    weight,
                    (own,),
                    late=case.types[name] != "text",
                )
    return None


def _marks(case: Case, name: str, column: Column) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Ways in which a column can give away that something has happened, as yes or no per row."""
    gone = column.missing()
    if LEAST <= gone.sum() <= len(gone) - LEAST:
        yield FILLED, ~gone
    if case.types[name] == "number":
        values = column.values[~gone]
        if len(values) > 2 * LEAST:
            middle = _most_frequent(values)
            other = ~gone & (column.values != middle)
            extreme = middle in (0.0, values.min(), values.max()) and (values == middle).mean() >= OFTEN
            varied = other.sum() >= LEAST and len(np.unique(evenly(column.values[other], 2_000))) > OTHERS
            if extreme and varied:
                yield f"is other than {middle:g}", other
    if case.types[name] == "text":
        yield from _words(column)


def _most_frequent(values: NDArray[np.float64]) -> float:
    levels, counts = np.unique(evenly(values, 2_000), return_counts=True)
    return float(levels[counts.argmax()])


def _words(column: Column) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The words that stand in some but not in all texts, as whether a text holds them."""
    assert column.levels is not None
    held: dict[str, list[int]] = {}
    for i, code in enumerate(column.values.tolist()):
        if code >= 0:
            for word in dict.fromkeys(str(column.levels[code]).lower().split()):
                held.setdefault(word, []).append(i)
    n = len(column.values)
    often = sorted((w for w, at in held.items() if LEAST <= len(at) <= n - LEAST), key=lambda w: -len(held[w]))
    for word in often[:WORDS_KEPT]:
        marked = np.zeros(n, np.bool_)
        marked[held[word]] = True
        yield f"holds the word '{word}'", marked


def _tie(marked: NDArray[np.bool_], event: NDArray[np.bool_], some: float) -> Weight | None:
    """How surely a mark gives the event away; None where it does not."""
    if min(event.sum(), (~event).sum()) < 5:
        return None
    agreed = abs(float(np.corrcoef(marked, event)[0, 1])) if 0 < marked.sum() < len(marked) else 0.0
    if agreed >= SAME:
        return "stop"
    suspect = agreed >= TIED
    for outcome in (event, ~event):
        base = float(outcome.mean())
        for part in (marked, ~marked):
            k = int(part.sum())
            if k < LEAST or base > COMMON:
                continue
            pure, covered = float(outcome[part].mean()), float(part[outcome].mean())
            if pure >= PURE and covered >= HALF:
                return "stop"
            suspect |= pure >= PURE and covered >= some and k * np.log(max(base, 1e-12)) < np.log(CHANCE)
    return "warn" if suspect else None


def _tied(marked: NDArray[np.bool_], event: NDArray[np.bool_], said: str) -> str:
    inside, outside = (percent(float(marked[rows].mean()), 1) for rows in (event, ~event))
    return f"in {inside} of the rows where {said} and in {outside} of the others"


def _with_the_target(case: Case) -> list[Finding]:
    """Columns that are empty where the target is: what is written down together with it is known no earlier."""
    names = tuple(
        name for name, empty in case.empty_too.items()
        if empty >= EMPTY_TOO and case.columns[name].missing <= EMPTY_ELSE
    )  # fmt: skip
    if not names:
        return []
    shown = ", ".join(f"'{name}'" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    least = min(case.empty_too[name] for name in names)
    said = (
        f"{shown}: empty in {percent(least)} or more of the rows whose '{case.target_name}' is not known, and hardly"
        " elsewhere. What is written down together with it is known no earlier."
    )
    return [Finding(said, "warn", names, late=True)]


def _came_of(case: Case) -> list[Finding]:
    """Columns that say what came of what another column holds as planned."""
    seen = [name for name, column in case.columns.items() if column.inputs or name == case.time_name]
    found = [(name, plan) for name, plan in came_of(seen).items() if name != case.time_name]
    return [
        Finding(f"'{name}' seems to be what came of '{plan}': is it known when the question is asked?", "warn",
                (name,), late=True)
        for name, plan in found
    ]  # fmt: skip


def _later(case: Case) -> list[Finding]:
    """Instants after the row's own time."""
    found = []
    whole_days = case.timed and bool((case.time[case.time != MISSING_TIME] % DAY == 0).all())
    for own, column in case.columns.items():
        name = f"{own}: days before"
        if column.kind != "time" or name not in column.inputs:
            continue
        days = case.table[name].values
        later = np.isfinite(days) & (days < (-1.0 if whole_days else 0.0))
        share = float(later.mean())
        if share >= LATER_SHARE:
            said = (
                f"'{own}' lies after the row's time '{case.time_name}' in {percent(share)} of the rows: unless it is"
                " planned beforehand, it says what nobody knew then."
            )
            found.append(Finding(said, "warn", (own,), late=True))
    return found
