"""Assessing: every question asked of one case, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from poise import registry
from poise.assessment.base import Answer, Question
from poise.assessment.case import Case
from poise.assessment.trials import Trials
from poise.assessment.verdict import Verdict, decide
from poise.errors import NotEnoughData

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What was asked and answered, and what to do. `seconds`: how long each question took, by code."""

    case: Case
    answers: tuple[Answer, ...]
    verdict: Verdict
    trials: Trials
    seconds: dict[str, float]

    def answer(self, code: str) -> Answer | None:
        """The answer with this code; None where it was not asked."""
        return next((answer for answer in self.answers if answer.code == code), None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        case = self.case
        return {
            "table": case.name,
            "target": case.target_name,
            "problem": case.problem,
            "rows": case.rows_in,
            "rows_used": case.rows,
            "time": case.time_name,
            "key": case.key_name,
            "verdict": self.verdict.to_dict(),
            "answers": [answer.to_dict() for answer in self.answers],
            "columns": {
                name: {"kind": column.kind, "inputs": list(column.inputs), "dropped": column.dropped}
                for name, column in case.columns.items()
            },
            "notes": list(case.notes),
            "seconds": self.seconds,
        }


def assess(
    case: Case,
    *,
    threads: int = 1,
    progress: Progress = lambda _: None,
    codes: Sequence[str] | None = None,
) -> Assessment:
    """Ask every registered question (or those of `codes`) and decide. Odd data give answers, not errors."""
    trials = Trials(case, threads, progress)
    answers: list[Answer] = []
    seconds: dict[str, float] = {}
    if case.obstacle is None:
        for code in registry.names("question"):
            if codes is not None and code not in codes:
                continue
            question: Question = registry.get("question", code)()
            progress(question.title)
            started = time.perf_counter()
            answers.append(_ask(question, case, trials))
            seconds[code] = time.perf_counter() - started
    return Assessment(case, tuple(answers), decide(case, answers), trials, seconds)


def _ask(question: Question, case: Case, trials: Trials) -> Answer:
    try:
        return question.ask(case, trials)
    except NotEnoughData as reason:
        sentence = f"The data cannot tell: {reason.message}."
        return question.answer("unclear", sentence, reason.hint or "More rows.")
