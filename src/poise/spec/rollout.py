"""Rollout: by which stages a new release comes to answer everybody, and what takes it back by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from poise.spec.record import Record
from poise.spec.units import Duration, Fraction, parse_duration


def _part(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{100 * value:g}% came; write more than 0% and less than 100%")
    return value


Part = Annotated[Fraction, AfterValidator(_part)]


class Hold(Record):
    """How long a canary must hold its guardrails before it may answer everybody; both must be reached."""

    time: Duration = Field(default=parse_duration("1h"), ge=0)
    """Since it answers its share."""
    answers: int = Field(default=1000, ge=1)
    """So many answers of its own."""


class Guardrails(Record):
    """What takes a canary back by itself: its callers are compared with those of the live release at the same time."""

    errors: float | None = Field(default=1.5, ge=1)
    """Callers who met an error: at most so many times as often as those of the live release; null: not watched."""
    slow: float | None = Field(default=1.5, ge=1)
    """Callers who met a slow answer: at most so many times as often. Slow is longer than a `latency_p99` that is
    required, else than twice the 99 % latency of the live release."""
    scores: float | None = Field(default=3, ge=1)
    """No tenth of the live release's predictions may come more than so many times as often."""
    terms: Part | None = 0.1
    """Realised terms may be lower by at most this share of those of the live release."""
    false_alarms: Part = 0.01
    """How probable it may be that one that is as good as the live release is taken back, however long it is watched."""
    least: int = Field(default=50, ge=1)
    """Answers of the canary before any verdict."""


class Rollout(Record):
    """By which stages a new release comes to answer everybody."""

    begin: Literal["live", "shadow", "canary"] = "live"
    """Where `poise release` begins: at once for everybody; scoring and answering nothing; answering a share."""
    canary: Part = 0.1
    """The share of the callers that the canary answers."""
    shadow: Part = 0.1
    """The share of the requests that a shadow scores too."""
    sticky: str | None = None
    """The column of a request by which callers keep to one release; default the `person` or `entity` of the rows,
    where callers send it, else each request by itself."""
    hold: Hold = Hold()
    guardrails: Guardrails = Guardrails()
