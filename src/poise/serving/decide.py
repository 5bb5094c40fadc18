"""From scored rows to decisions as callers see them: every action with its score and terms, and which was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from poise.decisions.explore_actions import SEEDS, draw_actions
from poise.serving import decision_log
from poise.serving.decision_id import DecisionIds
from poise.serving.limited import Limited, Took, used_up
from poise.serving.live import Live
from poise.serving.score import Scored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from poise.decisions.choose import Choice, Chooser
    from poise.spec.capacity import Capacity


class Decider:
    """Chooses for n rows at once, under whatever weights are live, and gives each decision its id."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._ids = DecisionIds()

    def places(self, made: list[dict[str, Any]]) -> NDArray[np.int64]:
        """Of prices: which of the rows at every price stands for each decision, (n,)."""
        at = {action: j for j, action in enumerate(self._chooser.actions)}
        return np.array([row * len(at) + at[one["chosen"]] for row, one in enumerate(made)], np.int64)

    def decide(
        self,
        scored: Scored,
        live: Live,
        now: int,
        seed: int,
        *,
        keep: bool = False,
        limited: Limited | None = None,
        counting: bool = True,
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """One object per row: `decision_id` (made at `now`, microseconds), `chosen` with its `propensity`, the `policy`
        it was drawn from, `actions` with the best first, `left_out` with the reason, and `fallback`: whether the rule's
        action was taken since none had a score; and, with `keep`, what the log keeps of them. The same `seed` draws the
        same actions. limited: of actions that may be taken only so often; counting: whether these count."""
        columns = {name: scored.features[name] for name in self._chooser.extra_names()}
        choice = self._chooser.choose(scored.predictions, columns, live.values)
        explored = live.among_actions.to_dict(seed)
        if limited is not None:
            explore, rule = live.among_actions, self._chooser.rule
            took = limited.take(choice.scores, choice.terms, rule, explore, seed, now, counting=counting)
            made = self._answers(choice, took.policy, took.drawn, now, explored)
            _say_held(made, choice, took, limited.capacity)
            kept = decision_log.choices_of(made, choice, took.policy, took.drawn, took.first, explored) | {
                "capacity": {a: {"price": p, "from": took.periods[a].start} for a, p in took.prices.items()}
            }
            return made, kept if keep else {}
        policy = live.among_actions.policy(choice.chosen, ~np.isnan(choice.scores))
        drawn = draw_actions(policy, seed)
        made = self._answers(choice, policy, drawn, now, explored)
        if self._chooser.decision.prices is not None:
            for one in made:
                one["price"] = float(one["chosen"])
        return made, decision_log.choices_of(made, choice, policy, drawn, choice.chosen, explored) if keep else {}

    def _answers(
        self,
        choice: Choice,
        policy: NDArray[np.float64],
        drawn: NDArray[np.int64],
        now: int,
        explored: Mapping[str, Any] | None,
    ) -> list[dict[str, Any]]:
        gone = np.isnan(choice.scores)
        order = np.argsort(np.where(gone, np.inf, -choice.scores), axis=1, kind="stable").tolist()
        eligible = (len(choice.actions) - gone.sum(axis=1)).tolist()
        scores, terms = choice.scores.tolist(), _by_row(choice.terms)
        chosen, fallback, chances = drawn.tolist(), choice.fallback.tolist(), policy.tolist()
        return [
            {
                "decision_id": self._ids.new(now),
                "chosen": choice.actions[chosen[row]],
                "fallback": fallback[row],
                "propensity": chances[row][chosen[row]],
                "policy": dict(zip(choice.actions, chances[row], strict=True)),
                "explored": explored and {**explored, "seed": (explored["seed"] + row) % SEEDS},
                "actions": [
                    {"action": choice.actions[j], "score": scores[row][j], "terms": terms[row][j]}
                    for j in order[row][: eligible[row]]
                ],
                "left_out": [] if eligible[row] == len(choice.actions) else _left_out(choice, row),
            }
            for row in range(len(scores))
        ]


def _say_held(made: list[dict[str, Any]], choice: Choice, took: Took, capacity: Mapping[str, Capacity]) -> None:
    """What capacities did to each row: the price of each limited action, how often it was taken with this row, and
    that it could not be taken any more."""
    for row, one in enumerate(made):
        one["capacity"] = {
            action: {
                "at_most": capacity[action].at_most,
                "every": capacity[action].every,
                "used": int(used[row]),
                "price": took.prices[action],
            }
            for action, used in took.used.items()
        }
        shut = [action for action, closed in took.closed.items() if closed[row]]
        if shut:
            why = {action: used_up(capacity[action]) for action in shut}
            one["actions"] = [named for named in one["actions"] if named["action"] not in why]
            one["left_out"] = [
                *({"action": action, "why": said} for action, said in why.items()),
                *(named for named in one["left_out"] if named["action"] not in why),
            ]
        charge = took.prices
        one["actions"].sort(key=lambda named: charge.get(named["action"], 0.0) - named["score"])
        top = choice.actions[int(took.first[row])]
        if one["actions"] and one["actions"][0]["action"] != top:  # level with its price: not taken
            one["actions"].sort(key=lambda named: named["action"] != top)


def _by_row(terms: Mapping[str, NDArray[np.float64]]) -> list[list[dict[str, float]]]:
    """Row -> action -> term -> value. A term that is missing is NaN, which the encoder writes as null."""
    values = np.stack(list(terms.values()), axis=-1).tolist()
    return [[dict(zip(terms, action, strict=True)) for action in row] for row in values]


def _left_out(choice: Choice, row: int) -> list[dict[str, str]]:
    return [{"action": action, "why": why} for action, why in choice.left_out(row).items()]
