"""The evidence in a few lines for a terminal: who says what, what is used for each objective, what decisions are worth.

Plain text; the command line colours it by the symbol that a line begins with. The page says more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.evaluation.words import plain
from poise.releases.evidence import DecisionEvidence, Evidence, ObjectiveEvidence, VerdictResult
from poise.releases.list_part import TermResult
from poise.releases.list_wording import list_words
from poise.releases.wording import clean, extent, figure, money, policy_words, verdict_words


def summary(evidence: Mapping[str, Any] | Evidence) -> list[str]:
    """One line per fact, without line ends: the verdict, each requirement, each objective, the decision, the unknown.

    Raises `StateError` where the evidence cannot be read.

    >>> verdict = {"who": "ops", "status": "fail", "sentence": "ops refuses: late.auc 0.61 < 0.68; live stays r3"}
    >>> print("\\n".join(summary({"system": "shop", "candidate": "c4", "live": "r3", "verdict": "refused",
    ...                         "requirements": [verdict]})))
    ✗ shop c4: refused by ops; r3 stays live
      ✗ ops refuses: late.auc 0.61 < 0.68; live stays r3
    """
    known = Evidence.of(evidence)
    symbol, sentence, _ = headline(known)
    first = sentence.rstrip(".")
    lines = [f"{symbol} {known.system} {known.name}: {first[0].lower()}{first[1:]}"]
    lines += [f"  {verdict_words(one)[0]} {one.sentence or one.text}" for one in known.requirements]
    for name, one in known.objectives.items():
        lines.append(f"  {name}: {_objective(one)}")
        if one.outsorted:
            lines.append(f"  ○ {name}: {one.outsorted}")
    if known.decision and (said := decision_words(known.decision)):
        lines.append(f"  {said}")
    lines += [f"  not known: {one}" for one in known.unknown]
    return [clean(line.replace("\n", " ")) for line in lines]


def headline(evidence: Evidence) -> tuple[str, str, str]:
    """Symbol, sentence and tone of the whole verdict.

    >>> headline(Evidence.of({"verdict": "released", "requirements": [{"who": "ops", "status": "pass"}]}))[1]
    'Released: the one requirement holds.'
    """
    if evidence.verdict is None:
        return "○", "Not judged yet: no requirement has been put to this candidate.", "unsure"
    if evidence.verdict == "refused":
        stays = f"{evidence.live} stays live" if evidence.live else "nothing goes live"
        by = list(dict.fromkeys(verdict.who for verdict in evidence.refusals))
        return "✗", f"Refused{f' by {_and(by)}' if by else ''}; {stays}.", "bad"
    return "✓", f"Released: {_tally(evidence.requirements)}.", "good"


def decision_words(decision: DecisionEvidence) -> str:
    """What deciding by the models is worth against the best that is decided without, weighed as the file says.

    Empty where there is nothing to compare.

    >>> terms = [{"term": "cost", "unit": "USD", "policy": "model", "value": -2.31, "low": -2.5, "high": -2.1},
    ...          {"term": "cost", "unit": "USD", "policy": "always warn", "value": -2.37, "low": -2.5, "high": -2.2}]
    >>> decision_words(DecisionEvidence(terms=terms))
    'Where the models decide, cost comes to −2.31 USD per row on average, more than the −2.37 USD of the best without
    them (always warn). The two ranges overlap: chance may be all there is to this.'
    """
    if decision.item is not None:
        return list_words(decision)
    by_policy: dict[str, list[TermResult]] = {}
    for term in decision.terms:
        by_policy.setdefault(term.policy, []).append(term)
    worth = {policy: _weighed(terms, decision) for policy, terms in by_policy.items()}
    known = {policy: value for policy, value in worth.items() if value is not None}
    others = {policy: value for policy, value in known.items() if policy not in ("model", "live")}
    if "model" not in known or not others:
        return ""
    best = max(others, key=lambda policy: others[policy])
    names = list(dict.fromkeys(term.term for term in decision.terms))
    shown = known if len(names) > 1 else {policy: by_policy[policy][0].value for policy in known}  # in its own unit
    unit = decision.terms[0].unit if len(names) == 1 else None
    what = f"{names[0]} comes" if len(names) == 1 else "the weighed terms come"
    than = "more than" if known["model"] > others[best] else "no more than"
    said = (
        f"Where the models decide, {what} to {money(shown['model'], unit)} per row on average, {than} the "
        f"{money(shown[best], unit)} of the best without them ({policy_words(best)})."
    )
    if len(names) == 1 and _overlap(by_policy["model"][0], by_policy[best][0]):
        said += " The two ranges overlap: chance may be all there is to this."
    return said


def _weighed(terms: list[TermResult], decision: DecisionEvidence) -> float | None:
    """The terms of one policy by their weights (1 where none is known); None where a term was not measured."""
    total = 0.0
    for term in terms:
        weight = decision.weights.get(term.term)
        if term.value is None:
            return None
        total += term.value * (1.0 if weight is None else weight)
    return total


def _overlap(one: TermResult, other: TermResult) -> bool:
    ends = (one.low, one.high, other.low, other.high)
    if any(end is None for end in ends):
        return False
    low, high, other_low, other_high = (end or 0.0 for end in ends)
    return low <= other_high and other_low <= high


def _objective(one: ObjectiveEvidence) -> str:
    """The rung in use with its score on the judged rows, beside the baselines'."""
    said = [one.chosen or "nothing chosen"]
    metric = next((m for m in one.judge.metrics if m.name == one.metric), None) if one.judge else None
    if metric is None or one.judge is None:
        return f"{said[0]}, not measured"
    limits = extent(metric.low, metric.high)
    said.append(f"{plain(metric.name)} {figure(metric.value)}{f' ({limits})' if limits else ''}")
    said += [f"{name} {figure(scores.get(metric.name))}" for name, scores in one.judge.baselines.items()]
    return ", ".join(said)


def _tally(verdicts: tuple[VerdictResult, ...]) -> str:
    if not verdicts:
        return "nobody requires anything of it"
    held = sum(verdict.status == "pass" for verdict in verdicts)
    if held == len(verdicts):
        return "the one requirement holds" if held == 1 else f"all {held} requirements hold"
    said = [f"{held} of {len(verdicts)} requirements hold"]
    open_ends = {"insufficient": "allowed with too little evidence", "cannot tell": "cannot be told yet"}
    for status, words in open_ends.items():
        if n := sum(verdict.status == status for verdict in verdicts):
            said.append(f"{n} {words}")
    return ", ".join(said)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
