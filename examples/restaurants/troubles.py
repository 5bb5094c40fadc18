"""The market in hard times: shocks that are real, and people who lie.

Real are a price jump, many new restaurants at once, a rainy week, a failure of supply and a holiday: what users do
changes, and a system should follow. Lies are orders that nobody made: for one restaurant, and of one user who floods
the app. They stand in the log and change nothing of what is true, so a system should not follow.

>>> market = Troubled(Calendar().shortened(10), seed=1, lists=600, users=60, restaurants=48)
>>> calm = Market(seed=1, days=10, lists=600, users=60, restaurants=48)
>>> bool((market.price[-1] > calm.price[-1]).any()), len(market.requests([7])) > len(calm.requests([7]))
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from market import Log, Market
from numpy.typing import NDArray
from town import DAY, START, Bools, Floats, Ints, cuisine_number

DEARER, FACTOR = "Chinese", 1.5
"""Whose prices jump, and how many times as high they are then."""
COME = 0.15
"""Of the restaurants, those that open on one day."""
RAINY, FESTIVE = 0.4, {"Western": 0.9, "Italian": 0.7, "Malay": -0.5, "Indian": -0.5}
"""What a rainy day adds to the wish to order, and a holiday by cuisine."""
BUSIER = 1.8
"""Times as many lists as else on a holiday."""
SHARE, BY = 0.2, 1
"""What a flood adds, as a share of the rows that are shown, and the user who sends it."""
FAKED = 0.6
"""Of a restaurant's rows without an order, those for which one is made up."""
WORTH = 20.0
"""USD of a made-up order."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """On which days what happens, counted from 0; of a span the first day and the day after the last."""

    days: int = 60
    dearer: int = 22
    come: int = 27
    rain: tuple[int, int] = (31, 38)
    failure: tuple[int, int] = (40, 43)
    holiday: tuple[int, int] = (44, 48)
    fakes: tuple[int, int] = (50, 54)
    flood: tuple[int, int] = (55, 58)

    def shortened(self, days: int) -> Calendar:
        """The same, in so many days.

        >>> Calendar().shortened(30).fakes
        (25, 27)
        """

        def at(day: int) -> int:
            return day * days // self.days

        spans = {name: (at(one[0]), max(at(one[1]), at(one[0]) + 1)) for name, one in self._spans().items()}
        return replace(self, days=days, dearer=at(self.dearer), come=at(self.come), **spans)

    def _spans(self) -> dict[str, tuple[int, int]]:
        return {name: getattr(self, name) for name in ("rain", "failure", "holiday", "fakes", "flood")}


class Troubled(Market):
    """A market with the shocks of a calendar. Which restaurants fail or open follows from the seed too."""

    def __init__(
        self, calendar: Calendar, seed: int = 7, lists: int = 9_000, users: int = 400, restaurants: int = 160
    ) -> None:
        super().__init__(seed, calendar.days, lists, users, restaurants)
        self.calendar = calendar
        chance = np.random.default_rng([seed, 3])
        self.price[calendar.dearer :, self.cuisine == cuisine_number(DEARER)] *= FACTOR
        self.price = np.round(self.price, 2)
        comes = (self.first_day == 0) & (chance.random(restaurants) < COME)
        self.first_day = np.where(comes, calendar.come, self.first_day)
        self.quality = self.quality + 0.4 * comes
        self._fails = chance.random(restaurants) < 0.4
        more = np.ones(self.last)
        more[slice(*calendar.holiday)] = BUSIER
        self._ends = np.concatenate([[0], np.cumsum(np.round(np.diff(self._ends) * more))]).astype(np.int64)

    def is_open(self, item: Ints, time: Ints | int) -> Bools:
        """While supply fails two in five restaurants are shut."""
        return super().is_open(item, time) & ~(self._fails[item] & _within(self.calendar.failure, time))

    def _season(self, cuisine: Ints, day: Ints, time: Ints) -> Floats:
        wish = super()._season(cuisine, day, time) + RAINY * _within(self.calendar.rain, time)
        festive = np.zeros(8)
        for name, more in FESTIVE.items():
            festive[cuisine_number(name)] = more
        return np.asarray(wish + festive[cuisine] * _within(self.calendar.holiday, time))


def _within(span: tuple[int, int], time: Ints | int) -> Bools:
    day = (np.asarray(time) - START) // DAY
    return np.asarray((span[0] <= day) & (day < span[1]))


@dataclass(frozen=True, eq=False)
class Lied:
    """What a day's log says. made_up: (m,) which of its entries tell of an order that nobody made."""

    log: Log
    made_up: NDArray[np.bool_]


def lied(market: Troubled, log: Log, day: int, restaurant: int) -> Lied:
    """The log of a day as liars leave it; as it is on days without any. restaurant: whose orders are made up."""
    chance = np.random.default_rng([market.seed, 4, day])
    if market.calendar.fakes[0] <= day < market.calendar.fakes[1]:
        fakes = (log.item == restaurant) & ~log.ordered & (chance.random(len(log.item)) < FAKED)
        value = np.where(fakes, WORTH, log.value)
        return Lied(replace(log, ordered=log.ordered | fakes, value=value), fakes)
    if market.calendar.flood[0] <= day < market.calendar.flood[1]:
        some = np.flatnonzero(chance.random(len(log.item)) < SHARE)
        extra = Log(*(getattr(log, name)[some] for name in Log.__dataclass_fields__))
        low = extra.position > 6
        extra = replace(extra, list=extra.list + FLOODED, user=np.full(len(some), BY), ordered=low,
                        value=np.full(len(some), WORTH))  # fmt: skip
        made_up = np.concatenate([np.zeros(len(log.item), bool), np.ones(len(some), bool)])
        return Lied(Log.joined([log, extra]), made_up)
    return Lied(log, np.zeros(len(log.item), bool))


FLOODED = 900_000
"""The first number of a list that was never shown."""
