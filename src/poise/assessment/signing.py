"""Signing: what no figure can answer, the file in which a person answers it, and whether it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from poise.assessment.case import Case
from poise.assessment.costs import read_mapping
from poise.errors import DataError, did_you_mean

QUESTIONS: dict[str, str] = {
    "affected": "Who is affected, and do they know that a machine decides or advises?",
    "allowed": "May this be decided by a machine at all, by law and by what you would want for yourself?",
    "harm": "What happens to somebody about whom it is wrong, and who would notice?",
    "appeal": "Who can overrule it, and how does somebody ask for that?",
    "data": "Did the people whose data these are agree to this use, or why may the data be used?",
    "groups": "Which groups could fare worse (see the gaps and proxies of PA09), and why is what remains acceptable?",
    "truth": "Is the target what you mean, or the outcome of earlier decisions that were unfair themselves?",
    "stop": "Which figure would make you stop it, and who watches that figure?",
}
"""By key: what a person answers, in a sentence each."""
KEYS = ("about_people", "may_be_automated", "name", "role", "date", "answers")
LEAST_WORDS = 3
"""`yes` and `n/a` are no answers to these questions."""
EXAMPLE = "{about_people: true, name: Ana Silva, date: 2026-03-02, may_be_automated: true, answers: {affected: …}}"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a person said. missing: what is lacking before it counts as signed, in words, empty where nothing is.

    about_people, allowed: None where it was not said.
    """

    missing: tuple[str, ...]
    name: str = ""
    date: str = ""
    role: str = ""
    about_people: bool | None = None
    allowed: bool | None = None

    @property
    def by(self) -> str:
        """Who signed, and when."""
        return f"{self.name}{f' ({self.role})' if self.role else ''} on {self.date}"


def read_answers(text: str) -> dict[str, Any]:
    """The answers file of `--answers` (or YAML text). Raises `DataError` and `SpecError` as `read_costs`, and for
    keys that it does not know."""
    found = read_mapping(text, "--answers", EXAMPLE)
    for key in found:
        if key not in KEYS:
            raise DataError(f"--answers: '{key}' is not known", hint=did_you_mean(str(key), KEYS))
    answers = found.get("answers") or {}
    if not isinstance(answers, Mapping):
        raise DataError("--answers: 'answers' must be names with sentences", hint=f"names: {', '.join(QUESTIONS)}")
    for key in answers:
        if key not in QUESTIONS:
            raise DataError(f"--answers: there is no question '{key}'", hint=did_you_mean(str(key), QUESTIONS))
    return found


def signed(case: Case) -> Signed:
    """What was signed, and what is missing. Rows that are not about people need a name, a date, and no answers."""
    said = case.declared.answers
    about, allowed = (_truth(said.get(key)) for key in ("about_people", "may_be_automated"))
    missing = []
    name, role = (str(said.get(key) or "").strip() for key in ("name", "role"))
    if not name:
        missing.append("a name")
    when = _date(said.get("date"))
    if when is None:
        missing.append("a date (2026-03-02)")
    if about is None:
        missing.append("whether it is about people (about_people: true or false)")
    if about is not False:
        if allowed is None:
            missing.append("the decision (may_be_automated: true or false)")
        answers = said.get("answers") or {}
        missing += [f"an answer to '{key}'" for key in QUESTIONS if not _answered(answers.get(key))]
    return Signed(tuple(missing), name, when or "", role, about, allowed)


def template(case: Case, concerns: str = "") -> str:
    """The file for a person to fill in, with what was found as comments.

    concerns: what PA09 found, a line each.
    """
    lines = [
        f"# {case.name}, '{case.target_name}': what no figure can answer. A person fills this in and signs it, then:",
        "#   poise assess … --answers this-file.yaml",
        *(f"# found: {line}" for line in concerns.splitlines() if line),
        "about_people:           # true or false; if false, a name and a date are enough",
        "may_be_automated:       # true or false: your decision, after the answers below",
        "name:",
        "role:",
        "date:                   # 2026-03-02",
        "answers:                # a sentence each",
    ]
    for key, question in QUESTIONS.items():
        lines += [f"  # {question}", f"  {key}:"]
    return "\n".join(lines) + "\n"


def _answered(text: Any) -> bool:
    return isinstance(text, str) and len(text.split()) >= LEAST_WORDS


def _truth(value: Any) -> bool | None:
    words = {"true": True, "yes": True, "false": False, "no": False}
    return words.get(str(value).strip().lower())


def _date(value: Any) -> str | None:
    try:
        return date.fromisoformat(str(value).strip()[:10]).isoformat()
    except ValueError:
        return None
