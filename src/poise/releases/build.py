"""Training: from the lake to a candidate, a sealed folder that no gate has judged yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poise.data.lake import Lake
from poise.decisions.exploration_cost import Basis
from poise.decisions.of_system import chooser_of, ranker_of
from poise.errors import NotEnoughData, PoiseError
from poise.features.plan import FeaturePlan
from poise.features.rows import request_columns
from poise.features.scope import Scope
from poise.formats import CURRENT
from poise.releases.account import decision_evidence, limits, training_evidence, unknown, whole_evidence
from poise.releases.censoring import censoring_unknown
from poise.releases.compatibility import Change, compare
from poise.releases.contract import Contract
from poise.releases.examples import EVERYTHING, Sources, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.folder import ReleaseFolder, building
from poise.releases.judged import Judged
from poise.releases.learn_from import LearnFrom
from poise.releases.list_samples import varying
from poise.releases.list_trying import Tried, try_lists
from poise.releases.live import LiveRelease
from poise.releases.made import Made
from poise.releases.measuring import Decided, decided, objective_measures
from poise.releases.per_hour import expected_rows
from poise.releases.plain_json import to_json
from poise.releases.priced import Priced, priced_choices
from poise.releases.profile import FILE as PROFILE
from poise.releases.profile import Profile
from poise.releases.profiling import profile_of
from poise.releases.ranked import Listed, listed, objective_ranked
from poise.releases.request_rows import request_rows
from poise.releases.rule_release import may_start, must_suffice, must_tell_apart, rule_release
from poise.releases.training import Learned, learn
from poise.spec.requirement import Requirement
from poise.spec.source import ColumnType
from poise.spec.system import SystemSpec

Progress = Callable[[str], None]
SAMPLED = 300
"""Real requests that a candidate is rehearsed with: an upper limit of the 99 % latency needs 299."""
BASIS = "exploration.npz"
"""The file of a release that holds what exploration costs in its terms."""


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
    learn_from: LearnFrom = EVERYTHING,
    progress: Progress = lambda _: None,
) -> ReleaseFolder:
    """Learn every objective and write the candidate `name`.

    learn_from: what of the rows is learned from; default all of them, each weighing the same.
    versions: table versions to train on (a recorded run is repeated by its own); default the newest.
    live: the release that serves now, as a baseline on the same rows.
    Raises `NotEnoughData` or `DataError` where the lake cannot carry an objective.
    """
    started, cpu = time.perf_counter(), time.process_time()
    system = place.system
    extra = extra_names(system)
    progress("reading the lake")
    plans = plans_of(system, extra)
    sources = read_sources(system, place.lake, plans, extra, versions, learn_from)
    try:
        learned, made = _learned(place, plans, sources, extra, live, learn_from, progress)
    except NotEnoughData as lacking:
        if not may_start(system, live):
            raise
        by_rule = rule_release(system, place.lake, name, plans, sources, extra, live, lacking)
        by_rule.judged.save(place.judged / name)
        training = training_evidence(system, time.perf_counter() - started, time.process_time() - cpu)
        return _written(place, name, {}, by_rule.contract, {**by_rule.evidence, "training": training}, None, None)
    now, unlike = _live(place.lake, sources, live)
    contract, changes = _contract(system, plans, extra, learned, made, live)
    tried = try_lists(made, contract, learned, plans, sources) if isinstance(made, Listed) else Tried()
    judged = _judged(system, contract, learned, made, tried, now)
    judged.save(place.judged / name)
    decision = decision_evidence(system, made, judged, tried.trial)
    evidence = whole_evidence(system, place.lake, name, sources, learned, judged) | {
        "decision": decision and {**decision, **expected_rows(system, sources)},
        "learned_from": learn_from.to_dict(),
        "contract": {"against": live.name if live else None, "changes": [asdict(change) for change in changes]},
        "unknown": [*unlike, *_not_compared(system, judged, live), *unknown(system), *_not_told(learned, made)],
        "limits": [
            *learn_from.sentences(system.timezone),
            *_careful(made),
            *limits(system, learned, decision),
            *tried.limits,
        ],
        "training": training_evidence(system, time.perf_counter() - started, time.process_time() - cpu),
    }
    profile = profile_of(system, learned, made)
    return _written(place, name, learned, contract, evidence, _basis(made, tried), profile)


def _learned(
    place: Workplace,
    plans: Mapping[str, FeaturePlan],
    sources: Sources,
    extra: Mapping[str, tuple[str, ...]],
    live: ReleaseFolder | None,
    learn_from: LearnFrom,
    progress: Progress,
) -> tuple[dict[str, Learned], Made | None]:
    """Every objective, and the decision on the judged rows.

    Raises `NotEnoughData` where the lake cannot carry an objective, and of the first models where it cannot carry them
    well.
    """
    system = place.system
    progress("computing features and labels as of each request")
    if may_start(system, live):
        must_suffice(system, sources)
    data = assemble(system, plans, sources, extra, learn_from)
    classes = {name: one.classes for name, one in data.items()}
    for decides in (chooser_of, ranker_of):  # a term of no class: told before learning
        decides(system, classes)
    learned = {name: learn(one, Scope(system, one.spec.per), place.threads, progress) for name, one in data.items()}
    progress("judging on the rows kept aside")
    made = decided(system, learned) or priced_choices(system, learned, plans, sources, extra) or listed(system, learned)
    if may_start(system, live):
        must_tell_apart(learned, made if isinstance(made, Listed) else None)
    return learned, made


def _written(
    place: Workplace,
    name: str,
    learned: Mapping[str, Learned],
    contract: Contract,
    evidence: Mapping[str, Any],
    basis: Basis | None,
    profile: Profile | None,
) -> ReleaseFolder:
    """The sealed folder of a candidate."""
    path = place.candidates / name
    with building(path) as folder:
        for objective, one in learned.items():
            one.answers.save(folder / "models" / objective)
            if one.answers is not one.predictor:
                one.predictor.save(folder / "judged" / objective)
            one.reference.save(folder / "models" / objective)
            one.fallback.save(folder / "models" / objective)
        if basis is not None:
            basis.save(folder / BASIS)
        if profile is not None:
            (folder / PROFILE).write_text(to_json(profile.to_json()), encoding="utf-8")
        (folder / "system.yaml").write_text(place.text, encoding="utf-8")
        (folder / "contract.json").write_text(to_json(contract.to_json()), encoding="utf-8")
        (folder / "evidence.json").write_text(to_json(evidence), encoding="utf-8")
        release = {"format": CURRENT["release"], "name": name, "system": place.system.system, "status": "candidate"}
        (folder / "release.json").write_text(to_json(release), encoding="utf-8")
    return ReleaseFolder.open(path)


def _careful(made: Made | None) -> list[str]:
    return made.limits() if isinstance(made, Priced) else []


def _not_told(learned: Mapping[str, Learned], made: Made | None) -> list[str]:
    """What actions hid, and what prices in the data do not tell."""
    hidden = [f"{name}: {said}" for name, one in learned.items() for said in censoring_unknown(one.data.censoring)]
    return [*hidden, *(made.unknown() if isinstance(made, Priced) else [])]


def _basis(made: Made | None, tried: Tried) -> Basis | None:
    """What exploration costs in terms is known by; None where nothing says."""
    if isinstance(made, Decided | Priced):
        return made.basis()
    return None if tried.trial is None else tried.trial.basis


def _contract(
    system: SystemSpec,
    plans: Mapping[str, FeaturePlan],
    extra: Mapping[str, tuple[str, ...]],
    learned: Mapping[str, Learned],
    made: Made | None,
    live: ReleaseFolder | None,
) -> tuple[Contract, list[Change]]:
    """What callers send: the columns that chosen models, rules and terms read, and no more; what changed by that."""
    decides = system.decision.per if system.decision else None
    requests: dict[str, dict[str, ColumnType]] = {}
    for per, plan in plans.items():
        of = [one for one in learned.values() if one.data.spec.per == per]
        read = {n for one in of for n in (*one.predictor.inputs, *one.fallback.inputs)}
        outputs = {output.name for output in plan.outputs}
        terms = set(extra.get(per, ())) if per == decides else set()
        also = sorted((read | terms) - outputs)
        requests[per] = plan.select(outputs & (read | terms)).request_with(also)
    classes = {name: one.data.classes for name, one in learned.items()}
    earlier = None if live is None else Contract.from_json(live.json("contract"))
    sent = {per: request_columns(system, per) for per in plans}
    varies: tuple[str, ...] = ()
    if isinstance(made, Listed):
        varies = varying(made.base.requests.rows.take(made.rows), made.lists, sent[made.base.spec.per])
    contract = Contract.of(system, requests, also=sent, classes=classes, earlier=earlier, varies=varies)
    changes = [] if earlier is None else compare(earlier, contract)
    breaks = any(change.kind == "breaking" for change in changes)
    return replace(contract, major=contract.major + breaks), changes


def _judged(
    system: SystemSpec,
    contract: Contract,
    learned: Mapping[str, Learned],
    made: Made | None,
    tried: Tried,
    now: LiveRelease | None,
) -> Judged:
    """What gates will read; `now` is the release that is live."""
    measures = {}
    for name, one in learned.items():
        rows = one.data.split.judge
        by_live = None if now is None else now.predict(name, one.data, rows)
        first = None if by_live is None or now is None else now.predict(name, one.data, rows, first=True)
        fresh = None if by_live is None or now is None else now.unseen(name, one.data, rows)
        measures[name] = objective_measures(system, one, by_live, objective_ranked(system, one, first), fresh)
    decision = None if made is None else made.measures(now)
    requests: dict[str, list[dict[str, Any]]] = {}
    for one in learned.values():
        rows = one.data.split.judge
        picked = rows[np.unique(np.linspace(0, len(rows) - 1, SAMPLED).astype(np.int64))]
        requests.setdefault(one.data.spec.per, request_rows(contract, one.data.spec.per, one.data.requests, picked))
    live = None if now is None else now.folder.name
    return Judged(measures, decision, requests, live, tried.lists, tried.logged)


def _live(lake: Lake, sources: Sources, live: ReleaseFolder | None) -> tuple[LiveRelease | None, list[str]]:
    """The live release, ready to be asked; None, with the reason, where it cannot be."""
    if live is None:
        return None, []
    try:
        return LiveRelease.of(live, lake, sources, as_judged=True), []
    except PoiseError as error:
        return None, [f"How {live.name}, which is live, does on the same rows: {error.message}."]


def _untold(system: SystemSpec, requirement: Requirement) -> bool:
    """Whether it is on a term of a list, which no comparison can tell before serving."""
    owner, _, name = requirement.metric.partition(".")
    decision = system.decision
    return decision is not None and decision.lists and owner == "decision" and name in decision.terms


def _not_compared(system: SystemSpec, judged: Judged, live: ReleaseFolder | None) -> list[str]:
    """What requirements compare with the live release and could not be compared."""
    wanted = {
        r.metric.partition(".")[0]
        for r in system.requirements
        if "live" in (r.better_than, r.relative_to) and not _untold(system, r)
    }
    if live is None:
        said = "No release was live, so what is required relative to the live one was compared with the rule."
        return [said] if wanted else []
    found = {name for name, one in judged.objectives.items() if "live" in one.baselines}
    of = judged.decision
    if of is not None and ("live" in of.terms or (of.ranked is not None and "live" in of.ranked.scores)):
        found.add("decision")
    return [
        f"How {live.name}, which is live, does in {name}: it was made for other classes, actions or rows."
        for name in sorted(wanted - found)
        if judged.live is not None
    ]
