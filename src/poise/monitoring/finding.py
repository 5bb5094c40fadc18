"""What a monitor found: what, since when, how much, whom it concerns, and whether performance moved with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from poise.clock import to_text

Level = Literal["alarm", "notice", "fine", "unknown"]
RANK: Mapping[str, int] = {"alarm": 0, "notice": 1, "unknown": 2, "fine": 3}
"""What is read first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a monitor says of one subject.

    `alarm` asks for somebody's attention, `notice` is worth knowing (drift that costs nothing), `fine` was looked at,
    `unknown` could not be (yet). Frozen, so that reports, gauges and triggers read the same.

    >>> found = Finding("PM03", "feature_drift", "temp moved by KS 0.31", "temp", "alarm", 0, 0.31, "KS", (0, 0.1))
    >>> found.to_dict()["since"], found.to_dict()["limits"]
    ('1970-01-01T00:00:00+00:00', [0.0, 0.1])
    """

    code: str
    """Stable: `PM03`."""
    monitor: str
    """The name of the monitor: `feature_drift`."""
    what: str
    """What was found, in a few words."""
    subject: str
    """A feature, column, objective, term, source or requirement."""
    level: Level
    since: int | None = None
    """The first T from which it holds, in microseconds; None where that is not told."""
    size: float | None = None
    """How much, in `unit`: an effect size, never a p-value."""
    unit: str = ""
    limits: tuple[float | None, float | None] | None = None
    """Lowest and highest `size` that is usual or required."""
    who: tuple[str, ...] = ()
    """Owners of what it concerns."""
    moved: bool | None = None
    """Whether performance moved with it; None where that is not known."""
    requirement: str | None = None
    """The requirement that it is about, as written."""
    why: str = ""
    """One plain sentence: how it is told, or why it is not an alarm."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Plain values for programs and plots: `p` (of a test, before the control of false discoveries), `objectives`
    (which it can concern), `times` and `series` (values over time)."""

    def to_dict(self, zone: str = "UTC") -> dict[str, Any]:
        """Plain values; instants as ISO 8601 in `zone`, numbers that are not finite as None."""
        limits = None if self.limits is None else [_finite(one) for one in self.limits]
        return {
            "code": self.code,
            "monitor": self.monitor,
            "level": self.level,
            "what": self.what,
            "subject": self.subject,
            "since": None if self.since is None else to_text(self.since, zone),
            "size": _finite(self.size),
            "unit": self.unit,
            "limits": limits,
            "who": list(self.who),
            "moved": self.moved,
            "requirement": self.requirement,
            "why": self.why,
            "detail": plain(self.detail),
        }


def ranked(findings: list[Finding]) -> list[Finding]:
    """What to read first: by level, then sources that bring too little, which much of the rest follows from, then those
    with which performance moved, then by code and subject.

    >>> ranked([Finding("PM05", "b", "", "y", "fine"), Finding("PM03", "a", "", "x", "alarm")])[0].subject
    'x'
    """
    return sorted(
        findings, key=lambda one: (RANK[one.level], one.code != "PM02", one.moved is not True, one.code, one.subject)
    )


def plain(value: Any) -> Any:
    """JSON's values of what a finding holds: arrays as lists, what is not finite as None.

    >>> plain({"a": (1.0, float("nan"))})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return _finite(value) if isinstance(value, float) else value


def _finite(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)
