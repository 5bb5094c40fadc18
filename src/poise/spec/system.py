"""The system: what one `poise.yaml` describes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SerializeAsAny

from poise.spec.decision import Decision
from poise.spec.monitoring import Monitoring
from poise.spec.objective import Objective
from poise.spec.record import Record
from poise.spec.requirement import Requirement
from poise.spec.rollout import Rollout
from poise.spec.source import Source
from poise.spec.units import Fraction
from poise.spec.updates import Updates


class Costs(Record):
    """What running costs, so that cost can be a requirement."""

    currency: str = "USD"
    core_hour: float = Field(ge=0)
    """Price of one core for one hour."""


class Parts(Record):
    """How rows are split, in time where there is time: fractions that sum to 1."""

    fit: Fraction = 0.6
    """Models learn here."""
    tune: Fraction = 0.15
    """Numbers of rounds and strengths are chosen here."""
    calibrate: Fraction = 0.1
    """Predictions are calibrated here."""
    judge: Fraction = 0.15
    """Read by gates only, once per candidate."""


class FeatureEntry(Record):
    """One entry of `features:`: a kind and that kind's own record."""

    kind: str
    spec: SerializeAsAny[Record]


class SystemSpec(Record):
    """The whole file, read and checked."""

    format: Literal[1]
    system: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    """The name: lower-case letters, digits, - and _."""
    purpose: str
    """What the business wants, in a sentence."""
    timezone: str = "UTC"
    clock: Literal["wall", "replay"] = "wall"
    """`replay` for old data: now is the largest event time seen."""
    costs: Costs | None = None
    sources: dict[str, Source] = Field(min_length=1)
    features: tuple[FeatureEntry, ...] | None = None
    """Without a list, the request columns of the rows that are predicted for; see `poise.spec.default_features`."""
    objectives: dict[str, Objective] = Field(min_length=1)
    decision: Decision | None = None
    requirements: tuple[Requirement, ...] = ()
    parts: Parts = Parts()
    monitoring: Monitoring = Monitoring()
    rollout: Rollout | None = None
    """By which stages a new release comes to answer everybody; without it at once."""
    updates: Updates | None = None
    """When it learns again by itself, from what, and when it must not change; see `poise update`."""
