"""What a candidate would come to beside the live release, told from what that one logged while it explored.

The candidate may have other models and features: what it would have made of logged rows and candidates is computed
again, from the lake as of the same T, by its models as they were judged. Only decisions that came after everything
those learned from count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import from_text
from poise.data.lake import Lake
from poise.decisions.choose import Chooser
from poise.decisions.exploration_cost import settle
from poise.decisions.explore_actions import settle_actions
from poise.decisions.rank import Ranker
from poise.decisions.weights import applied
from poise.errors import PoiseError, StateError
from poise.evaluation.foreseen import Foreseen, Foresight
from poise.evaluation.off_policy import LoggedRows as Estimated
from poise.models.predictor import Predictor
from poise.monitoring.choice_outcomes import LoggedChoice, gather_choices
from poise.monitoring.list_outcomes import LoggedList, gather
from poise.monitoring.logged import LoggedRows
from poise.monitoring.recomputing import Recomputing
from poise.releases.folder import ReleaseFolder
from poise.serving.loaded import Loaded
from poise.table import Table

Floats = NDArray[np.float64]
MOST = 4_000
"""Lists or choices that a candidate is asked about, the newest: some hundred candidates each take about 10 s."""


def foresee(candidate: ReleaseFolder, live: ReleaseFolder, lake: Lake, weights: Mapping[str, float]) -> Foresight:
    """Each term of the decision under the candidate beside `live`, both by the live weights.

    Nothing is foreseen of a term that the two define differently, nor where the log or what the candidate was learned
    from does not allow it: then the reason is told.
    """
    try:
        new, now = Loaded.of(candidate), Loaded.of(live)
        since = _since(new)
        made = _lists(new, candidate, now, lake, weights, since) if now.ranker else None
        if made is None:
            made = _choices(new, candidate, now, lake, weights, since)
    except PoiseError as error:
        return Foresight(why_not=error.message)
    rows, before, noun = made
    told = new.evidence["objectives"][_judged_first(new)]["parts"]["judge"]["from"][:16]
    same = [term for term in rows if _alike(new, now, term)]
    return Foresight({t: Foreseen(rows[t], before[t], noun, now.release, told) for t in same})


def _judged_first(new: Loaded) -> str:
    """The objective of the decision whose judged rows begin last: what is judged later was learned from by none."""
    parts: dict[str, Any] = {name: one["parts"] for name, one in new.evidence.get("objectives", {}).items()}
    if not parts or any(part["kind"] != "time" for part in parts.values()):
        raise StateError("rows are not judged in time, so that nothing logged is known to come after what was learned")
    begins = {name: from_text(part["judge"]["from"]) for name, part in parts.items()}
    return max(parts, key=lambda name: begins[name])


def _since(new: Loaded) -> int:
    return from_text(new.evidence["objectives"][_judged_first(new)]["parts"]["judge"]["from"])


def _alike(new: Loaded, now: Loaded, term: str) -> bool:
    one, other = new.system.decision, now.system.decision
    return one is not None and other is not None and one.terms.get(term) == other.terms.get(term)


Made = tuple[dict[str, Estimated], dict[str, Estimated], str]


def _lists(
    new: Loaded, folder: ReleaseFolder, now: Loaded, lake: Lake, weights: Mapping[str, float], since: int
) -> Made:
    """The terms of the logged lists under the candidate, and under what is live."""
    ranker, decision, theirs = new.ranker, new.system.decision, now.system.decision
    if ranker is None or ranker.rule_only or decision is None or theirs is None or now.basis is None or not now.ranker:
        raise StateError("the candidate or the live release sorts by its rule alone")
    gathered = gather(now.system, now.ranker, dict(now.basis.exposure), lake, now.release, MOST, since=since)
    if gathered.log is None:
        raise StateError(_nothing(now.release, "list", gathered.count, gathered.left_out))
    whole = [_candidates(one, now) for one in gathered.records]
    kept = [n for n, sent in enumerate(whole) if sent is not None]
    if not kept:
        raise StateError("of no logged list are all candidates known as they were sent")
    log = gathered.log.only(np.array(kept, np.int64))
    sent = [one for one in whole if one is not None]
    columns = _again(new, folder, now, lake, sent, [gathered.records[n].at for n in kept])
    terms = ranker.terms(_predicted(folder, sorted(ranker.objective_names()), columns), columns)
    live, own = applied(theirs, weights), applied(decision, weights)
    before = log.under(live, settle(theirs.explore, live, now.basis, theirs.show))
    exploration = settle(decision.explore, own, new.basis, decision.show)
    return log.ranked_by(ranker.score(terms, own), ranker.where(columns) == 1, exploration), before, "list"


def _candidates(one: LoggedList, now: Loaded) -> dict[str, list[Any]] | None:
    """All candidates of a list as they were sent: what is the same in a list is known of its shown rows; None where
    something else than the item differs between them, and they were not kept in full."""
    if len(one.logged) == len(one.items):
        order = np.argsort(one.logged).tolist()
        return {name: [values[at] for at in order] for name, values in one.sent.items()}
    item = now.contract.item
    if item is None:
        return None
    varies = {field.name for field in now.contract.inputs_of(now.contract.decides_on or "") if field.varies} - {item}
    found: dict[str, list[Any]] = {}
    for name, values in one.sent.items():
        if name == item:
            found[name] = list(one.items)
        elif any(value != values[0] or (name in varies and value is not None) for value in values):
            return None
        else:
            found[name] = [values[0]] * len(one.items)
    return found


def _choices(
    new: Loaded, folder: ReleaseFolder, now: Loaded, lake: Lake, weights: Mapping[str, float], since: int
) -> Made:
    """The terms of the logged choices under the candidate, and under what is live."""
    chooser, theirs = new.chooser, now.chooser
    if chooser is None or theirs is None or chooser.actions != theirs.actions:
        raise StateError("the candidate decides among other things than the live release")
    if chooser.decision.prices is not None:
        raise StateError("what a candidate makes of every price is not computed again")
    hides = theirs.decision.censors
    gathered = gather_choices(now.system, theirs, lake, now.release, hides, MOST, since=since)
    if gathered.log is None:
        raise StateError(_nothing(now.release, "choice", gathered.count, gathered.left_out))
    sent = [_row(one) for one in gathered.rows]
    columns = _again(new, folder, now, lake, sent, [one.record.at for one in gathered.rows])
    terms = chooser.terms(_predicted(folder, sorted(chooser.objective_names()), columns), columns)
    policies = (_policy(new, chooser, terms, weights), _policy(now, theirs, gathered.log.terms, weights))
    return gathered.log.under(policies[0]), gathered.log.under(policies[1]), "choice"


def _policy(loaded: Loaded, chooser: Chooser, terms: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    live = applied(chooser.decision, weights)
    choice = chooser.weigh(terms, live)
    exploration = settle_actions(chooser.decision.explore, chooser.actions, live, loaded.basis)
    return exploration.policy(choice.chosen, ~np.isnan(choice.scores))


def _row(one: LoggedChoice) -> dict[str, list[Any]]:
    at = one.record.logged.index(one.row)
    return {name: [values[at]] for name, values in one.record.sent.items()}


def _again(
    new: Loaded,
    folder: ReleaseFolder,
    now: Loaded,
    lake: Lake,
    sent: Sequence[Mapping[str, list[Any]]],
    instants: Sequence[int | None],
) -> Table:
    """What the candidate's models and terms read, of all these rows, from the lake as of the same T."""
    decides: Chooser | Ranker | None = new.chooser or new.ranker
    assert decides is not None
    names = {name for objective in decides.objective_names() for name in _judged(folder, objective).inputs}
    columns = list(dict.fromkeys(name for one in sent for name in one))
    rows = LoggedRows(now.release, decides.decision.per, {n: [] for n in columns}, {})
    rows.features.update({name: [] for name in sorted(names | decides.extra_names())})
    for number, (one, at) in enumerate(zip(sent, instants, strict=True)):
        height = len(next(iter(one.values())))
        for name in columns:
            rows.sent[name] += one.get(name, [None] * height)
        rows.row += range(height)
        rows.decision += [str(number)] * height
        rows.placed(at, height)
    again = Recomputing(new.system, rows, lake, lake.versions(), {})
    return again.batch(np.arange(rows.height))


def _predicted(folder: ReleaseFolder, names: Sequence[str], columns: Table) -> dict[str, Floats]:
    return {name: _judged(folder, name).predict(columns) for name in names}


def _judged(folder: ReleaseFolder, objective: str) -> Predictor:
    return Predictor.load(folder.judged_model(objective))


def _nothing(release: str, noun: str, count: int, left_out: Mapping[str, int]) -> str:
    if not count:
        return f"{release} logged no {noun} since then whose outcomes are known"
    reasons = "; ".join(f"{number:,}: {why}" for why, number in left_out.items())
    return f"of {count:,} {noun}s that {release} logged since then none can be reckoned with ({reasons})"
