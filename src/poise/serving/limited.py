"""Actions that may be taken only so often: how often they were, and what one of them must gain now to be taken.

What is counted is shared by all that answers in a server; prices belong to one release, whose terms they are made of.
The thread that answers changes both; other threads only look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import HOUR, to_text
from poise.decisions.exploration_cost import Basis
from poise.decisions.explore_actions import ActionExploration, draw_actions
from poise.decisions.period import Period, hour_of, period_of
from poise.decisions.terms import Floats, utility
from poise.decisions.threshold import best, prices
from poise.spec.capacity import Capacity, Every
from poise.spec.decision import Decision

RECENT = 2_000
"""Rows that prices are learned from, the newest."""
AFRESH = 20
"""Prices are set anew after so many rows, when a period begins, and when a minute has passed."""
MINUTE = 60_000_000
STEADY = 20.0
"""So many rows of the usual pace stand beside those that came in a period, so that its first ones do not decide."""
KEPT_LEVEL = 0.7
"""What the level of the rows that come in keeps of itself from one period to the next."""


@dataclass(slots=True)
class Count:
    """What was counted in one period: how often the action was taken, of how many decisions."""

    period: Period
    used: int = 0
    seen: int = 0


class Counts:
    """How often each limited action was taken in its current period; at most one number per action is kept."""

    def __init__(self) -> None:
        self._now: dict[tuple[str, Every], Count] = {}
        self.last: dict[tuple[str, Every], Count] = {}
        """The period before the current one."""
        self.ended: list[tuple[str, Every, Count]] = []
        """Periods that are over and were not told of yet, the newest `MOST_ENDED`."""

    def of(self, action: str, every: Every, instant: int, zone: str) -> Count:
        """The count of the period that `instant` is in; one that is over begins anew. Time never goes back."""
        found = self._now.get((action, every))
        if found is None or instant >= found.period.end:
            if found is not None:
                self.last[action, every] = found
                self.ended = [*self.ended[1 - MOST_ENDED :], (action, every, found)]
            found = self._now[action, every] = Count(period_of(instant, every, zone))
        return found

    def look(self, action: str, every: Every, instant: int, zone: str) -> Count:
        """The same, from any thread: nothing begins anew by being looked at."""
        found = self._now.get((action, every))
        if found is None or instant >= found.period.end:
            return Count(period_of(instant, every, zone))
        return replace(found)

    def resume(self, action: str, every: Every, count: Count) -> None:
        """What was counted before this process began."""
        self._now[action, every] = count

    def copy(self) -> Counts:
        """The same counts, for what must not be counted (a rehearsal)."""
        made = Counts()
        made._now = {key: replace(one) for key, one in self._now.items()}
        return made


MOST_ENDED = 100


@dataclass(frozen=True, slots=True, eq=False)
class Took:
    """What n rows took. drawn: (n,), policy: (n, k), first: what exploration would set aside, (n,); held: per limited
    action its price, its period, and how often it was taken up to each row; closed: whether it could be taken, (n,)."""

    drawn: NDArray[np.int64]
    policy: Floats
    first: NDArray[np.int64]
    prices: Mapping[str, float]
    periods: Mapping[str, Period]
    used: Mapping[str, NDArray[np.int64]]
    closed: Mapping[str, NDArray[np.bool_]]


class Limited:
    """The limited actions of one release.

    basis: what each action was worth in judged rows, from which prices start. per_hour: how many decisions came in each
    hour of a day, (24,), before; None where nobody knows. Without it the pace of this process counts.
    """

    def __init__(self, decision: Decision, zone: str, basis: Basis | None, per_hour: Floats | None) -> None:
        self._decision, self._zone, self._per_hour = decision, zone, per_hour
        self._at = {action: decision.actions.index(action) for action in decision.capacity}
        self._terms = {} if basis is None else {term: values[-RECENT:] for term, values in basis.terms.items()}
        self._weights: Mapping[str, float] = {}
        self._since, self._set_at, self._began = AFRESH, 0, 0
        self.prices: dict[str, float] = dict.fromkeys(decision.capacity, 0.0)
        """What each must gain, in utility."""
        self.levels: dict[str, float] = dict.fromkeys(decision.capacity, 1.0)
        """How many times the usual number of decisions came in the last periods."""
        self._learned: dict[str, int] = {}
        self.counts = Counts()

    @property
    def capacity(self) -> Mapping[str, Capacity]:
        """Action -> how often it may be taken."""
        return self._decision.capacity

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Weights changed: prices are set anew with the next row."""
        self._weights, self._since = dict(weights), AFRESH

    def take(
        self,
        scores: Floats,
        terms: Mapping[str, Floats],
        rule: int,
        explore: ActionExploration,
        seed: int,
        now: int,
        *,
        counting: bool = True,
    ) -> Took:
        """The actions of n rows, one after the other: where a row takes the last one of a hard capacity, those behind
        it find it closed. counting: else (a rehearsal) nothing is kept of it."""
        counts = self.counts if counting else self.counts.copy()
        self._refresh(counts, now)
        n, k = scores.shape
        drawn, first, policy = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros((n, k))
        closed = {action: np.zeros(n, np.bool_) for action in self._at}
        now_counts = {a: counts.of(a, self._decision.capacity[a].every, now, self._zone) for a in self._at}
        before = {action: count.used for action, count in now_counts.items()}
        charged, start = {self._at[action]: price for action, price in self.prices.items()}, 0
        while start < n:
            shut = [a for a, count in now_counts.items() if self._hard(a) and count.used >= self._most(a)]
            at = frozenset(self._at[a] for a in shut)
            rest = slice(start, n)
            top, some = best(scores[rest], charged, at)
            top = np.where(some, top, self._unscored(rule, at))
            allowed = np.isfinite(scores[rest]) & np.array([j not in at for j in range(k)])
            chances = explore.policy(top, allowed)
            taken = draw_actions(chances, seed + start)
            upto = start + self._until_full(taken, now_counts)
            some_rows, part = slice(start, upto), upto - start
            drawn[some_rows], first[some_rows], policy[some_rows] = taken[:part], top[:part], chances[:part]
            for action in shut:
                closed[action][some_rows] = True
            for action, count in now_counts.items():
                count.used += int((drawn[some_rows] == self._at[action]).sum())
                count.seen += part
            start = upto
        if counting:
            self._remember(terms, n)
        used = {a: before[a] + np.cumsum(drawn == j) for a, j in self._at.items()}
        periods = {action: count.period for action, count in now_counts.items()}
        return Took(drawn, policy, first, dict(self.prices), periods, used, closed)

    def state(self, now: int) -> dict[str, dict[str, Any]]:
        """What to show of each: how often it may be taken, and was, until when, and its price."""
        found = {}
        for action, capacity in self._decision.capacity.items():
            count = self.counts.look(action, capacity.every, now, self._zone)
            found[action] = {
                "at_most": capacity.at_most,
                "every": capacity.every,
                "hard": capacity.hard,
                "used": count.used,
                "decisions": count.seen,
                "from": to_text(count.period.start, self._zone),
                "to": to_text(count.period.end, self._zone),
                "price": self.prices[action],
                "level": self.levels[action],
            }
        return found

    def _refresh(self, counts: Counts, now: int) -> None:
        """Sets prices anew where it is time to."""
        self._began = self._began or now
        self._learn_levels(counts)
        periods = [counts.of(a, c.every, now, self._zone).period for a, c in self._decision.capacity.items()]
        fresh = any(self._set_at < period.start for period in periods)
        if self._since < AFRESH and not fresh and now - self._set_at < MINUTE:
            return
        self._since, self._set_at = 0, now
        shares = {}
        for action, capacity in self._decision.capacity.items():
            count = counts.of(action, capacity.every, now, self._zone)
            coming = self._coming(action, count, now)
            if coming is not None:
                shares[self._at[action]] = max(0.0, (capacity.at_most - count.used) / max(coming, 1.0))
        scores = utility(self._decision, self._terms, self._weights) if self._terms else np.empty((0, 0))
        found = prices(scores, shares) if len(scores) else {}
        self.prices = {action: found.get(at, 0.0) for action, at in self._at.items()}

    def _coming(self, action: str, count: Count, now: int) -> float | None:
        """How many decisions are still to come in the period; None where nothing says."""
        if self._per_hour is None:
            gone = now - max(count.period.start, self._began)
            return None if count.seen < STEADY or gone <= 0 else count.seen / gone * (count.period.end - now)
        level = self.levels[action]
        so_far, rest = (level * self._usual(*span) for span in self._spans(count.period, now))
        return rest * (count.seen + STEADY) / (so_far + STEADY)

    def _spans(self, period: Period, now: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (period.start, now), (now, period.end)

    def _usual(self, start: int, end: int) -> float:
        """How many decisions usually come between two instants."""
        assert self._per_hour is not None
        total, at = 0.0, start
        while at < end:
            until = min(end, at - at % HOUR + HOUR)
            total += float(self._per_hour[hour_of(at, self._zone)]) * (until - at) / HOUR
            at = until
        return total

    def _learn_levels(self, counts: Counts) -> None:
        """Where a period is over, what came in it moves what is expected of the next ones."""
        for action, capacity in self._decision.capacity.items():
            over = counts.last.get((action, capacity.every))
            if over is None or over.period.start <= self._learned.get(action, -1) or self._per_hour is None:
                continue
            self._learned[action] = over.period.start
            usual = self._usual(over.period.start, over.period.end)
            if usual > 0:
                self.levels[action] = KEPT_LEVEL * self.levels[action] + (1 - KEPT_LEVEL) * over.seen / usual

    def _until_full(self, taken: NDArray[np.int64], counts: Mapping[str, Count]) -> int:
        """How many rows, from the first on, take what is left of no hard capacity, or the last of it."""
        upto = len(taken)
        for action, count in counts.items():
            if self._hard(action):
                at = np.flatnonzero(taken == self._at[action])
                left = max(0, self._most(action) - count.used)
                if len(at) > left:
                    upto = min(upto, int(at[left - 1]) + 1 if left else max(1, int(at[0])))
        return upto

    def _unscored(self, rule: int, closed: frozenset[int]) -> int:
        """What is taken where no action has a score: the rule's, or the first that may be."""
        if rule not in closed:
            return rule
        return next((j for j in range(len(self._decision.actions)) if j not in closed), rule)

    def _remember(self, terms: Mapping[str, Floats], rows: int) -> None:
        self._since += rows
        before = self._terms or {term: values[:0] for term, values in terms.items()}
        self._terms = {t: np.concatenate([before[t], values[-RECENT:]])[-RECENT:] for t, values in terms.items()}

    def _hard(self, action: str) -> bool:
        return self._decision.capacity[action].hard

    def _most(self, action: str) -> int:
        return self._decision.capacity[action].at_most


def used_up(capacity: Capacity) -> str:
    """Why an action cannot be taken.

    >>> used_up(Capacity(at_most=200, every="day"))
    'capacity: 200 a day, and all of them are used'
    """
    return f"capacity: {capacity}, and all of them are used"
