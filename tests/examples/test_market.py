"""The simulated market does what it says, so that others can be held against it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from market import CUISINES, RAIN, Log, Market, Requests, Shown, oracle, popularity, random_order, ranked
from town import DAY, DEARER, HOUR, NONE, START, cuisine_number


@pytest.fixture(scope="module")
def market() -> Market:
    """Run for its 28 days under what is popular."""
    made = Market(seed=3, days=28, lists=8000, users=300, restaurants=120)
    made.run(popularity())
    return made


def small(seed: int = 3) -> Market:
    return Market(seed=seed, days=6, lists=600, users=100, restaurants=80)


def same(one: object, other: object) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))  # type: ignore[arg-type]


# A seed is enough


def test_everything_follows_from_the_seed() -> None:
    assert same(small().run(popularity()), small().run(popularity()))
    assert not same(small(3).requests([0]), small(4).requests([0]))


def test_day_by_day_is_the_same_as_at_once() -> None:
    by_day = small()
    days = [by_day.run(popularity(), [day]) for day in range(6)]
    assert same(Log.joined(days), small().run(popularity()))


def test_requests_do_not_depend_on_what_was_shown() -> None:
    one, other = small(), small()
    one.run(popularity())
    other.run(random_order())
    assert same(one.requests(range(6)), other.requests(range(6)))


def test_days_are_run_in_order() -> None:
    with pytest.raises(ValueError, match="the next day to run is 0; asked for 2"):
        small().run(popularity(), [2])
    requests = small().requests([1])
    with pytest.raises(ValueError, match="has run up to day 0"):
        small().value(requests, requests.candidates[:, :10])


# What it says is true is what happens


def test_what_users_do_is_as_frequent_as_the_truth_says(market: Market) -> None:
    """Orders, by place and in all, within four standard deviations of the exact expectation."""
    requests = market.requests(range(28))
    items = random_order()(market, requests).items
    truth = market.truth(requests.user[:, None], items, requests.time[:, None])
    expected = truth.order * market.exposure(np.arange(1, 11))
    found = market.would(requests, items)
    spread = np.sqrt((expected * (1 - expected)).sum(axis=0))
    assert (np.abs(found.ordered.sum(axis=0) - expected.sum(axis=0)) < 4 * spread).all()
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 1)):
        here = (expected >= low) & (expected < high)
        assert found.ordered[here].mean() == pytest.approx(
            expected[here].mean(), abs=4 * np.sqrt((expected * (1 - expected))[here].sum()) / here.sum()
        )


def test_orders_are_worth_what_the_truth_says(market: Market) -> None:
    requests = market.requests(range(28))
    items = random_order()(market, requests).items
    truth = market.truth(requests.user[:, None], items, requests.time[:, None])
    found = market.would(requests, items)
    ratio = (found.value / truth.value)[items != NONE]
    assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / np.sqrt(len(ratio)))
    assert np.log(ratio).std() == pytest.approx(0.35, abs=0.01)
    assert (found.delay > 0).all() and (found.delay < 6 * HOUR).all(), "within the time that the label waits"


def test_the_value_of_lists_is_what_they_earn_on_average(market: Market) -> None:
    """`value` has no noise; what users do has: over many lists they agree."""
    requests = market.requests(range(28))
    items = popularity()(market, requests).items
    exact, found = market.value(requests, items), market.would(requests, items)
    commission = market.truth(requests.user[:, None], items, requests.time[:, None]).commission
    realised = {"engagement": found.ordered, "revenue": found.ordered * found.value * commission}
    for term, gained in realised.items():
        per_list = gained.sum(axis=1)
        off = (per_list - exact[term]).mean() / ((per_list - exact[term]).std() / np.sqrt(len(per_list)))
        assert abs(off) < 4, term


def test_an_answer_does_not_depend_on_the_company(market: Market) -> None:
    """Common random numbers: the same restaurant in the same list is answered alike wherever it stands, but for whether
    it is looked at; and whoever looks at a lower place would have looked at a higher one."""
    requests = market.requests([27])
    items = ranked(market, requests, np.zeros(requests.candidates.shape))
    turned = items[:, ::-1]
    down, up = market.would(requests, items), market.would(requests, turned)
    back = slice(None, None, -1)
    assert np.array_equal(down.value, up.value[:, back]) and np.array_equal(down.delay, up.delay[:, back])
    higher = np.arange(10) < 5  # these places are better in `items` than in `turned`
    assert (down.ordered[:, higher] >= up.ordered[:, back][:, higher]).all()
    alone = [market.would(requests, items[:, [place]]).ordered[:, 0] for place in range(10)]
    assert (np.stack(alone, 1) >= down.ordered).all(), "in the first place everybody looks"


def test_what_is_looked_at_falls_with_the_place_alone(market: Market) -> None:
    """One restaurant at every place: its orders fall as exposure says."""
    requests = market.requests(range(28))
    item = ranked(market, requests, np.zeros(requests.candidates.shape))[:, :1]
    alone = market.value(requests, item)["engagement"]
    for place in (2, 5, 10):
        items = np.full((len(requests), place), NONE)
        items[:, -1:] = item
        assert market.value(requests, items)["engagement"] == pytest.approx(alone * place**-0.6)


def test_nothing_is_ordered_where_nothing_stands(market: Market) -> None:
    requests = market.requests([0])
    items = np.full((len(requests), 10), NONE)
    assert not market.would(requests, items).ordered.any()
    assert not market.value(requests, items)["revenue"].any()


# Policies


def test_the_oracle_is_the_best(market: Market) -> None:
    requests = market.requests([27])
    worth = {}
    for name, policy in {
        "random": random_order(),
        "popular": popularity(0.0),
        "orders": oracle(engagement=1.0),
        "both": oracle(engagement=1.0, revenue=0.4),
        "revenue": oracle(revenue=1.0),
    }.items():
        worth[name] = {k: v.mean() for k, v in market.value(requests, policy(market, requests).items).items()}
    for term, best in (("engagement", "orders"), ("revenue", "revenue")):
        ordered = sorted(worth, key=lambda name: worth[name][term])
        assert ordered[-1] == best and ordered[-2] == "both" and ordered[0] == "random"


def test_a_list_that_is_sorted_by_worth_is_not_beaten_by_any_swap(market: Market) -> None:
    requests = market.requests([27]).take(slice(0, 40))
    items = oracle(engagement=1.0)(market, requests).items
    best = market.value(requests, items)["engagement"]
    for place in range(9):
        swapped = items.copy()
        swapped[:, [place, place + 1]] = items[:, [place + 1, place]]
        assert (market.value(requests, swapped)["engagement"] <= best + 1e-12).all()


def test_propensities_are_the_frequencies(market: Market) -> None:
    """The same request 4,000 times: how often each restaurant stands at each place."""
    one = market.requests([27]).take(slice(7, 8))
    many = Requests(*(np.repeat(getattr(one, f.name), 4000, axis=0) for f in fields(one)))
    shown = popularity(share=0.4)(market, many)
    for place in range(10):
        items, first, counts = np.unique(shown.items[:, place], return_index=True, return_counts=True)
        said = shown.propensity[first, place]
        assert np.abs(counts / 4000 - said).max() < 4 * np.sqrt(0.25 / 4000)
        assert len(items) > 20


def test_any_function_is_a_policy(market: Market) -> None:
    def dearest(here: Market, requests: Requests) -> Shown:
        items = ranked(here, requests, here.price[here.day_of(requests.time)[:, None], requests.candidates])
        return Shown(items, np.ones(items.shape))

    log = small().run(dearest, [0])
    assert len(log.list) > 0 and (log.propensity == 1).all()


# The world


def test_only_open_restaurants_are_shown_and_few_candidates_are_shut(market: Market) -> None:
    requests = market.requests(range(28))
    there = requests.candidates != NONE
    shut = ~market.is_open(requests.candidates, requests.time[:, None]) & there
    assert 0.005 < shut.sum() / there.sum() < 0.25
    items = popularity()(market, requests).items
    assert (market.is_open(items, requests.time[:, None]) | (items == NONE)).all()
    every = np.sort(requests.candidates, axis=1)
    assert not ((every[:, 1:] == every[:, :-1]) & (every[:, 1:] != NONE)).any(), "no restaurant twice"


def test_days_have_a_rhythm(market: Market) -> None:
    time = market.requests(range(28)).time
    hours = np.bincount((time - START) % DAY // HOUR, minlength=24)
    assert hours[:7].sum() == 0 and hours[[12, 18]].min() > 3 * hours[[9, 15]].max()
    days = np.bincount((time - START) // DAY)
    weekday = np.arange(28) % 7
    assert days[weekday >= 5].mean() > 1.15 * days[weekday < 5].mean()
    assert days[list(RAIN)].mean() > 1.1 * np.delete(days, RAIN)[weekday[np.delete(np.arange(28), RAIN)] >= 5].mean()


def test_one_tires_of_what_one_had_and_comes_back_to_it() -> None:
    market = small()
    requests = market.requests([0])
    user, item = requests.user[:1], requests.candidates[:1, 0]
    noon = START + 12 * HOUR
    before = market.truth(user, item, np.array([noon])).order
    market._remember(0, user, item)
    tired = market.truth(user, item, np.array([noon + DAY])).order
    for day in range(1, 6):
        market._remember(day, user[:0], item[:0])
    later = market.truth(user, item, np.array([noon + 6 * DAY])).order
    assert tired < before and tired < later


def test_shocks_come_when_they_are_said_to(market: Market) -> None:
    cuisine, day, factor = DEARER
    those = (market.cuisine == cuisine_number(cuisine)) & market.is_there(np.arange(120), day)
    rise = market.price[day] / market.price[day - 1]
    assert np.median(rise[those]) == pytest.approx(factor, rel=0.01) and np.median(rise[~those]) == 1
    some = np.arange(50)
    korean = np.flatnonzero(market.cuisine == cuisine_number("Korean"))[0]
    before, after = (market.truth(some, korean, START + d * DAY + 12 * HOUR).order for d in (15, 27))
    assert after.mean() > 1.4 * before.mean()
    assert 0 < (market.first_day > 0).sum() < 30 and 0 < (market.last_day < 29).sum() < 30


def test_the_market_is_one_that_can_be_learned_from(market: Market) -> None:
    """3 to 8 orders in 100 shown; every cuisine is somebody's; what is liked is not what earns."""
    log = Market(seed=5, days=7, lists=3000).run(popularity())
    assert 0.03 < log.ordered.mean() < 0.08
    assert len(np.unique(market.cuisine)) == len(CUISINES)
    assert np.corrcoef(market.quality, market.commission[0])[0, 1] < -0.3
