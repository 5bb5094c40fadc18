"""From scored rows to decisions as callers see them: every action with its score and terms, and which was chosen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from poise.serving.decision_id import DecisionIds
from poise.serving.score import Scored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poise.decisions.choose import Choice, Chooser


class Decider:
    """Chooses for n rows at once, under whatever weights are live, and gives each decision its id."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._ids = DecisionIds()

    def decide(self, scored: Scored, weights: Mapping[str, float], now: int) -> list[dict[str, Any]]:
        """One object per row: `decision_id` (made at `now`, microseconds), `chosen`, `actions` with the best first,
        `left_out` with the reason, and `fallback`: whether the rule's action was taken since none had a score."""
        columns = {name: scored.features[name] for name in self._chooser.extra_names()}
        choice = self._chooser.choose(scored.predictions, columns, weights)
        scores = choice.scores.tolist()
        terms = {name: values.tolist() for name, values in choice.terms.items()}
        return [
            {
                "decision_id": self._ids.new(now),
                "chosen": choice.actions[chosen],
                "fallback": fallback,
                "actions": _ranked(choice.actions, scores[row], {name: values[row] for name, values in terms.items()}),
                "left_out": _left_out(choice, row) if any(map(math.isnan, scores[row])) else [],
            }
            for row, (chosen, fallback) in enumerate(zip(choice.chosen.tolist(), choice.fallback.tolist(), strict=True))
        ]


def _ranked(actions: tuple[str, ...], scores: list[float], terms: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    """The actions that have a score, the highest first; a term that does not count may be missing (null)."""
    order = sorted((j for j in range(len(actions)) if not math.isnan(scores[j])), key=lambda j: -scores[j])
    return [
        {
            "action": actions[j],
            "score": scores[j],
            "terms": {name: None if math.isnan(values[j]) else values[j] for name, values in terms.items()},
        }
        for j in order
    ]


def _left_out(choice: Choice, row: int) -> list[dict[str, str]]:
    return [{"action": action, "why": why} for action, why in choice.left_out(row).items()]
