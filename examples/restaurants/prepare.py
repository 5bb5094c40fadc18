"""Runs the simulated market for six weeks under a policy that shows what is popular, and writes what it left into
`data/`: 30,000 lists of ten restaurants, and the orders that came of them, up to half past seven of a Sunday evening.

`write` appends any days of any run, so that a market can be driven day by day by whatever policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from market import Log, Market, popularity
from town import CUISINES, DAY, HOUR, START, TOWNS, Bools, Ints

HERE = Path(__file__).parent
TIMES = {"impressions": "shown_at", "orders": "ordered_at", "restaurants": "changed_at"}
EVENING = 19 * HOUR + HOUR // 2
"""Of the last day: when the data were copied, and "now" to whoever replays them. Restaurants are open then."""


def ids(letter: str, numbers: Ints, width: int) -> pl.Series:
    """Ids such as u0017."""
    return letter + pl.Series(numbers).cast(str).str.zfill(width)


def user_ids(numbers: Ints) -> pl.Series:
    """u0000, u0001, …"""
    return ids("u", numbers, 4)


def restaurant_ids(numbers: Ints) -> pl.Series:
    """r000, r001, …"""
    return ids("r", numbers, 3)


def instants(time: Ints) -> pl.Series:
    """Microseconds UTC as instants."""
    return pl.Series(time).cast(pl.Datetime("us", "UTC"))


def users(market: Market) -> pl.DataFrame:
    """Who they are, as far as the app knows: tastes stay hidden."""
    columns = {
        "user_id": user_ids(np.arange(len(market.city))),
        "city": pl.Series(np.array(list(TOWNS))[market.city]),
        "budget": market.budget,
        "household": market.household,
        "x": np.round(market.user_xy[:, 0], 2),
        "y": np.round(market.user_xy[:, 1], 2),
    }
    return pl.DataFrame(columns)


def restaurants(market: Market, days: Sequence[int]) -> pl.DataFrame:
    """What changed on these days, as a history: opening, closing, price and commission."""
    item, time, is_open = _changes(market, days)
    day = np.maximum((time - START) // DAY, 0)
    columns = {
        "restaurant_id": restaurant_ids(item),
        "changed_at": instants(time),
        "cuisine": pl.Series(np.array(list(CUISINES))[market.cuisine[item]]),
        "open": is_open,
        "price": market.price[day, item],
        "commission": market.commission[day, item],
        "x": np.round(market.restaurant_xy[item, 0], 2),
        "y": np.round(market.restaurant_xy[item, 1], 2),
    }
    return pl.DataFrame(columns).sort("changed_at", "restaurant_id")


def _changes(market: Market, days: Sequence[int]) -> tuple[Ints, Ints, Bools]:
    """(restaurant, instant, open) of every change; before the first day everybody is listed, and closed."""
    every = np.arange(len(market.cuisine))
    found = []
    if 0 in days:
        there = every[market.first_day == 0]
        found.append((there, np.full(len(there), START - HOUR), np.zeros(len(there), bool)))
    for day in days:
        midnight = START + day * DAY
        here = market.is_there(every, day)
        before = max(day - 1, 0)
        dearer = (market.price[day] != market.price[before]) | (market.commission[day] != market.commission[before])
        comes = (market.first_day == day) & (day > 0)
        changed = every[here & (dearer | comes)]
        found.append((changed, np.full(len(changed), midnight + 4 * HOUR), np.zeros(len(changed), bool)))
        opened = every[market.is_open(every, midnight + market.opens * HOUR)]
        found.append((opened, midnight + market.opens[opened] * HOUR, np.ones(len(opened), bool)))
        found.append((opened, midnight + market.closes[opened] * HOUR - 1_000_000, np.zeros(len(opened), bool)))
    item, time, is_open = (np.concatenate(part) for part in zip(*found, strict=True))
    return item, time, is_open


def impressions(log: Log) -> pl.DataFrame:
    """One row per shown restaurant."""
    columns = {
        "impression_id": _impression_ids(log),
        "request_id": ids("q", log.list, 6),
        "user_id": user_ids(log.user),
        "restaurant_id": restaurant_ids(log.item),
        "position": log.position,
        "shown_at": instants(log.time),
        "propensity": log.propensity,
    }
    return pl.DataFrame(columns)


def orders(log: Log) -> pl.DataFrame:
    """One row per order, in order of time."""
    columns = {
        "order_id": "o" + _impression_ids(log).str.slice(1),
        "impression_id": _impression_ids(log),
        "user_id": user_ids(log.user),
        "restaurant_id": restaurant_ids(log.item),
        "value": log.value,
        "ordered_at": instants(log.time + log.delay),
    }
    return pl.DataFrame(columns).filter(pl.Series(log.ordered)).sort("ordered_at")


def _impression_ids(log: Log) -> pl.Series:
    """q000017.3: the third place of list 17."""
    return ids("q", log.list, 6) + "." + pl.Series(log.position).cast(str)


def write(market: Market, log: Log, days: Sequence[int], folder: Path, until: int | None = None) -> None:
    """Append what happened on these days to the files in `folder`: a file per source and first day.

    until: an instant; what happened later is left out, so that a replay clock stands there.
    """
    tables = {"impressions": impressions(log), "orders": orders(log), "restaurants": restaurants(market, days)}
    for source, table in tables.items():
        if until is not None:
            table = table.filter(pl.col(TIMES[source]) <= instants(np.array([until]))[0])
        written(table, folder / source / f"day-{days[0]:03d}.parquet")
    written(users(market), folder / "users.parquet")


def written(table: pl.DataFrame, path: Path) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    table.write_parquet(partial)
    partial.rename(path)


def main(folder: Path = HERE / "data") -> None:
    """Write the files unless they are there."""
    if not (folder / "users.parquet").exists():
        market = Market()
        now = START + (market.days - 1) * DAY + EVENING
        write(market, market.run(popularity()), range(market.days), folder, until=now)


if __name__ == "__main__":
    main()
