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
        ranked = self._ranker.rank(scored.predictions, scored.features.select(self._read), live.values)
        exploration = live.exploration
        drawn = exploration.draw(ranked.sorted_by[ranked.order], self._show, seed)
        shown = ranked.order[drawn.order]
        number = self._ids.new(now)
        explored = exploration.to_dict(seed)
        answer = {
            "decision_id": number,
            **head,
            "weights": live.version,
            "shown": self._shown(number, received, ranked, shown, drawn.propensity),
            "left_out": self._left_out(received, ranked, drawn.order, live),
            "left_out_count": len(received.items) + len(received.repeated) - len(shown),
            "fallback": ranked.fallback,
            "explored": explored,
            "unknown": scored.unknown,
        }
        if not keep:
            return answer, {}
        kept = decision_log.list_of(
            number, received.items, ranked.sorted_by, ranked.terms, ranked.allowed, shown, drawn.propensity, explored
        )
        rows = np.arange(len(received.items)) if decision_log.whole_list(seed) else shown
        return answer, kept | decision_log.in_full(rows, received.rows, scored.features)

    def _shown(
        self, number: str, received: ReceivedList, ranked: Ranked, shown: NDArray[np.int64], propensity: Floats
    ) -> list[Any]:
        """One object per place."""
        worth = [values[shown].tolist() for values in ranked.terms.values()]
        items, scores = _picked(received.items, shown), ranked.sorted_by[shown].tolist()
        return self._entries.shown(number, items, scores, worth, propensity.tolist())

    def _left_out(self, received: ReceivedList, ranked: Ranked, drawn: NDArray[np.int64], live: Live) -> list[Any]:
        """Why each of the others is not shown: first those that could not be, then by rank, with the scores
        by which the list can be drawn again. drawn: the ranks, from 0, of those that are shown."""
        count = len(ranked.order)
        out = self._repeated(received)
        if count < len(received.items):
            out += self._excluded(received.items, ranked, live)
        out = out[: MOST_LEFT_OUT - min(count, live.exploration.top)]  # room for all that took part
        most = min(count, MOST_LEFT_OUT - len(out) + len(drawn))
        ranks = np.arange(len(drawn), most)
        if live.exploration.on:  # else the first ones are shown
            rest = np.ones(most, np.bool_)
            rest[drawn[drawn < most]] = False
            ranks = np.flatnonzero(rest)[: MOST_LEFT_OUT - len(out)]
        rows = ranked.order[ranks]
        why = _picked(_ranks(most, count, len(drawn), live.exploration.on), ranks)
        return out + self._entries.ranked(_picked(received.items, rows), why, ranked.sorted_by[rows].tolist())

    def _excluded(self, items: Sequence[Any], ranked: Ranked, live: Live) -> list[Any]:
        """Those that `where` does not allow, and those without a score."""
        said, allowed = self._entries.without_score, ranked.allowed
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


def _picked(values: Sequence[Any], at: NDArray[np.int64]) -> list[Any]:
    return list(map(values.__getitem__, at.tolist()))


@lru_cache(maxsize=64)
def _ranks(ranks: int, count: int, shown: int, explored: bool) -> tuple[str, ...]:
    """What those that were ranked first to last are told; lists are mostly of few lengths."""
    how = f"of {count}{' by score' if explored else ''}; {shown} {'is' if shown == 1 else 'are'} shown"
    return tuple(f"ranked {rank} {how}" for rank in range(1, ranks + 1))


def _missing(terms: Mapping[str, Floats], live: Live, row: int) -> list[str]:
    return [term for term, values in terms.items() if live.values[term] and np.isnan(values[row])]
