"""A tiny market whose buyers change their mind on the eighth day: what was learned before is wrong afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

START, DAY = 1_767_225_600, 86_400
TURN, DAYS, A_DAY = 8, 26, 150
SYSTEM = """
format: 1
system: market
purpose: Show the offers that people will want.
clock: replay
updates: {every: 1d, window: 12d}
sources:
  offers:
    {path: offers.csv, id: offer, time: at, columns: {offer: string, at: time, a: float, b: float}, request: [a, b]}
  orders: {path: orders.csv, id: number, time: at, columns: {number: string, offer: string, at: time}}
objectives:
  order: {type: binary, per: offers, label: {from: orders, match: offer, within: 1h}, rungs: [linear]}
"""


def rows(turn: int = TURN, seed: int = 0) -> pl.DataFrame:
    """Offers; `a` draws buyers until the day `turn`, and puts them off afterwards."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), A_DAY)
    at = START + day * DAY + np.sort(rng.integers(0, DAY, (DAYS, A_DAY)), axis=1).ravel()
    a, b = rng.normal(size=(2, len(day)))
    ordered = rng.random(len(day)) < 1 / (1 + np.exp(np.where(day < turn, -1.5, 1.5) * a - 0.5 * b))
    names = [f"o{i}" for i in range(len(day))]
    return pl.DataFrame(
        {"offer": names, "second": at, "at": pl.from_epoch(pl.Series(at)), "a": a, "b": b, "y": ordered}
    )


def write(folder: Path, days: int, text: str = SYSTEM, turn: int = TURN) -> None:
    """The files as they are after so many days."""
    found = rows(turn).filter(pl.col("second") < START + days * DAY)
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    found.select("offer", "at", "a", "b").write_csv(folder / "offers.csv")
    orders = found.filter("y").select("offer", pl.col("at") + pl.duration(minutes=5), number="offer")
    orders.write_csv(folder / "orders.csv")
