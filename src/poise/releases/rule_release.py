"""The release of a list decision before there are models: its rule sorts, exploration gathers what to learn from.

It asks callers for everything that later models may read, so that they need not change when the first ones come, and
says in its evidence what the log lacks for those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import Clock
from poise.data.lake import Lake
from poise.decisions.terms import utility
from poise.errors import NotEnoughData
from poise.evaluation.measures import Floats
from poise.features.plan import FeaturePlan
from poise.features.rows import request_columns
from poise.releases.account import whole_evidence
from poise.releases.compatibility import Change, compare
from poise.releases.contract import Contract
from poise.releases.examples import Sources
from poise.releases.folder import ReleaseFolder
from poise.releases.invented_lists import invented_lists
from poise.releases.judged import Judged
from poise.releases.list_findings import list_evidence
from poise.releases.list_trying import CANDIDATES, LISTS, usual_candidates
from poise.releases.log_so_far import log_so_far
from poise.releases.ranked import Listed
from poise.releases.request_rows import request_rows
from poise.releases.training import Learned
from poise.spec.decision import Decision
from poise.spec.system import SystemSpec

SHOWN = 10
"""Candidates of the lists that are printed as examples."""
NOTHING_LEARNED = "no model has been learned yet, and lists are sorted by the rule"

INVENTED = "The requests that were answered here were put together at random, of users and items that the tables know."


@dataclass(frozen=True, slots=True, eq=False)
class RuleRelease:
    """What a release by the rule is made of.

    judged: requests to rehearse with, and nothing that was judged. evidence: as of any candidate, with `start`: the
    rule and what is lacking for models, and `unlearned`: why requirements cannot tell.
    """

    contract: Contract
    judged: Judged
    evidence: dict[str, Any]


def by_rule(release: ReleaseFolder | None) -> bool:
    """Whether a release has no models."""
    return release is not None and not Contract.from_json(release.json("contract")).outputs


def may_start(system: SystemSpec, live: ReleaseFolder | None) -> bool:
    """Whether the rule may serve for now: nothing is live, or the rule is. Models are not given up for it again."""
    decision = system.decision
    return decision is not None and decision.needs_no_data and (live is None or by_rule(live))


def must_suffice(system: SystemSpec, sources: Sources) -> None:
    """Raises `NotEnoughData`, which says all that is lacking, where the log cannot carry models yet."""
    lacking = [sentence for one in log_so_far(system, sources) for sentence in one.lacking]
    if lacking:
        raise NotEnoughData("; ".join(lacking))


def must_tell_apart(learned: Mapping[str, Learned], listed: Listed | None) -> None:
    """Raises `NotEnoughData` where the models tell no item of a list from another, as the rule does."""
    names = " or ".join(learned)
    if all(one.climb.chosen == "constant" for one in learned.values()):
        raise NotEnoughData(f"no model of {names} does significantly better than their average, which sorts nothing")
    if listed is not None and not _differs(utility(listed.ranker.decision, listed.first), listed.lists):
        raise NotEnoughData(f"what was learned of {names} is the same for all items of a list, which sorts nothing")


def _differs(scores: Floats, lists: NDArray[np.int64]) -> bool:
    """Whether scores (n,) differ within any list, beyond rounding. lists: (n,) the list of each row."""
    known = np.isfinite(scores)
    order = np.flatnonzero(known)[np.lexsort((scores[known], lists[known]))]
    steps = np.diff(scores[order])[np.diff(lists[order]) == 0]
    return bool((steps > 1e-9 * np.abs(scores[known]).max(initial=0.0)).any())


def rule_release(
    system: SystemSpec,
    lake: Lake,
    name: str,
    plans: Mapping[str, FeaturePlan],
    sources: Sources,
    extra: Mapping[str, Sequence[str]],
    live: ReleaseFolder | None,
    lacking: NotEnoughData,
) -> RuleRelease:
    """The candidate `name` without models; `lacking` says why. `live`: the release whose contract callers know."""
    decision = system.decision
    assert decision is not None
    contract, changes = _contract(system, plans, extra, live)
    judged = _judged(system, decision, lake, contract, sources, live)
    evidence = whole_evidence(system, lake, name, sources, {}, judged) | {
        "decision": list_evidence(None, decision, None, None),
        "contract": {"against": live.name if live else None, "changes": [asdict(change) for change in changes]},
        "start": {"rule": decision.rule, "lacking": lacking.message.split("; ")},
        "unlearned": dict.fromkeys([*system.objectives, "decision"], NOTHING_LEARNED),
        "unknown": [f"What people will want: {NOTHING_LEARNED}, {decision.rule}."],
        "limits": [INVENTED],
    }
    return RuleRelease(contract, judged, evidence)


def _contract(
    system: SystemSpec,
    plans: Mapping[str, FeaturePlan],
    extra: Mapping[str, Sequence[str]],
    live: ReleaseFolder | None,
) -> tuple[Contract, list[Change]]:
    """Everything that any model could read is asked for; nothing is predicted."""
    requests = {per: plan.request_with(extra.get(per, ())) for per, plan in plans.items()}
    sent = {per: request_columns(system, per) for per in plans}
    earlier = None if live is None else Contract.from_json(live.json("contract"))
    contract = replace(Contract.of(system, requests, also=sent, earlier=earlier), outputs=())
    changes = [] if earlier is None else compare(earlier, contract)
    return replace(contract, major=contract.major + any(change.kind == "breaking" for change in changes)), changes


def _judged(
    system: SystemSpec,
    decision: Decision,
    lake: Lake,
    contract: Contract,
    sources: Sources,
    live: ReleaseFolder | None,
) -> Judged:
    """Requests alone: lists as long as callers may send, and short ones to show."""
    size = usual_candidates(system)
    asked = invented_lists(
        system,
        lake,
        contract,
        sources.histories,
        Clock().now(),
        lists=max(20, min(LISTS, CANDIDATES // size)),
        candidates=size,
    )
    shown = asked.first(3, SHOWN)
    rows = request_rows(contract, decision.per, shown.requests, np.arange(shown.requests.height))
    return Judged(
        {},
        None,
        {decision.per: rows},
        None if live is None else live.name,
        asked.bodies(contract, decision),
        shown.bodies(contract, decision),
    )
