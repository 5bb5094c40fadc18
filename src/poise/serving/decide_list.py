"""From scored candidates to a list as callers see it: what is shown at which place, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from poise.serving import decision_log
from poise.serving.decision_id import DecisionIds
from poise.serving.list_entries import ListEntries
from poise.serving.list_rows import CANDIDATES, ReceivedList
from poise.serving.live import Live
from poise.serving.score import Scored

if TYPE_CHECKING:
    from poise.decisions.rank import Ranked, Ranker

MOST_LEFT_OUT = 1_000
"""Candidates that an answer names with the reason why they are not shown; it says how many there were."""

Floats = NDArray[np.float64]


class ListDecider:
    """Lists the candidates of one request at a time, under whatever weights are live, and gives each list its id."""

    def __init__(self, ranker: Ranker) -> None:
        assert ranker.decision.item is not None
        self._ranker = ranker
        self._entries = ListEntries(ranker.decision.item, () if ranker.rule_only else tuple(ranker.decision.terms))
        self._show = ranker.decision.show
        self._read = tuple(sorted(ranker.extra_names()))
        self._why_not, self._why_unknown = ranker.why_not(0.0), ranker.why_not(np.nan)
        self._ids = DecisionIds()

    def decide(
        self,
        received: ReceivedList,
        scored: Scored,
        live: Live,
        now: int,
        seed: int,
        head: Mapping[str, Any],
        *,
        keep: bool = False,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answer: `decision_id` (made at `now`, microseconds), `head`, `weights`, `shown`, `left_out`, `fallback`,
        `explored`, `unknown`; and, with `keep`, what the log keeps of it. The same `seed` draws the same list."""
        items, exploration = received.items, live.exploration
        ranked = self._ranker.rank(scored.predictions, scored.features.select(self._read), live.values)
        order, worth = ranked.order.tolist(), ranked.made.tolist()
        scores = worth.pop() if ranked.rule is None else ranked.rule.tolist()
        terms = dict(zip(ranked.names, worth, strict=False))
        if exploration.on:
            drawn = exploration.draw(ranked.sorted_by[ranked.order], self._show, seed)
            ranks, propensity = drawn.order.tolist(), drawn.propensity.tolist()
            shown = [order[rank] for rank in ranks]
        else:
            shown = order[: self._show]
            ranks, propensity = range(len(shown)), [1.0] * len(shown)
        number = self._ids.new(now)
        explored = exploration.to_dict(seed)
        answer = {
            "decision_id": number,
            **head,
            "weights": live.version,
            "shown": self._entries.shown(number, shown, items, scores, terms.values(), propensity),
            "left_out": self._left_out(received, ranked, order, scores, ranks, live),
            "left_out_count": len(items) + len(received.repeated) - len(shown),
            "fallback": ranked.fallback,
            "explored": explored,
            "unknown": scored.unknown,
        }
        if not keep:
            return answer, {}
        allowed = None if ranked.allowed is None or len(order) == len(items) else ranked.allowed.tolist()
        kept = decision_log.list_of(number, items, scores, terms, allowed, shown, propensity, explored)
        rows = range(len(items)) if decision_log.whole_list(seed) else shown
        return answer, kept | decision_log.in_full(rows, received.rows, scored.features)

    def _left_out(
        self,
        received: ReceivedList,
        ranked: Ranked,
        order: list[int],
        scores: list[float],
        ranks: Sequence[int],
        live: Live,
    ) -> list[Any]:
        """Why each of the others is not shown: first those that could not be, then by rank, with the scores
        by which the list can be drawn again. order, scores: of `ranked`; ranks: from 0, of those that are shown."""
        items, count, explored = received.items, len(order), live.exploration.on
        out = self._repeated(received)
        if count < len(items):
            out += self._excluded(items, ranked, live)
        out = out[: MOST_LEFT_OUT - min(count, live.exploration.top)]  # room for all that took part
        most = min(count, MOST_LEFT_OUT - len(out) + len(ranks))
        told = _ranks(most, count, len(ranks), explored)
        rows, why = order[len(ranks) : most], told[len(ranks) :]
        if explored:  # else the first ones are shown
            taken = set(ranks)
            rest = [rank for rank in range(most) if rank not in taken][: MOST_LEFT_OUT - len(out)]
            rows, why = _picked(order, rest), tuple(_picked(told, rest))
        return out + self._entries.ranked(map(items.__getitem__, rows), why, map(scores.__getitem__, rows))

    def _excluded(self, items: Sequence[Any], ranked: Ranked, live: Live) -> list[Any]:
        """Those that `where` does not allow, and those without a score."""
        said, allowed = self._entries.without_score, ranked.allowed
        if allowed is None:
            allowed = np.ones(len(items))
        closed = np.flatnonzero(allowed != 1)
        first = closed[:MOST_LEFT_OUT]
        out = [
            said(items[row], self._why_not if value == 0 else self._why_unknown)
            for row, value in zip(first.tolist(), allowed[first].tolist(), strict=True)
        ]
        if len(ranked.order) + len(closed) < len(items):  # never where the rule sorts, which sorts all that are allowed
            gone = np.flatnonzero((allowed == 1) & np.isnan(ranked.scores))[:MOST_LEFT_OUT]
            out += [
                said(items[row], f"missing: {', '.join(_missing(ranked.terms, live, row))}") for row in gone.tolist()
            ]
        return out

    def _repeated(self, received: ReceivedList) -> list[Any]:
        if not received.repeated:
            return []
        item_at = dict(zip(received.at, received.items, strict=True))
        return [
            self._entries.without_score(item_at[first], f"repeated: {CANDIDATES}[{first}] is the same")
            for _, first in received.repeated[:MOST_LEFT_OUT]
        ]


def _picked(values: Sequence[Any], at: Sequence[int]) -> list[Any]:
    return list(map(values.__getitem__, at))


@lru_cache(maxsize=64)
def _ranks(ranks: int, count: int, shown: int, explored: bool) -> tuple[str, ...]:
    """What those that were ranked first to last are told; lists are mostly of few lengths."""
    how = f"of {count}{' by score' if explored else ''}; {shown} {'is' if shown == 1 else 'are'} shown"
    return tuple(f"ranked {rank} {how}" for rank in range(1, ranks + 1))


def _missing(terms: Mapping[str, Floats], live: Live, row: int) -> list[str]:
    return [term for term, values in terms.items() if live.values[term] and np.isnan(values[row])]
