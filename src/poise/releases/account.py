"""What a candidate says of itself beside its objectives: the data read, the decision, what is unknown, what it took."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any

from poise.clock import Clock, to_text
from poise.data.lake import Lake
from poise.data.quarantine import held
from poise.evaluation.policies import policy_values
from poise.evaluation.words import number
from poise.formats import CURRENT
from poise.releases.examples import Sources
from poise.releases.findings import objective_evidence
from poise.releases.judged import Judged
from poise.releases.list_findings import list_evidence
from poise.releases.list_trial import Trial
from poise.releases.made import Made
from poise.releases.measuring import Decided
from poise.releases.priced import Priced
from poise.releases.ranked import Listed
from poise.releases.training import Learned
from poise.spec.decision import Decision
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

EXAMPLES = 3
"""Real requests that stand in the release, the newest first, for documentation and the printed curl."""
NOT_SHOWN = (
    "What items would have come to that were not shown: the log holds none of that. Logged lists are ranked again among"
    " the items that were shown, so these numbers tell items of a list apart and say little of what else to show."
)
SEEN_MORE = (
    "How much of what came of an item is due to its place: what stood on top was seen more. Models learn the place as"
    " a feature, which is right as far as like items stood at different places; only exploration makes sure of it."
)
UNPLACED = (
    "Where in its list an item stood: the decision names no position, so that what was shown on top may be thought"
    " better for that. Name the column as position:."
)
OTHER_PRICES = (
    "What other prices would have come to: each row says it of its own price only. What is foreseen of prices is what"
    " models expect, and holds as far as prices in the data did not depend on what else moves demand."
)
UNCHANGED = (
    "Whether actions change outcomes: the worth of each action is computed from what came true, as if the"
    " outcome did not depend on the action. Only an experiment can tell."
)


def whole_evidence(
    system: SystemSpec,
    lake: Lake,
    name: str,
    sources: Sources,
    learned: Mapping[str, Learned],
    judged: Judged,
) -> dict[str, Any]:
    """Name, data, objectives and real requests of the candidate `name`."""
    zone = system.timezone
    return {
        "format": CURRENT["evidence"],
        "system": system.system,
        "purpose": system.purpose,
        "candidate": name,
        "created": to_text(Clock().now(), zone),
        "data": {"sources": {s: _source(lake, sources, s, zone) for s in sorted(sources.histories)}},
        "objectives": {n: objective_evidence(one, judged.objectives[n], zone) for n, one in learned.items()},
        "examples": {per: rows[-EXAMPLES:][::-1] for per, rows in judged.requests.items()},
        "list_examples": judged.logged[-EXAMPLES:][::-1],
    }


def _source(lake: Lake, sources: Sources, name: str, zone: str) -> dict[str, Any]:
    history = sources.histories[name]
    timed = history.kind != "table" and history.height > 0 and history.time[-1] != MISSING_TIME
    return {
        "version": sources.versions[name],
        "rows": history.height,
        "from": to_text(int(history.time[history.time != MISSING_TIME][0]), zone) if timed else None,
        "to": to_text(int(history.time[-1]), zone) if timed else None,
        "quarantined": held(lake, name),
    }


def decision_evidence(
    system: SystemSpec, made: Made | None, judged: Judged, trial: Trial | None
) -> dict[str, Any] | None:
    """What the decision would have come to on the judged rows; of a list, how well it orders them."""
    decision = system.decision
    if decision is None:
        return None
    if decision.lists:
        ranked = None if judged.decision is None else judged.decision.ranked
        return list_evidence(made if isinstance(made, Listed) else None, decision, ranked, trial)
    if isinstance(made, Priced):
        return {**_of_actions(decision), "chosen_share": made.shares(), "priced": made.evidence()}
    chosen = made if isinstance(made, Decided) else None
    return {
        **_of_actions(decision),
        "chosen_share": {} if chosen is None else chosen.shares(),
        "terms": [] if judged.decision is None else policy_values(judged.decision),
        "calibration": [] if chosen is None else chosen.calibration(),
    }


def _of_actions(decision: Decision) -> dict[str, Any]:
    weights = {term: decision.weights.get(term, 1.0) for term in decision.terms}
    return {"actions": list(decision.actions), "weights": weights}


def unknown(system: SystemSpec) -> list[str]:
    """What the data of a decision cannot tell, in sentences."""
    if system.decision is None:
        return []
    if not system.decision.lists:
        return [UNCHANGED if system.decision.prices is None else OTHER_PRICES]
    return [NOT_SHOWN, UNPLACED if system.decision.position is None else SEEN_MORE]


def limits(system: SystemSpec, learned: Mapping[str, Learned], decision: Mapping[str, Any] | None) -> list[str]:
    """What to be careful about, in sentences; `decision` as `decision_evidence` has it."""
    said = [_off(found) for found in (decision or {}).get("calibration", ()) if found["off"] and found["over"] != "all"]
    for name, one in learned.items():
        split = one.data.split
        if split.kind == "entity":
            said.append(
                f"{name} was judged on rows drawn at random, as the data have no time: how long it holds is not known."
            )
        seen = max(split.to_dict(system.timezone)["judge"]["rows"], 0)
        if seen < 1000:
            said.append(f"{name} was judged on {seen:,} rows only.")
        if one.again is not None and one.again.predictor is not None:
            until = to_text(one.again.until, system.timezone)
            said.append(
                f"What answers {name} was learned once more after it was judged, with the same settings, from all"
                f" {len(one.again.rows):,} rows up to {until}. What was judged is kept beside it."
            )
    return said


def _off(found: Mapping[str, Any]) -> str:
    """That a term is not what was predicted where it matters."""
    amounts = f"is predicted as {number(found['predicted'])} per row and came to {number(found['realised'])}"
    if "action" in found:
        return f"Where {found['action']} is chosen, its {found['term']} {amounts}: the difference is more than chance."
    where = "Of what the models rank first" if found["over"] == "first" else "Of what would be shown"
    return f"{where}, {found['term']} {amounts}: the difference is more than chance."


def training_evidence(system: SystemSpec, seconds: float, core_seconds: float) -> dict[str, Any]:
    """What training took."""
    price = system.costs.core_hour if system.costs else None
    return {
        "seconds": seconds,
        "core_seconds": core_seconds,
        "cost": None if price is None else price * core_seconds / 3600,
        "currency": system.costs.currency if system.costs else None,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
