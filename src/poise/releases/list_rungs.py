"""The rungs of an objective by how well each of them sorts: what was chosen for its predictions need not sort best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poise.evaluation.bootstrap import mean_interval
from poise.evaluation.lists import Lists
from poise.evaluation.measures import Floats, Ranked
from poise.evaluation.spread import LEVEL
from poise.evaluation.words import number
from poise.releases.list_scores import list_score, shown_metric, telling
from poise.releases.training import Learned

METRIC = "ndcg"


def rung_orders(learned: Learned, ranked: Ranked | None) -> list[dict[str, Any]]:
    """How well each rung alone sorts the judged lists by what it predicts at the first place, simplest first.

    The relevance is the label of the objective. `gain` is by how much a rung sorts better than the chosen one, list
    by list. Each end is one-sided at 95 %, of gains for all rungs together (Bonferroni): with three rungs beside the
    chosen one each at 98.3 %. Empty where no list's order matters.
    """
    if ranked is None or not learned.sorting or not telling(metric := shown_metric(METRIC, ranked.show), ranked):
        return []
    lists, chosen = Lists.of(ranked.codes), learned.climb.chosen
    blocks = ranked.blocks.take(lists.first)
    scores: dict[str, Floats] = {**learned.sorting, chosen: ranked.scores["model"]}
    own = metric.per_list(lists, ranked.relevance, scores[chosen])
    level = 1 - (1 - LEVEL) / max(len(scores) - 1, 1)
    found = []
    for step in learned.climb.steps:
        score = list_score(metric, ranked, ranked.relevance, scores[step.rung])
        row = {"rung": step.rung, **{key: score[key] for key in ("metric", "value", "low", "high", "lists")}}
        if step.rung != chosen:
            theirs = metric.per_list(lists, ranked.relevance, scores[step.rung])
            gain = mean_interval(theirs - own, blocks, level).to_dict()
            row |= {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
        found.append(row)
    return found


def outsorted(orders: Sequence[dict[str, Any]], chosen: str) -> str | None:
    """A warning where a rung simpler than the chosen one sorts better beyond chance; None where none does.

    >>> orders = [{"rung": "rule", "metric": "ndcg@10", "value": 0.71, "gain": 0.03, "gain_low": 0.01},
    ...           {"rung": "trees", "metric": "ndcg@10", "value": 0.68}]
    >>> outsorted(orders, "trees")
    'By itself the rule sorts lists better than trees, beyond chance: ndcg@10 0.71 against 0.68 (a gain of 0.03, at
    least 0.01). trees is used because it predicts better; `rungs: [rule]` would sort by the rule.'
    """
    at = next((i for i, one in enumerate(orders) if one["rung"] == chosen), 0)
    better = [one for one in orders[:at] if (one.get("gain_low") or 0.0) > 0]
    if not better:
        return None
    best, own = max(better, key=lambda one: float(one["value"])), orders[at]
    scores = f"{own['metric']} {number(best['value'])} against {number(own['value'])}"
    return (
        f"By itself the {best['rung']} sorts lists better than {chosen}, beyond chance: {scores} (a gain of"
        f" {number(best['gain'])}, at least {number(best['gain_low'])}). {chosen} is used because it predicts better;"
        f" `rungs: [{best['rung']}]` would sort by the {best['rung']}."
    )
