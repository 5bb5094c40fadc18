"""A small shop whose visitors see dishes in lists and order some: every row says whose it is."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from poise.interfaces.system import System

SYSTEM = """
format: 1
system: visitors
purpose: Show what is ordered.
sources:
  people: {path: people.csv, key: user, person: user, columns: {user: string, age: {type: float, min: 0}, town: category}}
  seen:
    path: seen.csv
    id: seen_id
    time: at
    person: user
    columns: {seen_id: string, page: string, user: {type: string, from: visitor}, dish: string, place: int, price: {type: float, min: 0}, at: time}
    request: [user, dish, price]
  orders: {path: orders.csv, id: id, time: at, person: user, columns: {id: string, seen_id: string, user: string, at: time}}
features:
  - columns: {from: people, take: [age, town]}
  - window: {from: orders, by: user, over: [7d], take: [count]}
  - window: {from: seen, by: dish, over: [7d], take: [count]}
objectives:
  order: {type: binary, per: seen, label: {from: orders, match: seen_id, within: 1h}, rungs: [linear]}
decision: {per: seen, list: page, item: dish, position: place, show: 2, terms: {joy: order}, rule: seen_count_7d_by_dish}
"""  # noqa: E501
ANA = "ana-7f3c9e51-unique"
"""Whom the tests forget."""


def written(folder: Path, pages: int = 2500, seed: int = 0) -> System:
    """The system and its files in `folder`; one visit in ten is Ana's, and the newest ones."""
    rng = np.random.default_rng(seed)
    users = [ANA, *(f"user-{n}" for n in range(30))]
    who = rng.integers(0, len(users), pages)
    who[rng.random(pages) < 0.1] = 0
    who[-3:] = 0
    at = np.sort(rng.integers(0, 60 * 86_400, pages)) + 1_770_000_000
    seen, orders = [], []
    for page in range(pages):
        for place in range(2):
            id, dish = f"s{page}-{place}", f"dish-{rng.integers(0, 6)}"
            when = int(at[page])
            seen.append((id, f"p{page}", users[who[page]], dish, place + 1, float(rng.integers(3, 20)), when))
            if rng.random() < (0.7 if who[page] % 2 else 0.15):
                orders.append((f"o{id}", id, users[who[page]], when + 600))
    seen.append(("bad", "pbad", ANA, "dish-1", 1, -4.0, int(at[-1])))
    rows = pl.DataFrame(
        seen, schema=["seen_id", "page", "visitor", "dish", "place", "price", "at"], orient="row"
    ).with_columns(pl.from_epoch("at"))
    rows.write_csv(folder / "seen.csv")
    pl.DataFrame(orders, schema=["id", "seen_id", "user", "at"], orient="row").with_columns(
        pl.from_epoch("at")
    ).write_csv(folder / "orders.csv")
    ages = [{"user": name, "age": 20.0 + n, "town": "Ghent" if n % 2 else "Lyon"} for n, name in enumerate(users)]
    pl.DataFrame(ages).write_csv(folder / "people.csv")
    (folder / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    return System.read(folder / "poise.yaml")


class Server:
    """A server of the live release, which ends with its stdin."""

    def __init__(self, system: System) -> None:
        command = [sys.executable, "-m", "poise", "serve", "-f", str(system.path), "--port", "0", "--json"]
        self.process = subprocess.Popen(
            [*command, "--with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]

    def post(self, path: str, body: Any) -> dict[str, Any]:
        """The answer to a body."""
        data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(self.address + path, data=data, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found

    def end(self) -> None:
        """Stop it as its caller would."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()
