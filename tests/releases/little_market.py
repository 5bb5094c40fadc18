"""A very small market: two cuisines, users who like one of them, lists whose upper places are looked at more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from poise.interfaces.system import System

SYSTEM = """
format: 1
system: market
purpose: Show what people will order.
clock: replay
sources:
  users: {path: users.csv, key: user_id, columns: {user_id: string, likes: category}}
  shops:
    path: shops.csv
    key: shop_id
    columns: {shop_id: string, cuisine: category, price: float, open: bool}
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns:
      {shown_id: string, list_id: string, user_id: string, shop_id: string, place: int, at: time, weather: category}
    request: [user_id, shop_id, weather]
  orders:
    path: orders.csv
    id: order_id
    time: at
    columns: {order_id: string, shown_id: string, at: time, value: float}
features:
  - columns: {from: users, take: [likes]}
  - columns: {from: shops, take: [cuisine, price]}
  - columns: {from: shown, take: [weather]}
  - compute: {liked: "if(users.likes == shops.cuisine, 1, 0)"}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: shown_id, within: 6h}, rungs: [linear]}
  value: {type: regression, per: shown, given: order, label: {from: orders, match: shown_id, take: value, within: 6h},
          rungs: [linear]}
decision:
  per: shown
  list: list_id
  item: shop_id
  position: place
  show: 4
  where: shops.open
  terms:
    engagement: {is: order, unit: orders}
    revenue: {is: order * value, unit: USD}
  weights: {engagement: 1.0, revenue: 0.2}
  explore: {method: plackett-luce, top: 6, cost: {engagement: 5%}}
  rule: -shops.price
requirements:
  - {who: sales, metric: decision.revenue, at_least: 95%, relative_to: live}
  - {who: product, metric: order.ndcg@4, better_than: constant}
  - {who: ml, metric: decision.ndcg, better_than: constant, by: users.likes}
  - {who: web, metric: latency_p99, at_most: 2s, candidates: 12}
"""
SHOPS, USERS, LONG = 40, 60, 6


def tables(lists: int = 2600, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Lists of six shops, the cheap ones on top; an order is likelier for what is liked and for what stands high."""
    rng = np.random.default_rng(seed)
    cuisine, likes = rng.integers(2, size=SHOPS), rng.integers(2, size=USERS)
    price = np.round(rng.uniform(5, 25, SHOPS), 1)
    user = np.repeat(rng.integers(USERS, size=lists), LONG)
    at = np.repeat(np.sort(rng.integers(0, 45 * 86_400, lists)) + 1_700_000_000, LONG)
    shop = np.stack([rng.choice(SHOPS, LONG, replace=False) for _ in range(lists)])
    shop = np.take_along_axis(shop, np.argsort(price[shop] + rng.normal(size=shop.shape) * 6, axis=1), axis=1).ravel()
    place = np.tile(np.arange(1, LONG + 1), lists)
    chance = np.where(cuisine[shop] == likes[user], 0.5, 0.12) / place**0.6
    ordered = np.flatnonzero(rng.random(len(shop)) < chance)
    shown = pl.DataFrame(
        {
            "shown_id": [f"s{i}" for i in range(len(shop))],
            "list_id": [f"l{i // LONG}" for i in range(len(shop))],
            "user_id": [f"u{i}" for i in user],
            "shop_id": [f"r{i}" for i in shop],
            "place": place,
            "at": pl.from_epoch(pl.Series(at)),
            "weather": np.repeat(rng.choice(["dry", "wet"], lists), LONG),
        }
    )
    orders = pl.DataFrame(
        {
            "order_id": [f"o{i}" for i in ordered],
            "shown_id": [f"s{i}" for i in ordered],
            "at": pl.from_epoch(pl.Series(at[ordered] + 1800)),
            "value": np.round(price[shop][ordered] * rng.uniform(0.8, 1.4, len(ordered)), 2),
        }
    )
    names = np.array(["noodles", "pizza"])
    users = pl.DataFrame({"user_id": [f"u{i}" for i in range(USERS)], "likes": names[likes]})
    shops = pl.DataFrame(
        {
            "shop_id": [f"r{i}" for i in range(SHOPS)],
            "cuisine": names[cuisine],
            "price": price,
            "open": np.arange(SHOPS) % 8 > 0,
        }
    )
    return {"users": users, "shops": shops, "shown": shown, "orders": orders}


def write(folder: Path, text: str = SYSTEM, **more: pl.DataFrame) -> System:
    """The files and the system file in `folder`; the system that Poise reads there."""
    for name, table in {**tables(), **more}.items():
        table.write_csv(folder / f"{name}.csv")
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    return System.read(folder / "poise.yaml")
