"""A simulated market: users of an app are shown lists of restaurants, look at some of them, and order from a few.

Everything follows from a seed, and every answer can be asked for again: what a user would have done had another list
been shown (`would`), and what any list is worth on average, without noise (`truth`, `value`). So whatever was learned
from the log can be held against the truth.

How users behave: the user examines the place p of a list with probability `exposure(p)`, whatever stands there; an
examined restaurant is ordered from with a probability that depends on user, restaurant and time alone (`truth`). Orders
of different restaurants are independent given what was examined. This is the position-based model; under it a list
sorted by what each item is worth is the best list, since exposure falls with the place.

What a user has had lately changes what he wants. A day's answers depend on the orders of the days before it, so a
market is `run` day by day, and `truth` speaks of users as that run left them on the day asked about.

>>> market = Market(seed=1, days=3, lists=60, users=40, restaurants=48)
>>> log = market.run(random_order())
>>> requests = market.requests(range(3))
>>> shown = [policy(market, requests) for policy in (random_order(), oracle(engagement=1.0))]
>>> worth = [market.value(requests, one.items)["engagement"].mean() for one in shown]
>>> bool(worth[0] < worth[1])
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from town import CUISINES, DAY, HOUR, NONE, START, Bools, Floats, Ints, Town, cuisine_number

SHOW, CANDIDATES, AFTER = 10, 40, 14
"""Places of a list, restaurants to choose from, days that a market can run on after those it was made for."""
BUSY = np.array([0] * 7 + [2, 3, 2, 2, 7, 10, 6, 2, 2, 3, 6, 10, 9, 5, 3, 2, 1], float)
"""How many ask in each hour of the day, relatively."""
RAIN, FASHION = (12, 13), ("Korean", 24)
"""Shocks: a rainy weekend; a cuisine that comes into fashion from a day on."""
SPREAD = 0.35
"""Standard deviation of the logarithm of an order's value around its mean."""


@dataclass(frozen=True, eq=False)
class Requests:
    """Users who open the app: number of the list, user, instant, (n,) each; restaurants that may be shown (n, 40)."""

    list: Ints
    user: Ints
    time: Ints
    candidates: Ints

    def __len__(self) -> int:
        return len(self.list)

    def take(self, index: Any) -> Requests:
        """Some of them."""
        return Requests(self.list[index], self.user[index], self.time[index], self.candidates[index])


@dataclass(frozen=True, eq=False)
class Shown:
    """Restaurants by place (n, 10), and the probability with which the policy puts each at its place (n, 10)."""

    items: Ints
    propensity: Floats


Policy = Callable[["Market", Requests], Shown]


@dataclass(frozen=True, eq=False)
class Truth:
    """Of user and item: probability of an order if examined, expected value of an order, share that the app earns."""

    order: Floats
    value: Floats
    commission: Floats


@dataclass(frozen=True, eq=False)
class Response:
    """What users do with each item: whether they order, the order's value, and microseconds until they do."""

    ordered: Bools
    value: Floats
    delay: Ints


@dataclass(frozen=True, eq=False)
class Log:
    """One entry per shown restaurant: (m,) each. `value` and `delay` hold where it was `ordered` from."""

    list: Ints
    user: Ints
    item: Ints
    position: Ints
    time: Ints
    propensity: Floats
    ordered: Bools
    value: Floats
    delay: Ints

    @staticmethod
    def joined(logs: Iterable[Log]) -> Log:
        """One after the other."""
        every = list(logs)
        return Log(*(np.concatenate([getattr(log, field.name) for log in every]) for field in fields(Log)))


class Market(Town):
    """Users, restaurants and what happens over the days; see the module.

    seed: everything follows from it. days: how long it runs, if nobody asks for more of it (at most 14 more). lists:
    how many are asked for in these days.
    """

    def __init__(
        self, seed: int = 7, days: int = 42, lists: int = 30_000, users: int = 1200, restaurants: int = 240
    ) -> None:
        self.seed, self.days, self.last = seed, days, days + AFTER
        super().__init__(np.random.default_rng([seed, 0]), users, restaurants, self.last + 1)
        every = np.arange(self.last)
        shares = np.where(every % 7 >= 5, 1.25, 1.0) * np.where(np.isin(every, RAIN), 1.2, 1.0)
        self._ends = np.round(np.cumsum([0.0, *shares]) / shares[:days].sum() * lists).astype(np.int64)
        self.ran = 0
        self._had = np.zeros((self.last + 1, users, len(CUISINES)))
        self._first = np.full((users, restaurants), self.last + 1)
        self.orders = np.zeros((self.last + 1, restaurants), np.int64)

    def day_of(self, time: Ints) -> Ints:
        """The day of an instant, from 0. Raises `ValueError` for one that the market has not come to."""
        day = (np.asarray(time) - START) // DAY
        if day.size and (day.min() < 0 or day.max() > self.ran):
            raise ValueError(f"the market has run up to day {self.ran}; asked about days {day.min()} to {day.max()}")
        return day

    # Who asks

    def requests(self, days: Iterable[int]) -> Requests:
        """Everybody who opens the app on these days, in order of time, with the restaurants that may be shown: the 40
        nearest that are open, among them some of which the app does not know yet that they have just closed."""
        found = [self._requests_on(day) for day in days]
        return Requests(*(np.concatenate([getattr(r, f.name) for r in found]) for f in fields(Requests)))

    def _requests_on(self, day: int) -> Requests:
        rng = np.random.default_rng([self.seed, 1, day])
        numbers = np.arange(self._ends[day], self._ends[day + 1])
        n = len(numbers)
        user = rng.choice(len(self.city), n, p=self.activity / self.activity.sum())
        hour = rng.choice(24, n, p=BUSY / BUSY.sum())
        time = np.sort(START + day * DAY + hour * HOUR + rng.integers(1, 3600, n) * 1_000_000)
        near = self.nearest[user]
        stale = self.is_there(near, day) & (rng.random(near.shape) < 0.1)
        listed = self.is_open(near, time[:, None]) | stale
        place = np.argsort(~listed, axis=1, kind="stable")[:, :CANDIDATES]
        candidates = np.where(np.take_along_axis(listed, place, 1), np.take_along_axis(near, place, 1), NONE)
        return Requests(numbers, user, time, candidates)

    # What they do

    def exposure(self, position: Ints) -> Floats:
        """The probability that a user examines a place, from 1."""
        return np.power(np.asarray(position, float), -0.6)

    def truth(self, user: Ints, items: Ints, time: Ints) -> Truth:
        """What is true of users and items at instants, all of shapes that go together; nothing of `NONE`."""
        user, items, time = np.broadcast_arrays(user, items, time)
        day = self.day_of(time)
        price, cuisine = self.price[day, items], self.cuisine[items]
        wish = -2.35 + self.taste[user, cuisine] + self.quality[items] + self._season(cuisine, day, time)
        wish = wish - self.sensitivity[user] * np.log(price / self.budget[user]) - 0.2 * self.distance[user, items]
        wish = wish + self._novelty(user, items, day)
        order = np.where(items == NONE, 0.0, 1 / (1 + np.exp(-wish)))
        evening = (time - START) % DAY // HOUR >= 17
        party = self.household[user] ** 0.7 * np.where(evening, 1.3, 1.0) * np.where(day % 7 >= 5, 1.2, 1.0)
        return Truth(order, price * party, self.commission[day, items])

    def _season(self, cuisine: Ints, day: Ints, time: Ints) -> Floats:
        """Hour, weekday, rain and fashion."""
        hour = (time - START) % DAY // HOUR
        part = np.where(hour < 11, 0, np.where(hour < 16, 1, 2))
        table = np.array(list(CUISINES.values()))
        wish = table[cuisine, part] + np.where(day % 7 >= 5, table[cuisine, 3], 0.0) + 0.4 * np.isin(day, RAIN)
        name, first = FASHION
        return wish + (cuisine == cuisine_number(name)) * 0.9 * np.clip((day - first + 1) / 4, 0, 1)

    def _novelty(self, user: Ints, items: Ints, day: Ints) -> Floats:
        """One tires of a cuisine that one had lately, and is curious about restaurants one has not tried."""
        tired = -0.5 * np.minimum(self._had[day, user, self.cuisine[items]], 3)
        untried = self._first[user, items] >= day
        just_opened = (self.first_day[items] > 0) & (day - self.first_day[items] < 10)
        return tired + self.curiosity[user] * untried + 0.4 * just_opened

    def would(self, requests: Requests, items: Ints) -> Response:
        """What each user would do if shown these lists (n, places). A user's answer to a restaurant is the same
        wherever in this list it stands, if only he looks at it."""
        truth = self.truth(requests.user[:, None], items, requests.time[:, None])
        key = (requests.list[:, None], requests.user[:, None], items)
        looks = self._uniform(1, *key) < self.exposure(np.arange(1, items.shape[1] + 1))
        ordered = looks & (self._uniform(2, *key) < truth.order)
        normal = np.sqrt(-2 * np.log(self._uniform(3, *key))) * np.cos(2 * np.pi * self._uniform(4, *key))
        value = truth.value * np.exp(SPREAD * normal - SPREAD**2 / 2)
        delay = (60e6 - 1.2 * HOUR * np.log(self._uniform(5, *key))).astype(np.int64)
        return Response(ordered, np.round(value, 2), np.minimum(delay, 5 * HOUR))

    def _uniform(self, purpose: int, *keys: Ints) -> Floats:
        """A number in (0, 1) that depends on nothing but the seed, the purpose and the keys."""
        mixed = _mixed(np.uint64(self.seed) ^ _mixed(np.uint64(purpose)))
        for key in keys:
            mixed = _mixed(mixed ^ key.astype(np.uint64))
        return ((mixed >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53

    # What came of it

    def run(self, policy: Policy, days: Iterable[int] | None = None) -> Log:
        """Show what `policy` chooses, day after day (default all that are left), and remember what was ordered.

        Raises `ValueError` for a day that is not the next one.
        """
        return Log.joined([self._run_day(policy, day) for day in days or range(self.ran, self.days)])

    def _run_day(self, policy: Policy, day: int) -> Log:
        if day != self.ran:
            raise ValueError(f"the next day to run is {self.ran}; asked for {day}")
        requests = self.requests([day])
        shown = policy(self, requests)
        response = self.would(requests, shown.items)
        row, place = np.nonzero(shown.items != NONE)
        at = (row, place)
        item, user, ordered = shown.items[at], requests.user[row], response.ordered[at]
        self._remember(day, user[ordered], item[ordered])
        return Log(
            requests.list[row],
            user,
            item,
            place + 1,
            requests.time[row],
            shown.propensity[at],
            ordered,
            response.value[at],
            response.delay[at],
        )

    def _remember(self, day: int, user: Ints, item: Ints) -> None:
        """What users had fades by a third a day."""
        self._had[day + 1] = self._had[day] * (2 / 3)
        np.add.at(self._had[day + 1], (user, self.cuisine[item]), 1.0)
        np.minimum.at(self._first, (user, item), day)
        np.add.at(self.orders[day], item, 1)
        self.ran = day + 1

    def value(self, requests: Requests, items: Ints) -> dict[str, Floats]:
        """What lists (n, places) are worth on average: expected orders and expected USD earned, per list."""
        truth = self.truth(requests.user[:, None], items, requests.time[:, None])
        orders = truth.order * self.exposure(np.arange(1, items.shape[1] + 1))
        return {"engagement": orders.sum(axis=1), "revenue": (orders * truth.value * truth.commission).sum(axis=1)}


def _mixed(key: Any) -> NDArray[np.uint64]:
    """Well-mixed bits of a key (the finaliser of SplitMix64; Steele, Lea & Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        key = key + np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(key ^ (key >> np.uint64(31)), np.uint64)


# Policies


def ranked(market: Market, requests: Requests, scores: Floats, show: int = SHOW) -> Ints:
    """The best `show` open candidates by score (n, 40), largest first; the nearer one first where scores are equal."""
    shut = ~market.is_open(requests.candidates, requests.time[:, None]) | (requests.candidates == NONE)
    place = np.argsort(np.where(shut, np.inf, -scores), axis=1, kind="stable")[:, :show]
    items = np.take_along_axis(requests.candidates, place, 1)
    return np.where(np.take_along_axis(shut, place, 1), NONE, items)


def random_order() -> Policy:
    """Open candidates in random order."""
    return popularity(share=1.0)


def popularity(share: float = 0.3, over: int = 7) -> Policy:
    """What sold most in the last days (`over`, up to yesterday); a `share` of the lists is in random order instead."""

    def policy(market: Market, requests: Requests) -> Shown:
        day = (requests.time - START) // DAY
        totals = np.concatenate([np.zeros((1, market.orders.shape[1])), np.cumsum(market.orders, axis=0)])
        sold = (totals[day] - totals[np.maximum(day - over, 0)])[np.arange(len(day))[:, None], requests.candidates]
        rng = np.random.default_rng([market.seed, 2, *requests.list[:1]])
        best = ranked(market, requests, sold)
        shuffled = ranked(market, requests, rng.random(sold.shape))
        items = np.where(rng.random((len(day), 1)) < share, shuffled, best)
        n = (market.is_open(requests.candidates, requests.time[:, None]) & (requests.candidates != NONE)).sum(axis=1)
        return Shown(items, share / np.maximum(n, 1)[:, None] + (1 - share) * (items == best))

    return policy


def oracle(engagement: float = 0.0, revenue: float = 0.0) -> Policy:
    """The best lists there are for these weights, by what is true."""

    def policy(market: Market, requests: Requests) -> Shown:
        truth = market.truth(requests.user[:, None], requests.candidates, requests.time[:, None])
        worth = truth.order * (engagement + revenue * truth.value * truth.commission)
        items = ranked(market, requests, worth)
        return Shown(items, np.ones(items.shape))

    return policy
