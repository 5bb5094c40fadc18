"""A simulated market of which the truth is known, with shocks: what an offer's features mean changes over 60 days."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 1 January 2026
SYSTEM = """
format: 1
system: market
purpose: Show the offers that people will want.
clock: replay
updates: {updates}
sources:
  offers:
    path: offers.csv
    id: offer
    time: at
    columns: {offer: string, at: time, a: float, b: float, c: float, d: float, city: category}
    request: [a, b, c, d, city]
  orders:
    path: orders.csv
    id: number
    time: at
    columns: {number: string, offer: string, at: time}
objectives:
  order: {type: binary, per: offers, label: {from: orders, match: offer, within: 6h}, rungs: [linear]}
"""
TRIGGERS = "{when: [decay, drift, labels], labels: 25%, cooldown: 1d}"


@dataclass(frozen=True, eq=False)
class Shocks:
    """`a_day` offers on each of `days` days. Weights of what people want walk slowly, and jump on the days `jumps`; on
    `rain` days nobody orders much, and afterwards all is as before."""

    days: int = 60
    a_day: int = 250
    seed: int = 0
    jumps: tuple[int, ...] = (26, 41)
    rain: tuple[int, ...] = (34, 35)
    walk: float = 0.03

    def weights(self) -> Floats:
        """What people want on each day, (days, 4)."""
        rng = np.random.default_rng(self.seed)
        now, found = 1.2 * rng.normal(size=4), []
        for day in range(self.days):
            now = now + self.walk * rng.normal(size=4)
            if day in self.jumps:
                now = rng.permutation(now) * rng.choice([-1, 1], 4)
            found.append(now)
        return np.array(found)

    def rows(self) -> pl.DataFrame:
        """Every offer with the probability that it is ordered, and whether it was."""
        rng = np.random.default_rng(self.seed + 1)
        n = self.days * self.a_day
        day = np.repeat(np.arange(self.days), self.a_day)
        second = np.sort(rng.integers(0, 86_400, (self.days, self.a_day)), axis=1).ravel()
        at = START + day * DAY + second * 1_000_000
        x = rng.normal(size=(n, 4))
        rainy = np.isin(day, self.rain)
        z = (x * self.weights()[day]).sum(axis=1) - 0.5 - 2.5 * rainy
        p = 1 / (1 + np.exp(-z))
        ordered = rng.random(n) < p
        return pl.DataFrame({
            "offer": [f"o{i}" for i in range(n)], "time": at, "at": pl.from_epoch(pl.Series(at), "us"),
            "a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "d": x[:, 3], "city": rng.choice(["Ghent", "Lyon"], n),
            "p": p, "ordered": ordered,
        })  # fmt: skip

    def text(self, updates: str = TRIGGERS) -> str:
        """Its system file."""
        return SYSTEM.replace("{updates}", updates)

    @staticmethod
    def write(rows: pl.DataFrame, folder: Path, until: int) -> None:
        """The files as they are at `until` (microseconds): offers and orders before that."""
        offers = rows.filter(pl.col("time") < until)
        offers.select("offer", "at", "a", "b", "c", "d", "city").write_csv(folder / "offers.csv")
        orders = offers.filter("ordered").select(
            pl.col("offer").str.replace("o", "n").alias("number"),
            "offer",
            (pl.col("at") + pl.duration(hours=1)).alias("at"),
        )
        orders.filter(pl.col("at").dt.epoch("us") < until).write_csv(folder / "orders.csv")
