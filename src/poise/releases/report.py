"""`report.html`: the evidence as one page that anybody concerned can read. Self-contained: no script, nothing fetched.

Whose requirements hold stands first, then what the decisions are worth, then each model with what it costs and where it
is weak, then what is not known. The layout is in `report.html.jinja`, the look in `report.css`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from poise import __version__
from poise.evaluation.words import plain
from poise.releases import charts, wording
from poise.releases.evidence import DecisionEvidence, Evidence, Judged, ObjectiveEvidence, SliceResult, VerdictResult
from poise.releases.wording import clean, money

WORST = 10
"""Slices that are shown."""
FEATURES = 12
"""Features that are shown; the rest are summed up."""
CLASSES = 12
"""Classes that are shown; the rest are summed up."""

LABELS = {
    "rows": "rows in all",
    "usable": "with a truth that can be learned from",
    "immature": "too recent: the truth may still come in",
    "not_given": "left out, as the condition did not hold",
    "unmatched": "without any matching row",
    "impossible": "whose truth can never be known",
    "no_time": "without a time to predict at",
    "multiple": "with several matching rows (the earliest counts)",
}
"""What labels are counted as, in words, in this order; others follow by their own names."""


def render(evidence: Mapping[str, Any] | Evidence) -> str:
    """The page, as HTML text. What the evidence lacks is said not to be measured.

    Raises `StateError` where the evidence is of a newer format, or a value is not what it should be.

    >>> "Not judged yet" in render({"system": "shop", "purpose": "Sell more."})
    True
    """
    known = Evidence.of(evidence)
    return _ENVIRONMENT.get_template("report.html.jinja").render(e=known, made_by=f"Poise {__version__}")


def headline(evidence: Evidence) -> tuple[str, str, str]:
    """Symbol, sentence and tone of the whole verdict.

    >>> headline(Evidence.of({"verdict": "released", "requirements": [{"who": "ops", "status": "pass"}]}))[1]
    'Released: the one requirement holds.'
    """
    if evidence.verdict is None:
        return "○", "Not judged yet: a candidate that no requirement has been put to.", "unsure"
    if evidence.verdict == "refused":
        stays = f" {evidence.live} stays live." if evidence.live else " Nothing goes live."
        by = list(dict.fromkeys(verdict.who for verdict in evidence.refusals))
        return "✗", f"Refused{f' by {_and(by)}' if by else ''}.{stays}", "bad"
    return "✓", f"Released: {_tally(evidence.requirements)}.", "good"


def decision_words(decision: DecisionEvidence) -> str:
    """What deciding by the models is worth against the best that is decided without, weighed as the file says.

    Empty where there is nothing to compare.
    """
    worth: dict[str, float] = {}
    for term in decision.terms:
        weight = decision.weights.get(term.term)
        if term.value is not None:
            worth[term.policy] = worth.get(term.policy, 0.0) + term.value * (1.0 if weight is None else weight)
    others = {policy: value for policy, value in worth.items() if policy != "model"}
    if "model" not in worth or not others:
        return ""
    best = max(others, key=lambda policy: others[policy])
    names = {term.term for term in decision.terms}
    unit = decision.terms[0].unit if len(names) == 1 else None
    what = f"{next(iter(names))} comes" if len(names) == 1 else "the weighed terms come"
    return (
        f"Where the models decide, {what} to {money(worth['model'], unit)} per row on average; the best without them "
        f"({charts.policy_words(best)}) to {money(others[best], unit)}. More is better."
    )


def action_shares(decision: DecisionEvidence) -> list[tuple[str, float | None]]:
    """How often each action is chosen, the most frequent first."""
    return sorted(decision.chosen_share.items(), key=lambda item: -(item[1] or 0.0))


def worst_slices(judged: Judged) -> tuple[SliceResult, ...]:
    """The slices with the worst scores, the worst first; slices of other metrics than the first one's are left out."""
    scored = [one for one in judged.slices if one.score is not None]
    scored = [one for one in scored if one.metric == scored[0].metric]
    bigger = {metric.name: metric.bigger_is_better for metric in judged.metrics}
    direction = bigger.get(scored[0].metric or "") if scored else None
    if direction is not None:
        scored.sort(key=lambda one: one.score or 0.0, reverse=not direction)
    return tuple(scored[:WORST])


def label_rows(objective: ObjectiveEvidence) -> list[tuple[str, int]]:
    """What became of the labels, in words; what did not occur is left out."""
    named = [(words, objective.labels.get(key)) for key, words in LABELS.items()]
    named += [(plain(key), n) for key, n in objective.labels.items() if key not in LABELS]
    return [(words, n) for words, n in named if n]


def class_rows(objective: ObjectiveEvidence) -> list[tuple[str, int]]:
    """Rows per class, the largest first, those beyond the first few in one line."""
    ranked = sorted(((name, n) for name, n in objective.balance.items() if n is not None), key=lambda item: -item[1])
    rest = ranked[CLASSES:]
    return ranked[:CLASSES] + ([(f"{len(rest)} more", sum(n for _, n in rest))] if rest else [])


def importance_words(objective: ObjectiveEvidence) -> str:
    """What the chart of features leaves out."""
    rest = [f.share for f in objective.importance[FEATURES:] if f.share is not None]
    if not rest:
        return ""
    return f"{len(rest)} more feature{'s' * (len(rest) > 1)}: {wording.share(sum(rest))} together."


def _tally(verdicts: tuple[VerdictResult, ...]) -> str:
    if not verdicts:
        return "nobody requires anything of it"
    held = sum(verdict.status == "pass" for verdict in verdicts)
    if held == len(verdicts):
        return "the one requirement holds" if held == 1 else f"all {held} requirements hold"
    said = [f"{held} of {len(verdicts)} requirements hold"]
    for status, words in (
        ("insufficient", "with too little evidence was allowed"),
        ("cannot tell", "cannot be told yet"),
    ):
        if n := sum(verdict.status == status for verdict in verdicts):
            said.append(f"{n} {words}")
    return ", ".join(said)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _finalize(value: Any) -> Any:
    """Every text that reaches the page: cleaned (Jinja escapes it after)."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = ("figure", "count", "share", "span", "amount", "day", "moment", "metric_words", "meaning")
    made.filters |= {name: getattr(wording, name) for name in words}
    made.filters |= {"plain": plain, "action_shares": action_shares}
    made.filters |= {"measured": wording.measured, "verdict_words": wording.verdict_words}
    made.filters |= {"worst_slices": worst_slices, "label_rows": label_rows, "class_rows": class_rows}
    made.filters |= {"headline": headline, "decision_words": decision_words, "importance_words": importance_words}
    made.globals |= {"charts": charts, "extent": wording.extent, "money": money, "FEATURES": FEATURES}
    return made


_ENVIRONMENT = _environment()
