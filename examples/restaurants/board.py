"""What the page of the demo shows: lists and their worth under any weights, as the models foresee it and as it is.

The terms of many lists are computed once; weights only weigh and sort them, so that every number moves at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from market import Market
from prepare import restaurant_ids, user_ids
from town import CUISINES, DAY, START, TOWNS, Bools, Floats, Ints

from poise.serving.loaded import Loaded
from poise.stores.base import OnlineStore
from poise.table import Column, Requests, Table

LISTS, CANDIDATES, PER = 400, 40, 1000
FIRST = ("Golden", "Little", "Old", "Blue", "Lucky", "Green", "Corner", "Sunny")
SECOND = {
    "Chinese": ("Wok", "Lantern", "Dragon", "Teahouse", "Jade Garden"),
    "Indian": ("Tandoor", "Banyan", "Peacock", "Spice Route", "Curry Leaf"),
    "Italian": ("Trattoria", "Basil", "Forno", "Piazza", "Olive"),
    "Japanese": ("Izakaya", "Crane", "Ramen Bar", "Maple", "Sushi Counter"),
    "Korean": ("Kimchi House", "Grill", "Seoul Kitchen", "Moon Jar", "Bibimbap"),
    "Malay": ("Satay Club", "Kampong", "Rendang", "Nasi House", "Pandan"),
    "Thai": ("Orchid", "Elephant", "Tuk Tuk", "Lemongrass", "Chang"),
    "Western": ("Diner", "Oak Table", "Bistro", "Burger Room", "Smokehouse"),
}
"""Names for people to tell restaurants apart by; to Poise they are r000, r001, …"""


@dataclass(frozen=True, eq=False)
class Lists:
    """Many lists that could be asked for at one instant: who asks (n,), and the restaurants to choose from (n, 40)."""

    user: Ints
    items: Ints
    time: int

    @classmethod
    def of(cls, market: Market, time: int, n: int = LISTS) -> Lists:
        """Users as often as they ask, each with the nearest restaurants, some of which are closed."""
        rng = np.random.default_rng(market.seed)
        user = rng.choice(len(market.city), n, replace=False, p=market.activity / market.activity.sum())
        near = market.nearest[user]
        there = market.is_there(near, (time - START) // DAY)
        first = np.argsort(~there, axis=1, kind="stable")[:, :CANDIDATES]
        return cls(user, np.take_along_axis(near, first, 1), time)

    def body(self, row: int) -> dict[str, Any]:
        """The request for one of them, as the app would send it."""
        candidates = [{"restaurant_id": name} for name in restaurant_ids(self.items[row]).to_list()]
        return {"user_id": user_ids(self.user[row : row + 1])[0], "candidates": candidates}


class Board:
    """The worth of `lists` under any weights, per term: as a release foresees it, and as the market has it."""

    def __init__(self, market: Market, lists: Lists, loaded: Loaded, store: OnlineStore) -> None:
        assert loaded.ranker is not None
        self._show = loaded.ranker.decision.show
        self.terms = tuple(loaded.ranker.decision.terms)
        self._score(loaded, lists, store)
        places = np.arange(1, self._show + 1)
        basis = loaded.basis.exposure if loaded.basis else {}
        self._foreseen_places = {term: basis.get(term, 1 / np.log2(places + 1)) for term in self.terms}
        truth = market.truth(lists.user[:, None], lists.items, np.array(lists.time))
        self._true = {"engagement": truth.order, "revenue": truth.order * truth.value * truth.commission}
        self._true_places = dict.fromkeys(self.terms, market.exposure(places))

    def _score(self, loaded: Loaded, lists: Lists, store: OnlineStore) -> None:
        """Terms, whether they may be shown, and the rule, of every candidate of every list: (n, 40) each."""
        ranker, per = loaded.ranker, loaded.contract.decides_on
        assert ranker is not None and per is not None
        users = np.repeat(lists.user, lists.items.shape[1])
        columns = {"user_id": user_ids(users), "restaurant_id": restaurant_ids(lists.items.ravel())}
        rows = Table({name: Column.strings(values.to_list()) for name, values in columns.items()}, len(users))
        store.advance(lists.time)
        scored = loaded.scorers[per].score(Requests(rows, np.full(len(users), lists.time)), store)
        read = scored.features.select(sorted(ranker.extra_names()))
        shape = lists.items.shape
        self._foreseen = {t: v.reshape(shape) for t, v in ranker.terms(scored.predictions, read).items()}
        self._open: Bools = ranker.where(read).reshape(shape) == 1
        self._rule: Floats = ranker.rule(read).reshape(shape)

    def order(self, weights: Mapping[str, float]) -> Ints:
        """Which of its candidates each list shows, best first: (n, show)."""
        return self._sorted(sum(weights[term] * self._foreseen[term] for term in self.terms if weights[term]))

    def _sorted(self, scores: Floats | float) -> Ints:
        able = np.where(self._open & ~np.isnan(scores), scores, -np.inf)
        return np.argsort(-able, axis=1, kind="stable")[:, : self._show]

    def worth(self, weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """Per 1,000 lists: "foreseen" and "true" -> term -> what the lists under these weights give."""
        return self._worth(self.order(weights))

    def _worth(self, order: Ints) -> dict[str, dict[str, float]]:
        shown = np.take_along_axis(self._open, order, 1)
        sides = {"foreseen": (self._foreseen, self._foreseen_places), "true": (self._true, self._true_places)}
        return {
            side: {
                t: PER * float((np.take_along_axis(terms[t], order, 1) * places[t] * shown).sum(axis=1).mean())
                for t in self.terms
            }
            for side, (terms, places) in sides.items()
        }

    def rule(self) -> dict[str, float]:
        """The true worth of what would be shown without models."""
        return self._worth(self._sorted(np.nan_to_num(self._rule, nan=-1.0)))["true"]

    def curve(self, points: int = 33) -> list[dict[str, dict[str, float]]]:
        """The worth under every ratio of the weights, from the first term alone to the second alone."""
        first, second = self.terms
        scale = {term: np.nanmean(np.abs(self._foreseen[term])) for term in self.terms}
        angles = np.linspace(0, np.pi / 2, points)
        return [self.worth({first: np.cos(a) / scale[first], second: np.sin(a) / scale[second]}) for a in angles]

    def largest(self) -> dict[str, float]:
        """The length of a full bar of each term: what few candidates surpass."""
        return {term: float(np.nanquantile(self._foreseen[term], 0.995)) for term in self.terms}


def names(market: Market) -> list[str]:
    """What people call the restaurants, by number."""
    found, seen = [], dict.fromkeys(CUISINES, 0)
    for cuisine in (list(CUISINES)[number] for number in market.cuisine):
        number, seen[cuisine] = seen[cuisine], seen[cuisine] + 1
        rest, second = divmod(number, len(SECOND[cuisine]))
        again, first = divmod(rest, len(FIRST))
        found.append(f"{FIRST[first]} {SECOND[cuisine][second]}" + (f" {again + 1}" if again else ""))
    return found


def described(market: Market, user: int, item: int, time: int) -> str:
    """A restaurant to a user: cuisine, price and distance."""
    cuisine, price = list(CUISINES)[market.cuisine[item]], market.price[(time - START) // DAY, item]
    return f"{cuisine}, {price:.0f}\u00a0USD, {market.distance[user, item]:.1f}\u00a0km"


def introduced(market: Market, user: int) -> str:
    """What the app knows of a user."""
    home = "alone" if market.household[user] == 1 else f"household of {market.household[user]}"
    city = list(TOWNS)[market.city[user]]
    return f"{user_ids(np.array([user]))[0]}: {city}, about {market.budget[user]:.0f} USD a head, {home}"
