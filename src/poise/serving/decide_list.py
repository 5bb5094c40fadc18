"""From scored candidates to a list as callers see it: what is shown at which place, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from poise.serving import decision_log
from poise.serving.decision_id import DecisionIds
from poise.serving.list_rows import CANDIDATES, ReceivedList
from poise.serving.live import Live
from poise.serving.score import Scored

if TYPE_CHECKING:
    from poise.decisions.rank import Ranker

MOST_LEFT_OUT = 1_000
"""Candidates that an answer names with the reason why they are not shown; it says how many there were."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """The candidates of one request in order, best first.

    terms: term -> (n,); allowed: what `where` says, (n,); order: those that may be shown; sorted_by: the scores, or
    where none has one (`fallback`) the rule's values, (n,).
    """

    terms: Mapping[str, Floats]
    scores: Floats
    allowed: Floats
    order: NDArray[np.int64]
    sorted_by: Floats
    fallback: bool


class ListDecider:
    """Lists the candidates of one request at a time, under whatever weights are live, and gives each list its id."""

    def __init__(self, ranker: Ranker) -> None:
        assert ranker.decision.item is not None
        self._ranker = ranker
        self._item = ranker.decision.item
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
        ranked = self._ranked(scored, live.values)
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
            "left_out": self._left_out(received, ranked, shown, live),
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

    def _ranked(self, scored: Scored, weights: Mapping[str, float]) -> _Ranked:
        columns = scored.features.select(self._read)
        terms = self._ranker.terms(scored.predictions, columns)
        scores = self._ranker.score(terms, weights)
        shown = {} if self._ranker.rule_only else terms  # nothing is known of any term where nothing was learned
        allowed = self._ranker.where(columns)
        eligible = allowed == 1
        order, fallback = self._ranker.order(scores, eligible, scores)
        if not fallback:
            return _Ranked(shown, scores, allowed, order, scores, fallback)
        rule = self._ranker.rule(columns)  # it sorts only where no score does, so it is mostly not asked for
        order, fallback = self._ranker.order(scores, eligible, rule)
        return _Ranked(shown, scores, allowed, order, rule, fallback)

    def _shown(
        self,
        number: str,
        received: ReceivedList,
        ranked: _Ranked,
        shown: NDArray[np.int64],
        propensity: Floats,
    ) -> list[dict[str, Any]]:
        """One object per place. A score or term that is missing is NaN, which the encoder writes as null."""
        rows = shown.tolist()
        scores = ranked.sorted_by[shown].tolist()
        names = list(ranked.terms)
        terms = zip(*(ranked.terms[name][shown].tolist() for name in names), strict=True) if names else [()] * len(rows)
        return [
            {
                "impression_id": f"{number}.{place}",
                self._item: received.items[row],
                "position": place,
                "score": score,
                "terms": dict(zip(names, worth, strict=True)),
                "propensity": chance,
            }
            for place, (row, score, worth, chance) in enumerate(
                zip(rows, scores, terms, propensity.tolist(), strict=True), start=1
            )
        ]

    def _left_out(
        self, received: ReceivedList, ranked: _Ranked, shown: NDArray[np.int64], live: Live
    ) -> list[dict[str, Any]]:
        """Why each of the others is not shown: first those that could not be, then by rank, with the scores
        by which the list can be drawn again."""
        item, items = self._item, received.items
        out = self._repeated(received)
        allowed, count, gone = ranked.allowed, len(ranked.order), set(shown.tolist())
        closed = np.flatnonzero(allowed != 1)
        for row, value in zip(closed[:MOST_LEFT_OUT].tolist(), allowed[closed[:MOST_LEFT_OUT]].tolist(), strict=True):
            out.append({item: items[row], "why": self._why_not if value == 0 else self._why_unknown})
        if count + len(closed) < len(items):  # never where the rule sorts, which sorts all that may be shown
            for row in np.flatnonzero((allowed == 1) & np.isnan(ranked.scores)).tolist()[:MOST_LEFT_OUT]:
                out.append({item: items[row], "why": f"missing: {', '.join(_missing(ranked.terms, live, row))}"})
        out = out[: MOST_LEFT_OUT - min(count, live.exploration.top)]  # room for all that took part
        rows = ranked.order[: max(0, MOST_LEFT_OUT - len(out)) + len(gone)]
        why = _ranks(len(rows), count, len(gone), live.exploration.on)
        out += [
            {item: items[row], "why": rank, "score": score}
            for row, rank, score in zip(rows.tolist(), why, ranked.sorted_by[rows].tolist(), strict=True)
            if row not in gone
        ]
        return out[:MOST_LEFT_OUT]

    def _repeated(self, received: ReceivedList) -> list[dict[str, Any]]:
        if not received.repeated:
            return []
        item_at = dict(zip(received.at, received.items, strict=True))
        return [
            {self._item: item_at[first], "why": f"repeated: {CANDIDATES}[{first}] is the same"}
            for _, first in received.repeated[:MOST_LEFT_OUT]
        ]


@lru_cache(maxsize=64)
def _ranks(ranks: int, count: int, shown: int, explored: bool) -> tuple[str, ...]:
    """What those that were ranked first to last are told; lists are mostly of few lengths."""
    how = f"of {count}{' by score' if explored else ''}; {shown} {'is' if shown == 1 else 'are'} shown"
    return tuple(f"ranked {rank} {how}" for rank in range(1, ranks + 1))


def _missing(terms: Mapping[str, Floats], live: Live, row: int) -> list[str]:
    return [term for term, values in terms.items() if live.values[term] and np.isnan(values[row])]
