"""What there is in the simulated market: users with hidden tastes, restaurants, and how these change over the days."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Instants are int64 microseconds UTC."""
START = 1_736_092_800_000_000
"""Monday 6 January 2025, 00:00 in Singapore, which is UTC+8 all year."""
NONE = -1
"""Fills lists and candidates up to their width."""

TOWNS = {"Bedok": (14.0, 3.0), "Clementi": (-10.0, 2.0), "Orchard": (0.0, 0.0), "Woodlands": (-4.0, 15.0)}
"""Where their centres are, in km."""
CUISINES: Mapping[str, tuple[float, ...]] = {
    # what they add to the wish to order in the morning, at noon, in the evening, and at weekends; usual price in USD
    "Chinese": (0.2, 0.1, 0.1, 0.0, 9.0),
    "Indian": (0.1, 0.1, 0.2, 0.0, 11.0),
    "Italian": (-1.2, -0.1, 0.3, 0.3, 19.0),
    "Japanese": (-0.9, 0.2, 0.2, 0.1, 21.0),
    "Korean": (-0.9, 0.0, 0.3, 0.2, 16.0),
    "Malay": (0.7, 0.1, -0.1, 0.0, 7.0),
    "Thai": (-0.5, 0.2, 0.1, 0.0, 11.0),
    "Western": (0.5, -0.1, 0.0, 0.3, 15.0),
}
BREAKFAST = ("Chinese", "Indian", "Malay", "Western")
DEARER = ("Japanese", 18, 1.2)
"""A shock: a cuisine whose prices rise by a factor on a day."""


class Town:
    """Users and restaurants, who stay, and what changes from day to day.

    Of users, (users,) each: `city`, `user_xy` in km, `budget` in USD per person, `household`; and hidden from the app:
    `taste` (users, cuisines), `sensitivity` to prices, `curiosity`, `activity`. Of restaurants, (restaurants,) each:
    `cuisine`, `restaurant_xy`, hours from `opens` to `closes`, weekday `closed_on`, first and last day; by day:
    `price` in USD per person, `commission` as a share; and hidden: `quality`.
    """

    def __init__(self, rng: np.random.Generator, users: int, restaurants: int, days: int) -> None:
        self._make_users(rng, users)
        self._make_restaurants(rng, restaurants)
        self._make_changes(rng, days)

    def _make_users(self, rng: np.random.Generator, n: int) -> None:
        self.city = rng.integers(0, len(TOWNS), n)
        self.user_xy = np.array(list(TOWNS.values()))[self.city] + rng.normal(0, 1.5, (n, 2))
        self.budget = np.round(np.exp(rng.normal(np.log(13), 0.35, n)), 1)
        liked_in_town = rng.normal(0, 0.4, (len(TOWNS), len(CUISINES)))
        self.taste = liked_in_town[self.city] + rng.normal(0, 0.9, (n, len(CUISINES)))
        self.sensitivity = rng.gamma(4.0, 0.3, n)
        self.curiosity = rng.normal(0.2, 0.3, n)
        self.household = rng.choice([1, 2, 3, 4], n, p=[0.35, 0.35, 0.15, 0.15])
        self.activity = rng.gamma(2.0, 1.0, n)

    def _make_restaurants(self, rng: np.random.Generator, n: int) -> None:
        place = rng.integers(0, len(TOWNS), n)
        self.restaurant_xy = np.array(list(TOWNS.values()))[place] + rng.normal(0, 1.8, (n, 2))
        self.cuisine = rng.integers(0, len(CUISINES), n)
        self.quality = rng.normal(0, 0.6, n)
        early = rng.random(n) < np.where(np.isin(self.cuisine, [cuisine_number(c) for c in BREAKFAST]), 0.6, 0.1)
        self.opens = np.where(early, 7, rng.choice([10, 11, 12, 17], n, p=[0.3, 0.4, 0.15, 0.15]))
        self.closes = np.where(early & (rng.random(n) < 0.3), 16, rng.choice([21, 22, 23, 24], n))
        self.closed_on = np.where(rng.random(n) < 0.3, rng.integers(0, 5, n), NONE)
        offset = self.user_xy[:, None] - self.restaurant_xy[None]
        self.distance = np.sqrt((offset**2).sum(axis=2))
        self.nearest = np.argsort(self.distance, axis=1, kind="stable")

    def _make_changes(self, rng: np.random.Generator, days: int) -> None:
        """Prices and commissions of each day, which change at 4 in the morning; who comes late and who gives up."""
        n = len(self.cuisine)
        self.first_day = np.where(rng.random(n) < 0.08, rng.integers(7, max(8, days), n), 0)
        self.last_day = np.where(rng.random(n) < 0.04, rng.integers(7, max(8, days), n), days)
        usual = np.array([about[4] for about in CUISINES.values()])[self.cuisine]
        steps = np.where(rng.random((days, n)) < 1 / 40, rng.normal(0.01, 0.08, (days, n)), 0.0)
        dearer, day, factor = DEARER
        steps[day : day + 1, self.cuisine == cuisine_number(dearer)] += np.log(factor)
        first = usual * np.exp(rng.normal(0.1 * self.quality, 0.25, n))
        self.price = np.round(first * np.exp(np.cumsum(steps, axis=0)), 2)
        # Those that people do not come to by themselves pay more for being listed.
        first = np.clip(0.10 - 0.03 * self.quality + rng.normal(0, 0.03, n), 0.03, 0.2)
        steps = np.where(rng.random((days, n)) < 1 / 80, rng.normal(0, 0.01, (days, n)), 0.0)
        self.commission = np.round(np.clip(first + np.cumsum(steps, axis=0), 0.02, 0.25), 3)

    def is_there(self, item: Ints, day: Ints | int) -> Bools:
        """Whether restaurants exist on a day."""
        return np.logical_and(self.first_day[item] <= day, day < self.last_day[item])

    def is_open(self, item: Ints, time: Ints | int) -> Bools:
        """Whether restaurants take orders at these instants."""
        day, hour = (time - START) // DAY, (time - START) % DAY // HOUR
        there = self.is_there(item, day) & (self.closed_on[item] != day % 7)
        return there & (self.opens[item] <= hour) & (hour < self.closes[item])


def cuisine_number(name: str) -> int:
    """The number of a cuisine.

    >>> cuisine_number("Indian")
    1
    """
    return list(CUISINES).index(name)
