"""The verdict: what the answers together say should be done, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from poise.assessment.base import Answer
from poise.assessment.case import Case
from poise.assessment.leaving_out import in_words

Verdicts = Literal[
    "use ML", "use the rule", "use ML for this part", "collect data first", "do not use ML", "needs a person"
]
HIGH, MEDIUM = 0.95, 0.8
"""From so sure on confidence is called high, and medium."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do. `evidence` is what the figures alone say, where a person has still to decide.

    because: codes of the answers that decided. confidence: high, medium or low; `sure` the figure behind it, 0 to 1.
    next: what to do next, in order.
    """

    verdict: Verdicts
    sentence: str
    because: tuple[str, ...]
    confidence: Literal["high", "medium", "low"]
    sure: float
    next: tuple[str, ...]
    evidence: Verdicts

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "because": list(self.because),
            "confidence": self.confidence,
            "sure": self.sure,
            "next": list(self.next),
            "evidence": self.evidence,
        }


def decide(case: Case, answers: Sequence[Answer]) -> Verdict:
    """The verdict of a case. The first that holds decides: an obstacle, a leak or a suspect on which all rests, nothing
    to learn, too few rows, no value on later data, not worth its cost, a rule does it, rows that cannot tell a rule
    from ML, only a part is good enough; else ML is used. What a person must answer first makes any verdict for ML or a
    rule `needs a person`; who signed that it must not be automated decides alone. Patterns that change and suspected
    leaks are told with any verdict for ML or a rule.
    """
    said = {answer.code: answer for answer in answers}
    if case.obstacle is not None:
        found = case.obstacle
        return _verdict(found.verdict, found.sentence, [], 1.0, (found.change,))
    made = _by_evidence(case, said)
    person = said.get("PA09")
    if person is not None and person.answer == "no":
        return replace(_from("do not use ML", [person]), evidence=made.evidence)
    made = _with_warnings(made, said)
    if person is not None and person.answer == "needs a person" and made.verdict in FOR:
        return replace(
            made,
            verdict="needs a person",
            sentence=f"{person.sentence} By the figures alone: {made.verdict}. {made.sentence}",
            because=(person.code, *made.because),
            next=(person.change, *made.next),
        )
    return made


FOR = ("use ML", "use the rule", "use ML for this part")
"""Verdicts under which something is decided automatically."""


def _by_evidence(case: Case, said: Mapping[str, Answer]) -> Verdict:
    def is_(code: str, answer: str) -> bool:
        return code in said and said[code].answer == answer

    if is_("PA06", "no") or is_("PA06", "needs a person"):
        return _leaking(case, said)
    if is_("PA01", "no"):
        return _and_part(_from("do not use ML", [said["PA01"]]), said)
    if is_("PA01", "unclear"):
        return _and_part(_from("collect data first", [said["PA01"]]), said)
    if is_("PA05", "no"):
        return _from("do not use ML", [said["PA05"]])
    if is_("PA08", "no"):
        by_rule = said["PA08"].details.get("instead") == "the rule"
        return _from("use the rule" if by_rule else "do not use ML", [said["PA08"]])
    if is_("PA02", "no"):
        return _from("use the rule", [said[code] for code in ("PA02", "PA01") if code in said])
    if is_("PA02", "unclear"):
        return _from("collect data first", [said["PA02"]])
    if is_("PA04", "no"):
        return _from("collect data first", [said["PA04"]])
    if is_("PA03", "no"):
        part: Verdicts = "use ML for this part" if said["PA03"].details.get("part") else "do not use ML"
        return _from(part, [said["PA03"]])
    if "PA01" not in said:  # nothing else that was asked speaks against ML, but nothing speaks for it either
        left_out = "Whether there is anything to learn was not asked (PA01), and no verdict for ML rests on less"
        return _verdict("needs a person", f"{left_out}.", [], 0.5, ("Ask PA01 and PA02 too.",))
    return _from("use ML", [said[code] for code in ("PA01", "PA02") if code in said])


def _leaking(case: Case, said: Mapping[str, Answer]) -> Verdict:
    """A person must say whether a column is known in time; the evidence is what holds without it."""
    leaks = said["PA06"]
    made = _from("needs a person", [leaks])
    beside = leaks.details.get("beside")
    if beside is None:
        return made
    others = {code: answer for code, answer in said.items() if code != leaks.code}
    rest = _with_warnings(_by_evidence(case, others), others)
    return replace(
        made,
        sentence=f"{leaks.sentence} {in_words(beside, rest.verdict)} {rest.sentence}",
        because=(leaks.code, *rest.because),
        evidence=rest.verdict,
    )


def _and_part(made: Verdict, said: Mapping[str, Answer]) -> Verdict:
    """Where nothing is shown over all rows, the part in which something is: a person may ask about that alone."""
    part = said["PA03"].details.get("part") if "PA03" in said else None
    if not part:
        return made
    words = part["words"] if isinstance(part, Mapping) else part
    step = f"Ask again about the rows where {words} alone."
    return replace(made, sentence=f"{made.sentence} {said['PA03'].sentence}", next=(*made.next, step))


def _with_warnings(made: Verdict, said: Mapping[str, Answer]) -> Verdict:
    """A verdict for ML or a rule, with what could still undo it: suspected leaks, and patterns that change."""
    if made.verdict not in FOR:
        return made
    sentence, steps = made.sentence, list(made.next)
    if "PA06" in said:
        suspects = [one.sentence for one in said["PA06"].findings if one.weight == "warn"]
        steps = [f"Check first: {one}" for one in suspects] + steps
    if "PA07" in said and said["PA07"].answer == "no":
        sentence = f"{sentence} But it will not last as it is: {said['PA07'].sentence}"
        steps.append(said["PA07"].change)
    return replace(made, sentence=sentence, next=tuple(dict.fromkeys(steps)))


def _from(verdict: Verdicts, deciding: Sequence[Answer]) -> Verdict:
    sure = min((answer.sure for answer in deciding if answer.sure is not None), default=0.5)
    sentence = " ".join(answer.sentence for answer in deciding)
    steps = tuple(dict.fromkeys(answer.change for answer in deciding))
    return _verdict(verdict, sentence, [answer.code for answer in deciding], sure, steps)


def _verdict(verdict: Verdicts, sentence: str, because: Sequence[str], sure: float, steps: tuple[str, ...]) -> Verdict:
    confidence: Literal["high", "medium", "low"] = "high" if sure >= HIGH else "medium" if sure >= MEDIUM else "low"
    return Verdict(verdict, sentence, tuple(because), confidence, sure, steps, verdict)
