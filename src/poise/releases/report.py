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
from poise.releases import charts, list_wording, wording
from poise.releases.evidence import DecisionEvidence, Evidence, Judged, ObjectiveEvidence, SliceResult
from poise.releases.summary import decision_words, headline
from poise.releases.wording import clean

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
    "censored": "hidden by the action that was taken: what came of them is not known",
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


def term_names(evidence: Evidence) -> list[str]:
    """The terms of the decision."""
    decision = evidence.decision
    if decision is None:
        return []
    return list(dict.fromkeys([*decision.weights, *(one.term for one in decision.terms)]))


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


def label_rows(objective: ObjectiveEvidence) -> list[tuple[str, int, bool]]:
    """What became of the labels, in words; True for a class of those above it. What did not occur is left out."""
    named = [(words, objective.labels.get(key)) for key, words in LABELS.items()]
    named += [(plain(key), n) for key, n in objective.labels.items() if key not in LABELS]
    rows = [(words, n, False) for words, n in named if n]
    at = next((i + 1 for i, row in enumerate(rows) if row[0] == LABELS["usable"]), len(rows))
    return [*rows[:at], *class_rows(objective), *rows[at:]]


def class_rows(objective: ObjectiveEvidence) -> list[tuple[str, int, bool]]:
    """Rows per class, the largest first, those beyond the first few in one line."""
    ranked = sorted(
        ((name, n, True) for name, n in objective.balance.items() if n is not None), key=lambda row: -row[1]
    )
    rest = ranked[CLASSES:]
    return ranked[:CLASSES] + ([(f"{len(rest)} more", sum(n for _, n, _ in rest), True)] if rest else [])


def overall(judged: Judged, metric: str | None) -> float | None:
    """The score of all judged rows, to compare slices with."""
    return next((one.value for one in judged.metrics if one.name == metric), None)


def importance_words(objective: ObjectiveEvidence) -> str:
    """What the chart of features leaves out."""
    rest = [f.share for f in objective.importance[FEATURES:] if f.share is not None]
    if not rest:
        return ""
    return f"{len(rest)} more feature{'s' * (len(rest) > 1)}: {wording.share(sum(rest))} together."


def _finalize(value: Any) -> Any:
    """Every text that reaches the page: cleaned (Jinja escapes it after)."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_WORDS = (
    list_wording.differs_words,
    list_wording.exploration_words,
    list_wording.gain_words,
    list_wording.list_words,
    list_wording.over_words,
    list_wording.score_table,
    list_wording.silent_words,
    list_wording.known_words,
    list_wording.shown_words,
    list_wording.sorted_words,
    list_wording.term_table,
    wording.figure,
    wording.cell,
    wording.count,
    wording.share,
    wording.span,
    wording.amount,
    wording.day,
    wording.moment,
    wording.meaning,
    wording.measured,
    wording.compared,
    wording.counted_words,
    wording.metric_words,
    wording.verdict_words,
    wording.policy_words,
)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = (
        term_names,
        action_shares,
        worst_slices,
        label_rows,
        overall,
        importance_words,
        headline,
        decision_words,
        plain,
    )
    made.filters |= {filter_.__name__: filter_ for filter_ in (*own, *_WORDS)}
    made.globals |= {"charts": charts, "extent": wording.extent, "cell": wording.cell, "money": wording.money}
    made.globals |= {"FEATURES": FEATURES}
    return made


_ENVIRONMENT = _environment()
