"""A shop that was released on its first months, and what came after, quiet or broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.interfaces.system import System

TEXT = """
format: 1
system: shop
purpose: Call the customers whose order is worth a call.
clock: replay
sources:
  shown:
    path: "shown*.csv"
    id: offer
    time: at
    columns: {offer: string, at: time, x: float, z: float, city: category}
    request: [x, z, city]
  orders:
    path: "orders*.csv"
    id: number
    time: at
    columns: {number: string, offer: string, at: time, value: float}
features:
  - columns: {from: shown, take: [x, z]}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: offer, within: 2d}, rungs: [linear]}
  worth: {type: regression, per: shown, rungs: [linear],
          label: {from: orders, match: offer, take: sum(value), within: 2d}}
decision:
  per: shown
  choose: [leave, call]
  terms:
    revenue: {unit: USD, leave: 0, call: 3 * order - 1}
requirements:
  - {who: desk, metric: order.auc, at_least: 0.7}
  - {who: trust, metric: order.calibration_error, by: city, at_most: 0.2}
  - {who: platform, metric: release_size, at_most: 20MB}
monitoring: {slices: [city]}
"""
DAY, START, PER_DAY = 86_400, 1_700_000_000, 100
Stream = Callable[..., System]


def days(first: int, last: int, *, slope: float = 1.8, shift: float = 0.0, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Offers of the days [first, last) and their orders: `x` moves how likely one is by `slope`; `shift` moves x."""
    rng, n = np.random.default_rng([seed, first]), (last - first) * PER_DAY
    at = np.sort(rng.integers(first * DAY, last * DAY, n)) + START
    x, z = rng.normal(size=(2, n))
    x = x + shift
    ordered = rng.random(n) < 1 / (1 + np.exp(0.4 - slope * x))
    value = 2 + z + 0.5 * rng.normal(size=n)
    ids = [f"o{first}-{i}" for i in range(n)]
    shown = pl.DataFrame({"offer": ids, "at": pl.from_epoch(pl.Series(at)), "x": x, "z": z})
    shown = shown.with_columns(city=pl.Series(rng.choice(["Ghent", "Lyon"], n)))
    words = np.random.default_rng([seed, first, 1]).integers(0, 7, n)
    shown = shown.with_columns(note=pl.Series([f"call {'again ' * w}about {i:06}" for i, w in enumerate(words)]))
    came = np.flatnonzero(ordered)
    orders = pl.DataFrame({"number": [f"n{ids[i]}" for i in came], "offer": [ids[i] for i in came]})
    orders = orders.with_columns(at=pl.from_epoch(pl.Series(at[came] + 3600)), value=pl.Series(value[came]))
    return {"shown": shown, "orders": orders}


def add(folder: Path, tables: dict[str, pl.DataFrame], name: str) -> None:
    """Lay files beside the system file."""
    for source, table in tables.items():
        table.write_csv(folder / f"{source}{name}.csv")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's folder, released on 84 days without rehearsal."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "poise.yaml").write_text(TEXT, encoding="utf-8")
    add(folder, days(0, 84), "1")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    made = system.train().folder
    system.state.record("r1", "released", folder=str(made.path), act="release", why="for tests", seal=made.seal)
    system.state.promote("r1", why="for tests")
    return folder


@pytest.fixture
def stream(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A copy of the shop with more days: `stream(days(84, 98), days(98, 112, slope=-1.8))`."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL", "POISE_WEBHOOK"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "shop"
    shutil.copytree(trained, folder)

    def made(*more: dict[str, pl.DataFrame], text: str = TEXT) -> System:
        (folder / "poise.yaml").write_text(text, encoding="utf-8")
        for at, tables in enumerate(more, 2):
            add(folder, tables, str(at))
        system = System.read(folder / "poise.yaml")
        system.ingest()
        return system

    return made
