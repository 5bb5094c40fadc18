"""PA06: does anything give the answer away? Columns and rows that say what nobody knows when the question is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from poise.assessment.adding_up import adding_up
from poise.assessment.another_model import another_model
from poise.assessment.base import Answer, Finding, Question
from poise.assessment.case import Case
from poise.assessment.held_back import Held, held_back
from poise.assessment.immature import immature
from poise.assessment.known_late import known_late
from poise.assessment.leaking_columns import leaking_columns
from poise.assessment.leaking_rows import leaking_rows
from poise.assessment.leaving_out import inputs_of, listed
from poise.assessment.percent import percent
from poise.assessment.trials import Trials


class Leakage(Question):
    """Is anything known too late, or known twice?"""

    code: ClassVar[str] = "PA06"
    title: ClassVar[str] = "Does anything give the answer away?"

    def ask(self, case: Case, trials: Trials) -> Answer:
        """No where something certainly leaks, a person where what is predicted rests on what may, unclear where
        something may that decides nothing; yes where nothing was found."""
        late = known_late(case)
        columns = leaking_columns(case, tuple(inputs_of(case, [name for one in late for name in one.columns])))
        rows, entities = leaking_rows(case)
        labels, course = immature(case)
        models = another_model(case, columns.shares)
        found = _merged([*adding_up(case, trials), *columns.findings, *late, *models, *rows, *labels])
        found = [_as_declared(one, case.declared.known) for one in found]
        held = held_back(case, found)
        details = {
            "alone": columns.shares, "rest": columns.rest, "entities": entities, "rate": course,
            "held": list(held.columns) if held else [],
            "tried": ["columns alone", "known late", "copies", "order of rows", "entities", "immature labels"],
        }  # fmt: skip
        figures: dict[str, Any] = {
            "details": details,
            "findings": tuple(found),
            "unit": "share of the uncertainty, one column alone",
        }
        if columns.spread is not None:
            figures |= {"figure": columns.spread.value, "low": columns.spread.low(), "high": columns.spread.high()}
        certain = [one for one in found if one.weight == "stop"]
        suspects = [one for one in found if one.weight == "warn"]
        if certain:
            more = f" ({len(certain) - 1} more below)" if len(certain) > 1 else ""
            return self.answer("no", f"Something gives the answer away{more}: {certain[0].sentence}",
                               _leave_out(certain), sure=0.95, **figures)  # fmt: skip
        if held is not None:
            return self.answer("needs a person", held.sentence, _ask_about(held), sure=held.sure, **figures)
        if suspects:
            named = f"{len(suspects)} things to check" if len(suspects) > 1 else "One thing to check"
            return self.answer("unclear", f"{named}: {suspects[0].sentence}",
                               "Somebody who knows how the table came about says when its columns are filled in.",
                               **figures)  # fmt: skip
        strongest = ""
        if columns.best is not None and (most := columns.shares[columns.best]) > 0:
            strongest = f" The strongest, '{case.column_of(columns.best)}', explains {percent(most)}."
        said = f"Nothing was found that gives '{case.target_name}' away.{strongest}"
        return self.answer("yes", said, "A column that is filled in only afterwards, which values alone cannot always"
                           " tell.", **figures)  # fmt: skip


def _as_declared(one: Finding, known: tuple[str, ...]) -> Finding:
    """What somebody declared as known in time is no suspect, but is told."""
    if one.weight == "note" or not one.columns or not set(one.columns) <= set(known):
        return one
    return replace(one, weight="note", sentence=f"Declared as known when the question is asked: {one.sentence}")


def _ask_about(held: Held) -> str:
    these = "it is" if len(held.columns) == 1 else "they are"
    return (
        f"If {these} known when the question is asked: --known {','.join(held.columns)}. Else leave out"
        f" {listed(held.columns)}. Somebody who knows how the table came about must say."
    )


def _leave_out(certain: list[Finding]) -> str:
    named = list(dict.fromkeys(column for one in certain for column in one.columns))
    return f"Leave out {listed(named)} and ask again; or --known, if somebody says that it is known in time."


def _merged(found: list[Finding]) -> list[Finding]:
    """One finding per column, the weightiest, in the order of weight; of equals those that say `late`."""
    order = {"stop": 0, "warn": 1, "note": 2}
    kept: list[Finding] = []
    for one in sorted(found, key=lambda one: (order[one.weight], not one.late)):
        if not one.columns or all(one.columns != other.columns for other in kept):
            kept.append(one)
    return kept
