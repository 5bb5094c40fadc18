"""The stages by which a release comes to answer everybody, as the system file, the command line or an update say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from poise.errors import UsageError, did_you_mean
from poise.spec.rollout import Rollout as RolloutSpec
from poise.spec.units import parse_fraction

Begin = Literal["live", "shadow", "canary"]
Stage = Literal["shadow", "canary", "live", "undone"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a release begins, the shares, and how long it must hold.

    begin: `live` answers everybody at once. canary: share of the callers; shadow: share of the requests. sticky: the
    column by which callers keep to one release; None: the person, else each request by itself. time (microseconds) and
    answers: how long a stage must hold before the next one may follow by itself.

    >>> Plan().begin, Plan.of(RolloutSpec(), "canary=25%").canary
    ('live', 0.25)
    """

    begin: Begin = "live"
    canary: float = 0.1
    shadow: float = 0.1
    sticky: str | None = None
    time: int = 3_600_000_000
    answers: int = 1000

    @classmethod
    def of(cls, spec: RolloutSpec | None, asked: str | None = None) -> Plan:
        """As the system file says it (`rollout:`), and for this release as was asked: `live`, `shadow`, `canary`,
        `canary=25%`. Raises `UsageError` for anything else."""
        said = spec or RolloutSpec()
        plan = cls(said.begin, said.canary, said.shadow, said.sticky, said.hold.time, said.hold.answers)
        if asked is None:
            return plan
        name, _, share = asked.partition("=")
        if name not in get_args(Begin):
            hint = did_you_mean(name, get_args(Begin))
            raise UsageError(f"'{asked}' is no way to begin a rollout", hint=f"live, shadow or canary=10%; {hint}")
        plan = replace(plan, begin=name)  # type: ignore[arg-type]
        if not share:
            return plan
        if name == "live":
            raise UsageError("a release that is live answers everybody", hint="canary=10% answers a share")
        return replace(plan, **{name: share_of(share)})  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Plan:
        """As `to_dict` wrote it."""
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """As a document holds it."""
        return asdict(self)


def share_of(text: str) -> float:
    """A share as people write it, more than nobody and less than everybody. Raises `UsageError`.

    >>> share_of("25%")
    0.25
    """
    try:
        share = parse_fraction(text)
    except ValueError as error:
        raise UsageError(f"the share {error}") from None
    if not 0 < share < 1:
        raise UsageError(f"the share {text} came", hint="more than 0% and less than 100%; everybody: --advance")
    return share
