"""Updates: when a system learns again by itself, from what, and when it must not change."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from poise.spec.freeze import freeze
from poise.spec.record import Record
from poise.spec.units import Duration, Fraction, parse_duration, parse_fraction

Trigger = Literal["drift", "decay", "labels"]
TRIGGERS: tuple[Trigger, ...] = ("drift", "decay", "labels")


def _window(value: Any) -> Any:
    """`all`, `evidence`, or a duration in microseconds."""
    return value if value in ("all", "evidence") else parse_duration(value)


def _labels(value: Any) -> Any:
    """A share as a fraction below 1 or equal to it, a number of rows as a whole number above."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return parse_fraction(value)


def _freezes(value: Any) -> Any:
    """One window or several; each is read, so that a slip of the pen is told when the file is read."""
    listed = (value,) if isinstance(value, str) else value
    if isinstance(listed, list | tuple):
        for one in listed:
            if isinstance(one, str):
                freeze(one)
    return listed


class Trusted(Record):
    """A time whose rows are known to be good: nothing is ever learned from them, they only judge."""

    from_: str = Field(alias="from")
    """An instant (ISO 8601), in the zone of the system where it has no offset."""
    to: str
    """An instant up to which, not including it."""


class Updates(Record):
    """When a system learns again by itself, from what, and when it must not change."""

    every: Duration | None = None
    """Learn again so long after it was last tried, or somebody made a release, if there are new rows."""
    when: tuple[Trigger, ...] = ()
    """Learn again as soon as one holds: `drift`, `decay` (findings of monitors), `labels` (so many new ones)."""
    labels: Annotated[float | int, BeforeValidator(_labels, json_schema_input_type=str | float | int)] = 0.1
    """For `labels`: how many mature rows must be new, a number, or a share of those of the live release."""
    cooldown: Duration = 0
    """Nothing is learned again so soon after that, whatever holds."""
    freeze: Annotated[tuple[str, ...], BeforeValidator(_freezes, json_schema_input_type=str | list[str])] = ()
    """Windows in which nothing changes: `fri 18:00 - mon 08:00`, `22:00 - 06:00`, `2026-12-20 - 2027-01-03`."""
    shadow: Fraction | None = Field(default=None, gt=0, lt=1)
    """A new release begins as a shadow: it scores this share of the requests and answers none."""
    canary: Fraction | None = Field(default=None, gt=0, lt=1)
    """A new release begins as a canary: it answers this share of the callers."""
    window: Annotated[Literal["evidence", "all"] | int, BeforeValidator(_window, json_schema_input_type=str | int)] = (
        "evidence"
    )
    """What to learn from: `all`, the rows of the last so long, or what the newest rows show to be best."""
    refit: bool = True
    """What is found to be better learns once more, with the same settings, from the rows too that it was judged on."""
    level: Fraction = Field(default=0.95, gt=0.5, lt=1)
    """How sure it must be that a candidate is better than the live release."""
    trusted: Trusted | None = None
    """Rows that are known to be good: they judge, and nothing is learned from them."""
