"""The shop that every server of this benchmark answers for: its system file, its data, and its models for others.

30 features: 13 of the user, 13 of the item, 4 that the request brings; 4 % of the numbers are missing. Two objectives
of boosted trees: whether an item is clicked, and what it is then worth. Others are handed the release's own LightGBM
texts and the encoded features of every user and item, so that what differs is how these are looked up, scored and
answered.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from poise.models.predictor import Predictor
from poise.models.trees_model import TreesModel
from poise.table import Column, Table

NUMBERS, SENT = 12, 4
SEGMENTS, KINDS = 8, 40
USER = [*(f"u{n}" for n in range(NUMBERS)), "segment"]
ITEM = [*(f"i{n}" for n in range(NUMBERS)), "kind"]
CONTEXT = [f"c{n}" for n in range(SENT)]
OBJECTIVES = ("click", "worth")
WEIGHTS = {"clicks": 1.0, "income": 0.2}


def _columns(key: str, numbers: list[str]) -> str:
    return ", ".join([f"{key}: string", *(f"{name}: float" for name in numbers[:-1]), f"{numbers[-1]}: category"])


SYSTEM = f"""
format: 1
system: shop
purpose: Show what is clicked and worth something.
sources:
  users: {{path: users.parquet, key: user_id, columns: {{{_columns("user_id", USER)}}}}}
  items: {{path: items.parquet, key: item_id, columns: {{{_columns("item_id", ITEM)}}}}}
  shown:
    path: shown.parquet
    id: row
    time: at
    columns: {{row: string, at: time, list: string, user_id: string, item_id: string, clicked: bool, paid: float,
              {", ".join(f"{name}: float" for name in CONTEXT)}}}
    request: [user_id, item_id, {", ".join(CONTEXT)}]
features:
  - columns: {{from: users, take: [{", ".join(USER)}]}}
  - columns: {{from: items, take: [{", ".join(ITEM)}]}}
  - columns: {{from: shown, take: [{", ".join(CONTEXT)}]}}
objectives:
  click: {{type: binary, per: shown, label: {{take: clicked, within: 1h}}, rungs: [trees], prefer: best}}
  worth: {{type: regression, per: shown, label: {{take: paid, within: 1h}}, rungs: [trees], prefer: best}}
decision:
  per: shown
  list: list
  item: item_id
  show: 10
  terms:
    clicks: {{is: click, unit: clicks}}
    income: {{is: click * worth, unit: USD}}
  weights: {{clicks: {WEIGHTS["clicks"]}, income: {WEIGHTS["income"]}}}
"""


def write(folder: Path, users: int, items: int, rows: int) -> None:
    """The system file and its three tables."""
    random = np.random.default_rng(0)
    (folder / "poise.yaml").write_text(SYSTEM, encoding="utf-8")

    def table(key: str, names: list[str], height: int, levels: int) -> pl.DataFrame:
        made = {key: [f"{key[0]}{n:06d}" for n in range(height)]}
        for name in names[:-1]:
            values = random.normal(size=height).round(4)
            made[name] = pl.Series(np.where(random.random(height) < 0.04, np.nan, values)).fill_nan(None)
        made[names[-1]] = [f"{names[-1]}{n}" for n in random.integers(0, levels, height)]
        return pl.DataFrame(made)

    people, things = table("user_id", USER, users, SEGMENTS), table("item_id", ITEM, items, KINDS)
    people.write_parquet(folder / "users.parquet")
    things.write_parquet(folder / "items.parquet")
    who, what = random.integers(0, users, rows // 10).repeat(10), random.integers(0, items, rows // 10 * 10)
    context = random.normal(size=(len(who), SENT)).round(4)
    of_user = np.nan_to_num(people.select(USER[:-1]).to_numpy().astype(float))[who]
    of_item = np.nan_to_num(things.select(ITEM[:-1]).to_numpy().astype(float))[what]
    taste = np.random.default_rng(1).normal(size=(SEGMENTS, KINDS))
    codes = [
        frame[name].str.extract(r"(\d+)$").cast(int).to_numpy()
        for frame, name in ((people, USER[-1]), (things, ITEM[-1]))
    ]
    liked = taste[codes[0][who], codes[1][what]] + (np.sin(2 * of_user) * of_item).sum(axis=1) / 2
    liked += np.cos(3 * of_item[:, 0]) + context[:, 0] * of_user[:, 1]
    worth = np.exp(of_item[:, 3] / 2 + np.sin(of_user[:, 4] * 2) / 2) + np.abs(of_item[:, 5] * context[:, 1])
    pl.DataFrame(
        {
            "row": [f"r{n}" for n in range(len(who))],
            "at": pl.from_epoch(pl.Series(1_700_000_000 + np.arange(len(who)) // 10 * 600)),
            "list": [f"l{n // 10}" for n in range(len(who))],
            "user_id": people["user_id"].to_numpy()[who],
            "item_id": things["item_id"].to_numpy()[what],
            "clicked": random.random(len(who)) < 1 / (1 + np.exp(1 - liked)),
            "paid": worth + random.normal(size=len(who)) / 4,
            **{name: context[:, n] for n, name in enumerate(CONTEXT)},
        }
    ).write_parquet(folder / "shown.parquet")


def hand_over(folder: Path, release: Path) -> int:
    """Write what the other servers need into `folder`; the trees of both models together."""
    people, things = (pl.read_parquet(folder / f"{name}.parquet") for name in ("users", "items"))
    trees = 0
    for name in OBJECTIVES:
        model = Predictor.load(release / "models" / name).model
        assert isinstance(model, TreesModel)
        (stand,) = model.stands
        assert stand is not None
        (folder / f"{name}.txt").write_text(stand.text, encoding="utf-8")
        trees += stand.text.count("\nTree=")
        made = {"users": _encoded(model, people, "users", USER), "items": _encoded(model, things, "items", ITEM)}
        for source, (names, values) in made.items():
            frame = pl.DataFrame(values, schema=names, orient="row")
            frame.insert_column(0, people["user_id"] if source == "users" else things["item_id"])
            frame.write_csv(folder / f"{name}_{source}.csv")
        order = [one.removeprefix("shown_") for one in model.columns.sources if one is not None]
        (folder / f"{name}_columns.json").write_text(json.dumps(order), encoding="utf-8")
    return trees


def _encoded(model: TreesModel, frame: pl.DataFrame, source: str, names: list[str]) -> tuple[list[str], np.ndarray]:
    """The columns of the model's matrix that come from one table, for each of its rows."""
    height = frame.height
    columns = {}
    for name in model.columns.names:
        own = name.removeprefix(f"{source}_")
        if own in names and name != own:
            values = frame[own].to_list()
            columns[name] = Column.strings(values) if own == names[-1] else Column.numbers(values)
        else:
            kind = name.split("_", 1)[-1]
            strings = kind in (USER[-1], ITEM[-1])
            columns[name] = Column.strings([None] * height) if strings else Column.numbers([None] * height)
    X = model.columns.matrix(Table(columns, height))
    keep = [n for n, one in enumerate(model.columns.sources) if one is not None and one.startswith(f"{source}_")]
    return [str(model.columns.sources[n]) for n in keep], X[:, keep]


def bodies(folder: Path, count: int, candidates: int) -> list[dict[str, object]]:
    """Requests of users who are shown some of the items."""
    random = np.random.default_rng(2)
    people = pl.read_parquet(folder / "users.parquet")["user_id"].to_list()
    things = pl.read_parquet(folder / "items.parquet")["item_id"].to_list()
    return [
        {
            "user_id": people[int(random.integers(len(people)))],
            **{name: round(float(random.normal()), 4) for name in CONTEXT},
            "candidates": [{"item_id": one} for one in random.choice(things, candidates, replace=False).tolist()],
        }
        for _ in range(count)
    ]
