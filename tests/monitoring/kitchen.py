"""A system whose rule reads features of many kinds; what it answered while rows came in; all of that in the lake."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.serving.bare import Desk, desk, row

from poise.clock import DAY, HOUR, Clock
from poise.data.drain import Drain
from poise.data.journal_reader import reading
from poise.interfaces.system import System
from poise.serving.loaded import Loaded

SYSTEM = """
format: 1
system: kitchen
purpose: Show what is seen most.
sources:
  seen:
    path: seen.csv
    id: seen_id
    time: at
    columns:
      seen_id: string
      page: string
      dish: {type: string, required: true}
      place: {type: int, min: 1}
      price: {type: float}
      at: time
    request: [dish, price]
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, seen_id: string, at: time}}
  dishes: {path: dishes.csv, key: dish, columns: {dish: string, kind: category, cost: float, open: bool}}
features:
  - window: {from: seen, by: dish, over: [1h, 7d], take: [count, sum(price), mean(price), max(price), distinct(price)]}
  - window: {from: seen, by: dishes.kind, over: [1d], take: [count, last(price)]}
  - compute: {dear: price - seen_mean_price_7d_by_dish, food: "coalesce(dishes.kind, 'none')"}
objectives:
  liked: {type: binary, per: seen, label: {from: likes, match: seen_id, within: 1h}}
decision:
  {per: seen, list: page, item: dish, position: place, show: 3, where: dishes.open, terms: {joy: liked}, rule: RULE}
"""
RULE = (
    "seen_count_7d_by_dish + seen_sum_price_7d_by_dish + seen_count_1h_by_dish + seen_max_price_7d_by_dish + dear"
    " + seen_distinct_price_7d_by_dish + seen_count_1d_by_dishes_kind + seen_last_price_1d_by_dishes_kind + dishes.cost"
    " + if(food == 'warm', 1, 0)"
)
DISHES = ("soup", "rice", "pho", "flan")


def written(folder: Path) -> System:
    """The system in `folder`, with an empty lake and a candidate c1 that has no models."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "poise.yaml").write_text(SYSTEM.replace("RULE", f'"{RULE}"'), encoding="utf-8")
    (folder / "dishes.csv").write_text("dish,kind,cost,open\nsoup,warm,1.5,true\n", encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    return system


def answered(folder: Path, answers: int = 40) -> System:
    """A system in `folder` that answered while rows came in, late ones too; all of it is in the lake."""
    system = written(folder)
    with desk(Loaded.of(system.folder("c1")), system.settings.journal) as made:
        made.answerer.store.observe(system.lake.history(system.spec, "dishes", ["dish", "kind", "cost", "open"]))
        made.run(lambda: _open(made, answers))
    drained(system)
    return system


def drained(system: System) -> None:
    """All that the journal holds, in the lake."""
    reader = reading(system.settings.journal)
    Drain([system.spec], system.lake, reader).once(everything=True)
    reader.close()


async def _open(made: Desk, answers: int) -> None:
    draw = random.Random(1)
    for dish in DISHES[1:]:
        await send_dish(made, dish, draw)
    for number in range(answers):
        await ask(made)
        at = Clock().now() - draw.choice([0, 0, HOUR, DAY, 3 * DAY])
        price = draw.choice([1e9, -1e9, 0.1, 2.3, None])
        sold = row(number, draw.choice(DISHES), at, price=price, page=f"p{number % 5}", place=1 + number % 3)
        assert await made.fates(sold) == ["accepted"]
        if number % 7 == 6:
            await send_dish(made, draw.choice(DISHES), draw)


async def send_dish(made: Desk, dish: str, draw: random.Random) -> None:
    """A version of a dish that nobody has seen yet."""
    new = {"dish": dish, "kind": draw.choice(["warm", "cold"]), "cost": draw.random(), "open": True}
    assert await made.fates(new, source="dishes") == ["accepted"]


async def ask(made: Desk, *also: str) -> None:
    """Ask for a list, and log the answer."""
    candidates = [{"dish": dish, "price": 2} for dish in (*DISHES, *also)]
    waits = made.inlet.keep(made.answerer.decide(json.dumps({"candidates": candidates}).encode()))
    if waits is not None:
        await waits
