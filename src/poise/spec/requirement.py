"""Requirements: bounds on metrics, each owned by a stakeholder; gates at release and monitors afterwards."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from poise.spec.record import Record
from poise.spec.units import DURATIONS, SIZES

_BOUND = re.compile(r"\s*([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([A-Za-z%]*)\s*")


class Bound(Record):
    """A bound in base units: seconds for durations, bytes for sizes, fractions for percentages, else plain."""

    value: float
    unit: Literal["", "%", "s", "B"] = ""
    text: str
    """As written."""


def parse_bound(value: Any) -> Any:
    """A bound such as 0.05, 95%, 100ms, 20MB.

    >>> parse_bound("100ms")["value"], parse_bound("95%")["value"], parse_bound("20MB")["unit"]
    (0.1, 0.95, 'B')
    """
    if isinstance(value, dict | Bound):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"value": float(value), "text": f"{value:g}"}
    match = _BOUND.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a bound: write e.g. 0.05, 95%, 100ms or 20MB")
    number, unit, text = float(match[1]), match[2], value.strip()
    if unit == "":
        return {"value": number, "text": text}
    if unit == "%":
        return {"value": number / 100, "unit": "%", "text": text}
    if unit in DURATIONS:
        return {"value": number * DURATIONS[unit] / 1e6, "unit": "s", "text": text}
    if unit in SIZES:
        return {"value": number * SIZES[unit], "unit": "B", "text": text}
    raise ValueError(f"{value!r} has no known unit: write a number, %, or one of {', '.join([*DURATIONS, *SIZES])}")


BoundField = Annotated[Bound, BeforeValidator(parse_bound, json_schema_input_type=str | float)]


class Requirement(Record):
    """One bound, with the stakeholder who owns it. Exactly one of `at_most`, `at_least` and `better_than`."""

    who: str
    """The stakeholder."""
    metric: str
    """`objective.metric`, `decision.term`, of lists also `decision.ndcg@10` or `objective.recall@5`, `latency_p50`,
    `latency_p99`, `release_size`, `cost_per_1000` or `training_cost`."""
    at_most: BoundField | None = None
    at_least: BoundField | None = None
    better_than: Literal["constant", "rule", "live"] | None = None
    """The metric must be significantly better than this baseline's."""
    relative_to: Literal["constant", "rule", "live"] | None = None
    """The bound is a percentage of this baseline's value. Without a live release `live` means the rule."""
    by: str | None = None
    """Judge the worst slice by this column (`source.column`, or a column of the row) among those with enough rows."""
    candidates: int | None = Field(None, ge=1)
    """For latencies: rows, or candidates of a list, per request."""
    allow: Literal["insufficient"] | None = None
    """Let a release pass where there is too little evidence; recorded."""
    why: str | None = None
    """The reason, for readers."""

    @model_validator(mode="after")
    def _one_bound(self) -> Requirement:
        given = [n for n in ("at_most", "at_least", "better_than") if getattr(self, n) is not None]
        if len(given) != 1:
            came = " and ".join(given) or "none"
            raise ValueError(f"a requirement needs exactly one of at_most, at_least, better_than; came: {came}")
        if self.relative_to and not (self.at_most or self.at_least):
            raise ValueError("relative_to goes with at_most or at_least")
        return self
