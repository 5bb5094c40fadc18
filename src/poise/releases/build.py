"""Training: from the lake to a candidate, a sealed folder that no gate has judged yet."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poise.clock import Clock, to_text
from poise.data.lake import Lake
from poise.data.quarantine import held
from poise.decisions.of_system import chooser_of
from poise.errors import PoiseError
from poise.evaluation.policies import policy_values
from poise.evaluation.words import number
from poise.features.plan import FeaturePlan
from poise.features.rows import request_columns
from poise.features.scope import Scope
from poise.formats import CURRENT
from poise.releases.compatibility import Change, compare
from poise.releases.contract import Contract
from poise.releases.examples import Sources, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.findings import objective_evidence
from poise.releases.folder import ReleaseFolder, building
from poise.releases.judged import Judged
from poise.releases.live import LiveRelease
from poise.releases.measuring import Decided, decided, objective_measures, request_rows
from poise.releases.plain_json import to_json
from poise.releases.training import Learned, learn
from poise.spec.source import ColumnType
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME

Progress = Callable[[str], None]
SAMPLED = 300
"""Real requests that a candidate is rehearsed with: an upper limit of the 99 % latency needs 299."""
EXAMPLES = 3
"""Real requests that stand in the release, the newest first, for documentation and the printed curl."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What training works on: the file, its text as read, the lake, and where candidates and judged rows go."""

    system: SystemSpec
    text: str
    lake: Lake
    candidates: Path
    judged: Path
    threads: int = 2


def train(
    place: Workplace,
    name: str,
    *,
    versions: Mapping[str, int] | None = None,
    live: ReleaseFolder | None = None,
    progress: Progress = lambda _: None,
) -> ReleaseFolder:
    """Learn every objective and write the candidate `name`.

    versions: table versions to train on (a recorded run is repeated by its own); default the newest.
    live: the release that serves now, as a baseline on the same rows.
    Raises `NotEnoughData` or `DataError` where the lake cannot carry an objective.
    """
    started, cpu = time.perf_counter(), _cpu()
    system = place.system
    extra = extra_names(system)
    progress("reading the lake")
    plans = plans_of(system, extra)
    sources = read_sources(system, place.lake, plans, extra, versions)
    progress("computing features and labels as of each request")
    data = assemble(system, plans, sources, extra)
    chooser_of(system, {name: one.classes for name, one in data.items()})  # a term of no class: told before learning
    learned = {
        objective: learn(one, Scope(system, one.spec.per), place.threads, progress) for objective, one in data.items()
    }
    progress("judging on the rows kept aside")
    contract, changes = _contract(system, plans, extra, learned, live)
    now, unlike = _live(place.lake, sources, live)
    made = decided(system, learned)
    judged = _judged(place, contract, learned, made, now)
    judged.save(place.judged / name)
    evidence = _evidence(place, name, sources, learned, judged) | {
        "decision": _decision(system, made, judged),
        "contract": {"against": live.name if live else None, "changes": [asdict(change) for change in changes]},
        "unknown": [*unlike, *_not_compared(system, judged, live), *_unknown(system)],
        "limits": _limits(system, learned, made),
        "training": _training(system, time.perf_counter() - started, _cpu() - cpu),
    }
    return _written(place, name, learned, contract, evidence)


def _written(
    place: Workplace, name: str, learned: Mapping[str, Learned], contract: Contract, evidence: Mapping[str, Any]
) -> ReleaseFolder:
    """The sealed folder of a candidate."""
    path = place.candidates / name
    with building(path) as folder:
        for objective, one in learned.items():
            one.predictor.save(folder / "models" / objective)
        (folder / "system.yaml").write_text(place.text, encoding="utf-8")
        (folder / "contract.json").write_text(to_json(contract.to_json()), encoding="utf-8")
        (folder / "evidence.json").write_text(to_json(evidence), encoding="utf-8")
        release = {"format": CURRENT["release"], "name": name, "system": place.system.system, "status": "candidate"}
        (folder / "release.json").write_text(to_json(release), encoding="utf-8")
    return ReleaseFolder.open(path)


def _contract(
    system: SystemSpec,
    plans: Mapping[str, FeaturePlan],
    extra: Mapping[str, tuple[str, ...]],
    learned: Mapping[str, Learned],
    live: ReleaseFolder | None,
) -> tuple[Contract, list[Change]]:
    """What callers send: the columns that chosen models, rules and terms read, and no more; what changed by that."""
    decides = system.decision.per if system.decision else None
    requests: dict[str, dict[str, ColumnType]] = {}
    for per, plan in plans.items():
        read = {n for one in learned.values() if one.data.spec.per == per for n in one.predictor.inputs}
        outputs = {output.name for output in plan.outputs}
        terms = set(extra.get(per, ())) if per == decides else set()
        also = sorted((read | terms) - outputs)
        requests[per] = plan.select(outputs & (read | terms)).request_with(also)
    classes = {name: one.data.classes for name, one in learned.items()}
    earlier = None if live is None else Contract.from_json(live.json("contract"))
    sent = {per: request_columns(system, per) for per in plans if system.sources[per].request is not None}
    contract = Contract.of(system, requests, also=sent, classes=classes, earlier=earlier)
    changes = [] if earlier is None else compare(earlier, contract)
    breaks = any(change.kind == "breaking" for change in changes)
    return replace(contract, major=contract.major + breaks), changes


def _judged(
    place: Workplace,
    contract: Contract,
    learned: Mapping[str, Learned],
    made: Decided | None,
    now: LiveRelease | None,
) -> Judged:
    """What gates will read; `now` is the release that is live."""
    by_live = {n: None if now is None else now.predict(n, one.data, one.data.split.judge) for n, one in learned.items()}
    measures = {n: objective_measures(place.system, one, by_live[n]) for n, one in learned.items()}
    decision = None if made is None else made.measures(now)
    requests: dict[str, list[dict[str, Any]]] = {}
    for one in learned.values():
        rows = one.data.split.judge
        picked = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLED).astype(np.int64))]
        requests.setdefault(one.data.spec.per, request_rows(contract, one.data.spec.per, one.data.requests, picked))
    return Judged(measures, decision, requests, None if now is None else now.folder.name)


def _live(lake: Lake, sources: Sources, live: ReleaseFolder | None) -> tuple[LiveRelease | None, list[str]]:
    """The live release, ready to be asked; None, with the reason, where it cannot be."""
    if live is None:
        return None, []
    try:
        return LiveRelease.of(live, lake, sources), []
    except PoiseError as error:
        return None, [f"How {live.name}, which is live, does on the same rows: {error.message}."]


def _not_compared(system: SystemSpec, judged: Judged, live: ReleaseFolder | None) -> list[str]:
    """What requirements compare with the live release and could not be compared."""
    wanted = {r.metric.partition(".")[0] for r in system.requirements if "live" in (r.better_than, r.relative_to)}
    if live is None:
        said = "No release was live, so what is required relative to the live one was compared with the rule."
        return [said] if wanted else []
    found = {name for name, one in judged.objectives.items() if "live" in one.baselines}
    if judged.decision is not None and "live" in judged.decision.terms:
        found.add("decision")
    return [
        f"How {live.name}, which is live, does in {name}: it was made for other classes, actions or rows."
        for name in sorted(wanted - found)
        if judged.live is not None
    ]


def _evidence(
    place: Workplace,
    name: str,
    sources: Sources,
    learned: Mapping[str, Learned],
    judged: Judged,
) -> dict[str, Any]:
    system = place.system
    zone = system.timezone
    return {
        "format": CURRENT["evidence"],
        "system": system.system,
        "purpose": system.purpose,
        "candidate": name,
        "created": to_text(Clock().now(), zone),
        "data": {"sources": {s: _source(place.lake, sources, s, zone) for s in sorted(sources.histories)}},
        "objectives": {n: objective_evidence(one, judged.objectives[n], zone) for n, one in learned.items()},
        "examples": {per: rows[-EXAMPLES:][::-1] for per, rows in judged.requests.items()},
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


def _decision(system: SystemSpec, made: Decided | None, judged: Judged) -> dict[str, Any] | None:
    if system.decision is None:
        return None
    return {
        "actions": list(system.decision.choose),
        "weights": {term: system.decision.weights.get(term, 1.0) for term in system.decision.terms},
        "chosen_share": {} if made is None else made.shares(),
        "terms": [] if judged.decision is None else policy_values(judged.decision),
        "calibration": [] if made is None else made.calibration(),
    }


def _unknown(system: SystemSpec) -> list[str]:
    if system.decision is None:
        return []
    return [
        "Whether actions change outcomes: the worth of each action is computed from what came true, as if the"
        " outcome did not depend on the action. Only an experiment can tell."
    ]


def _limits(system: SystemSpec, learned: Mapping[str, Learned], made: Decided | None) -> list[str]:
    said = [
        f"Where {found['action']} is chosen, its {found['term']} is predicted as {number(found['predicted'])} per row"
        f" and came to {number(found['realised'])}: the difference is more than chance."
        for found in ([] if made is None else made.calibration())
        if found["off"] and found["over"] == "chosen"
    ]
    for name, one in learned.items():
        split = one.data.split
        if split.kind == "entity":
            said.append(
                f"{name} was judged on rows drawn at random, as the data have no time: how long it holds is not known."
            )
        seen = max(split.to_dict(system.timezone)["judge"]["rows"], 0)
        if seen < 1000:
            said.append(f"{name} was judged on {seen:,} rows only.")
    return said


def _training(system: SystemSpec, seconds: float, core_seconds: float) -> dict[str, Any]:
    price = system.costs.core_hour if system.costs else None
    return {
        "seconds": seconds,
        "core_seconds": core_seconds,
        "cost": None if price is None else price * core_seconds / 3600,
        "currency": system.costs.currency if system.costs else None,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _cpu() -> float:
    return time.process_time()
