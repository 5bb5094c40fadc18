"""What a question promises, and what an answer says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, ClassVar, Literal

from poise.assessment.case import Case
from poise.assessment.trials import Trials

Said = Literal["yes", "no", "unclear", "needs a person"]
Weight = Literal["stop", "warn", "note"]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found and that somebody should know: a leak, a proxy, copies, a class with few examples.

    weight: `stop` decides against ML as it stands, `warn` belongs into the summary, `note` into the report only.
    columns: the columns of the table that it is about; late: something beside how much they say speaks for their being
    known too late, so that a verdict that rests on them waits for a person.
    """

    sentence: str
    weight: Weight = "note"
    columns: tuple[str, ...] = ()
    late: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"sentence": self.sentence, "weight": self.weight, "columns": list(self.columns)}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question. `yes` always speaks for using ML.

    figure, low, high: the number that decided, with its limits, one-sided at 95 % each; `unit` says what it counts.
    sentence: the answer in plain words, for a product manager; change: what would change it.
    sure: how sure the answer is, 0 to 1, where that can be told (else None).
    details: JSON-able, for plots and tables.
    """

    code: str
    title: str
    answer: Said
    sentence: str
    change: str
    figure: float = NAN
    low: float = NAN
    high: float = NAN
    unit: str = ""
    sure: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON; what is not finite becomes None."""
        numbers = {"figure": self.figure, "low": self.low, "high": self.high}
        return {
            "code": self.code,
            "title": self.title,
            "answer": self.answer,
            "sentence": self.sentence,
            "change": self.change,
            **{name: value if isfinite(value) else None for name, value in numbers.items()},
            "unit": self.unit,
            "sure": self.sure,
            "details": dict(self.details),
            "findings": [finding.to_dict() for finding in self.findings],
        }


class Question(ABC):
    """One question, asked of a case. Its code is stable: people refer to it."""

    code: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def ask(self, case: Case, trials: Trials) -> Answer:
        """The answer, from what `trials` learned; never an error for odd data, but `unclear` and why.

        `NotEnoughData` may be raised: `assess` makes it an answer (`unclear`).
        """

    def answer(self, said: Said, sentence: str, change: str, **more: Any) -> Answer:
        """An `Answer` with this question's code and title."""
        return Answer(self.code, self.title, said, sentence, change, **more)
