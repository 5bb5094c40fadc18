"""Assessing: every question asked of one case, and the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from poise import registry
from poise.assessment.base import Answer, Question
from poise.assessment.case import Case, ReadColumn
from poise.assessment.leaving_out import compared, suspects_of, trials_without
from poise.assessment.report import render
from poise.assessment.summary import summary
from poise.assessment.trials import Trials
from poise.assessment.verdict import Verdict, decide
from poise.errors import NotEnoughData
from poise.evaluation.calibration_table import calibration_table
from poise.releases.plain_json import finite

Progress = Callable[[str], None]
LEAKS = "PA06"
"""The question whose answer decides what all others see."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """What was asked and answered, and what to do. `seconds`: how long each question took, by code.

    A notebook shows the page, `print` the summary.
    """

    case: Case
    answers: tuple[Answer, ...]
    verdict: Verdict
    trials: Trials
    seconds: dict[str, float]

    def answer(self, code: str) -> Answer | None:
        """The answer with this code; None where it was not asked."""
        return next((answer for answer in self.answers if answer.code == code), None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: plain values only; a number that is none is None."""
        case = self.case
        plain, _ = finite(self._content(case))
        return dict(plain)

    def _content(self, case: Case) -> dict[str, Any]:
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
            "columns": {name: _column(column) for name, column in case.columns.items()},
            "notes": list(case.notes),
            "reliability": self.reliability,
            "seconds": self.seconds,
        }

    @cached_property
    def reliability(self) -> list[dict[str, Any]]:
        """What was predicted against what came true, bin by bin; empty where no probabilities were judged."""
        if self.case.problem != "binary" or self.answer("PA01") is None:
            return []
        try:
            return calibration_table(self.trials.target, self.trials.learned, self.trials.blocks)
        except NotEnoughData:
            return []

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style does not reach the notebook around it."""
        page = escape(render([self.to_dict()]))
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 40em; border: 0" title="assessment"></iframe>'

    def __str__(self) -> str:
        return "\n".join(line for line, _ in summary(self.to_dict()))

    def write_report(self, path: str | Path) -> Path:
        """Write the page to `path`."""
        Path(path).write_text(render([self.to_dict()]), encoding="utf-8")
        return Path(path)


def _column(column: ReadColumn) -> dict[str, Any]:
    return {
        "kind": column.kind,
        "type": column.type,
        "inputs": list(column.inputs),
        "dropped": column.dropped,
        "note": column.note,
        "missing": column.missing,
        "distinct": column.distinct,
    }


def assess(
    case: Case,
    *,
    threads: int = 1,
    progress: Progress = lambda _: None,
    codes: Sequence[str] | None = None,
) -> Assessment:
    """Ask every registered question (or those of `codes`) and decide. Odd data give answers, not errors.

    What gives the answer away is looked for first; of what certainly does, the other questions see nothing.
    """
    trials = Trials(case, threads, progress)
    answers: dict[str, Answer] = {}
    seconds: dict[str, float] = {}
    asked = [code for code in registry.names("question") if codes is None or code in codes]
    if case.obstacle is not None:
        asked = []
    whole = trials
    suspects: tuple[str, ...] = ()
    for code in sorted(asked, key=lambda code: code != LEAKS):
        question: Question = registry.get("question", code)()
        progress(question.title)
        started = time.perf_counter()
        answers[code] = _ask(question, trials.case, trials)
        seconds[code] = time.perf_counter() - started
        if code == LEAKS:
            suspects = suspects_of(case, answers[code])
            trials = trials_without(whole, suspects) if suspects else whole
    if suspects and len(asked) > 1:
        named = ", ".join(map(repr, suspects))
        progress(f"with {named}, to compare")
        started = time.perf_counter()
        leaks, beside = answers[LEAKS], compared(whole, trials, suspects)
        answers[LEAKS] = replace(leaks, details={**leaks.details, "beside": beside})
        seconds[LEAKS] += time.perf_counter() - started
        case = replace(case, notes=(*case.notes, f"all answers but that about what gives it away are without {named}"))
    told = tuple(answers[code] for code in asked)
    return Assessment(case, told, decide(case, told), trials, {code: seconds[code] for code in asked})


def _ask(question: Question, case: Case, trials: Trials) -> Answer:
    try:
        return question.ask(case, trials)
    except NotEnoughData as reason:
        sentence = f"The data cannot tell: {reason.message}."
        return question.answer("unclear", sentence, reason.hint or "More rows.")
