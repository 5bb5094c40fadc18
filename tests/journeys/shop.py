"""A small simulated shop: offers are shown, some are ordered within hours, orders have a value."""

from __future__ import annotations

import numpy as np
import polars as pl

SYSTEM = """
format: 1
system: shop
purpose: Call the customers whose order is worth a call.
clock: replay
costs: {core_hour: 0.04}
sources:
  shown:
    path: shown.csv
    id: offer
    time: at
    columns: {offer: string, at: time, x: float, z: float, city: category, kind: category}
    request: [x, z, city]
  orders:
    path: orders.csv
    id: number
    time: at
    columns: {number: string, offer: string, at: time, value: float}
features:
  - columns: {from: shown, take: [x, z]}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: offer, within: 6h}, rungs: [linear]}
  value: {type: regression, per: shown, given: order, rungs: [trees],
          label: {from: orders, match: offer, take: value, within: 6h}}
decision:
  per: shown
  choose: [leave, call]
  terms:
    revenue: {unit: USD, leave: 0, call: order * value - 1.2}
    calls: {unit: calls, leave: 0, call: -1}
  weights: {calls: 0.1}
"""


def tables(n: int = 4000, seed: int = 0) -> dict[str, pl.DataFrame]:
    """`x` moves how likely an order is, `z` what it is worth; `kind` says what `x` is, in three classes."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, 60 * 86_400, n)) + 1_700_000_000
    x, z = rng.normal(size=(2, n))
    ordered = rng.random(n) < 1 / (1 + np.exp(0.5 - 1.5 * x))
    value = np.exp(1 + 0.7 * z + 0.3 * rng.normal(size=n))
    shown = pl.DataFrame({"offer": [f"o{i}" for i in range(n)], "at": pl.from_epoch(pl.Series(at)), "x": x, "z": z})
    shown = shown.with_columns(
        city=pl.Series(rng.choice(["Ghent", "Lyon"], n)),
        kind=pl.Series(np.select([x + rng.normal(size=n) / 2 < -0.5, x > 0.5], ["low", "high"], "mid")),
    )
    place = np.flatnonzero(ordered)
    orders = pl.DataFrame(
        {
            "number": [f"n{i}" for i in place],
            "offer": [f"o{i}" for i in place],
            "at": pl.from_epoch(pl.Series(at[place] + 3600)),
            "value": value[place],
        }
    )
    return {"shown": shown, "orders": orders}
