"""Triggers: whether there is a reason to learn again now, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poise.clock import to_text
from poise.monitoring.finding import Finding
from poise.spec.freeze import Freeze, freeze
from poise.spec.units import duration_text
from poise.spec.updates import Updates

LEAST_NEW = 0.01
"""Drift and decay are reasons only with so many new labels as a share of those at the last try (and 100 of them):
before that, the same rows would only be learned again."""
LEAST_ROWS = 100
DRIFT = ("feature_drift", "score_drift")
"""Monitors that see what comes in, or what is predicted, move. An alarm of any other which says that performance moved
is decay."""
PERFORMANCE = ("performance", "estimate", "calibration", "slices", "terms", "requirements")
"""Monitors whose alarm is decay by itself."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What triggers are told: now and when was last tried, by the system's clock (microseconds; None: never), the
    labels that are mature now and were then, whether the lake holds anything new, and what monitors found."""

    now: int
    last: int | None
    mature: Mapping[str, int]
    before: Mapping[str, int]
    anything_new: bool
    findings: Sequence[Finding] = ()

    @property
    def new(self) -> int:
        """New mature labels of the objective that has the most."""
        return max((n - self.before.get(name, 0) for name, n in self.mature.items()), default=0)

    @property
    def known(self) -> int:
        """The mature labels at the last try, of the objective that had the most."""
        return max(self.before.values(), default=0)


def reasons(spec: Updates, facts: Facts) -> list[str]:
    """Why to learn again, in sentences; none where there is no reason.

    >>> facts = Facts(10**12, 0, {"late": 2200}, {"late": 2000}, True)
    >>> reasons(Updates(when=("labels",)), facts)
    ['200 new labels are known, and 10% of 2,000 were waited for']
    """
    found: list[str] = []
    if spec.every is not None and facts.anything_new and (facts.last is None or facts.now - facts.last >= spec.every):
        found.append(f"it is done every {duration_text(spec.every)}")
    if "labels" in spec.when and facts.new >= labels_needed(spec, facts):
        share = spec.labels if isinstance(spec.labels, float) and spec.labels <= 1 else None
        wanted = f"{spec.labels:,.0f}" if share is None else f"{100 * share:.3g}% of {facts.known:,}"
        found.append(f"{facts.new:,} new labels are known, and {wanted} were waited for")
    if not asks_monitors(spec, facts):
        return found
    if "drift" in spec.when:
        found += [f"drift: {one.what}" for one in facts.findings if one.monitor in DRIFT and one.level == "alarm"]
    if "decay" in spec.when:
        found += [f"decay: {one.what}" for one in facts.findings if _decay(one)]
    return found


def asks_monitors(spec: Updates, facts: Facts) -> bool:
    """Whether what monitors find could be a reason."""
    return bool({"drift", "decay"} & set(spec.when)) and facts.new >= max(LEAST_ROWS, LEAST_NEW * facts.known)


def labels_needed(spec: Updates, facts: Facts) -> float:
    """How many new labels are a reason by themselves."""
    share = isinstance(spec.labels, float) and spec.labels <= 1
    return max(1.0, spec.labels * facts.known if share else spec.labels)


def _decay(finding: Finding) -> bool:
    """Whether a finding says that what is live got worse."""
    worse = finding.monitor in PERFORMANCE or (finding.moved is True and finding.monitor not in DRIFT)
    return finding.level == "alarm" and worse


def cooling(spec: Updates, facts: Facts, zone: str) -> str | None:
    """That it is too soon, as a sentence; None where it is not."""
    if facts.last is None or facts.now - facts.last >= spec.cooldown:
        return None
    until = to_text(facts.last + spec.cooldown, zone)
    return f"the last try was at {to_text(facts.last, zone)}, and nothing is tried again before {until}"


def frozen(spec: Updates, now: int, zone: str) -> Freeze | None:
    """The freeze window that holds now; of several any one denies."""
    return next((one for one in map(freeze, spec.freeze) if one.holds(now, zone)), None)
