"""Row checks of Poise beside plain Polars expressions: 1M rows x 20 columns x 13 rules, a reason per refused row.

    python -m benchmarks.checks

Both sides get the same frame, refuse the same rows and give the good rows, the refused rows with their reasons, and
counts per reason. Poise also writes a sentence per reason and the row as it came. Rounds alternate; the ratio is of
medians of one run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from poise.data.base import Finding
from poise.data.identity import Identity
from poise.data.judge import Judge, described, reasons_of
from poise.data.lake import Lake
from poise.data.reading import POSITION, Batch
from poise.spec.system import SystemSpec

ROUNDS = 7
NOW = 1_767_225_600_000_000
STATES = ["new", "paid", "sent", "done"]
SOURCE: dict[str, Any] = {
    "path": "none.parquet",
    "id": "order_id",
    "columns": {
        "order_id": {"type": "string", "pattern": "o[0-9]+"},
        "email": {"type": "string", "pattern": "[^@ ]+@[^@ ]+"},
        "state": {"type": "category", "values": STATES},
        "country": {"type": "category", "values": ["SG", "US", "DE", "FR", "JP"]},
        "user": {"type": "string", "required": True},
        "amount": {"type": "float", "required": True, "min": 0, "max": 1000},
        "quantity": {"type": "int", "min": 1, "max": 50},
        "discount": {"type": "float", "min": 0, "max": 1},
        "ordered": {"type": "int", "min": 0},
        "shipped": "int",
        **{f"x{n}": "float" for n in range(10)},
    },
    "rules": {"after": "missing(shipped) or ordered <= shipped", "worth": "quantity * 1000 >= amount"},
}


def orders(rows: int) -> pl.DataFrame:
    """Orders of which about 2.4 % break a rule."""
    random = np.random.default_rng(0)

    def some(values: pl.Series, wrong: Any) -> pl.Series:
        bad = pl.Series(random.random(rows) < 0.0024)
        return values.to_frame("v").select(pl.when(bad).then(pl.lit(wrong)).otherwise(pl.col("v"))).to_series()

    number = np.arange(rows)
    ids = np.where(random.random(rows) < 0.0024, np.maximum(number - 1, 0), number)
    ordered = random.integers(0, 10**6, rows)
    frame = {
        "order_id": "o" + pl.Series(ids).cast(pl.String),
        "email": some("u" + pl.Series(random.integers(0, 10**5, rows)).cast(pl.String) + "@x.com", "nobody"),
        "state": some(pl.Series(np.array(STATES)[random.integers(0, 4, rows)]), "lost"),
        "country": some(pl.Series(np.array(["SG", "US", "DE", "FR", "JP"])[random.integers(0, 5, rows)]), "XX"),
        "user": some("u" + pl.Series(random.integers(0, 10**5, rows)).cast(pl.String), None),
        "amount": some(pl.Series(random.random(rows) * 900), -1.0),
        "quantity": some(pl.Series(random.integers(1, 50, rows)), 99),
        "discount": some(pl.Series(random.random(rows)), 2.0),
        "ordered": pl.Series(ordered),
        "shipped": some(pl.Series(ordered + random.integers(0, 10**5, rows)), -1),
    }
    return pl.DataFrame({**frame, **{f"x{n}": random.random(rows) for n in range(10)}})


def plain(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """What one would write by hand."""
    c = pl.col
    bad = {
        "pattern:order_id": ~c("order_id").str.contains(r"^(?:o[0-9]+)$"),
        "pattern:email": ~c("email").str.contains(r"^(?:[^@ ]+@[^@ ]+)$"),
        "values:state": ~c("state").is_in(STATES),
        "values:country": ~c("country").is_in(["SG", "US", "DE", "FR", "JP"]),
        "required:user": c("user").is_null(),
        "required:amount": c("amount").is_null(),
        "range:amount": ~c("amount").is_between(0, 1000),
        "range:quantity": ~c("quantity").is_between(1, 50),
        "range:discount": ~c("discount").is_between(0, 1),
        "range:ordered": c("ordered") < 0,
        "rule:after": ~(c("shipped").is_null() | (c("ordered") <= c("shipped"))),
        "rule:worth": ~(c("quantity") * 1000 >= c("amount")),
    }
    marks = frame.select(expression.fill_null(False).alias(code) for code, expression in bad.items())
    twice = frame.filter(~pl.any_horizontal(marks.get_columns()))  # an id may stand once among the good rows
    twice = twice.filter(~c("order_id").is_first_distinct())["_position"]
    marks = marks.with_columns(frame["_position"].is_in(twice.implode()).alias("conflict:order_id"))
    wrong = marks.select(pl.any_horizontal(pl.all())).to_series()
    why = pl.concat_list(pl.when(c(k)).then(pl.lit(k)) for k in marks.columns).list.drop_nulls()
    refused = frame.filter(wrong).with_columns(marks.filter(wrong).select(why).to_series().alias("reasons"))
    return frame.filter(~wrong), refused, reasons_of(refused)


def poise(judge: Judge, lake: Lake, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """What an ingest does with the same rows, up to writing them."""
    judged = judge.judge(batch, NOW)
    identity = Identity(lake, judge.name, judge.source, tuple(judge.source.columns), "bench")
    fate = identity.sort(judged.good)
    refused = judged.refused
    if fate.conflict.any():
        twice = judged.good.filter(fate.conflict)
        code, why = identity.conflicts()
        masks = pl.DataFrame({"hit:0": pl.repeat(True, twice.height, eager=True)})
        refused = pl.concat([refused, described(twice, masks, [Finding(code, pl.lit(True), why)], batch.frame)])
    return judged.good.filter(fate.fresh), refused, reasons_of(refused)


def main(quick: bool) -> list[Figure]:
    """Both times and their ratio."""
    rows = 20_000 if quick else 1_000_000
    frame = orders(rows)
    content = {"format": 1, "system": "bench", "purpose": "bench", "sources": {"orders": SOURCE}}
    objective = {"o": {"type": "binary", "per": "orders", "label": {}}}
    judge = Judge(SystemSpec.model_validate({**content, "objectives": objective}), "orders")
    batch = Batch(frame.with_row_index(POSITION, offset=1).with_columns(pl.col(POSITION).cast(pl.Int64)), False)
    times: dict[str, list[float]] = {"plain": [], "poise": []}
    results: dict[str, tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 if quick else ROUNDS):
            for name, act in (
                ("plain", lambda: plain(batch.frame)),
                ("poise", lambda: poise(judge, Lake(folder), batch)),
            ):
                began = time.perf_counter()
                results[name] = act()
                times[name].append(time.perf_counter() - began)
    (good, refused, counts), (_, _, expected) = results["poise"], results["plain"]
    assert counts == expected, f"{counts} is not {expected}"
    print(f"{good.height:,} good, {refused.height:,} refused: {counts}")
    ours, theirs = statistics.median(times["poise"]), statistics.median(times["plain"])
    print(f"{rows:,} rows x {frame.width} columns x 13 rules: plain {theirs:.3f} s, Poise {ours:.3f} s")
    return [Figure("row checks v plain Polars expressions", ours / theirs, 1.3)]


if __name__ == "__main__":
    run(main)
