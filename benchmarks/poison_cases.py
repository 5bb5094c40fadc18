"""The systems that are poisoned, and every attack on them: rows whose labels are turned round, that are added, or lie.

An attack is said once, in terms of rows (`struck`), and each system writes it into its tables.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.flights import flights_folder
from poise.clock import DAY

EXAMPLES = Path(__file__).parents[1] / "examples"
KNOWN = ("1% flipped", "5% flipped", "20% flipped", "fakes", "flood", "slow fakes")
"""Those that the guard was made with …"""
OTHERS = ("one hour", "near copies", "whitewash", "wrong features", "two collude", "before the release")
"""… and those that it was not tuned with."""
Flags = np.ndarray
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Rows:
    """The rows of a system as an attack sees them, (n,) each: who is new and struck, how far the time of the attack has
    gone, labels, who reports, the hour; liar and friend: whom of those the attack makes lie."""

    new: Flags
    old: Flags
    gone: Flags
    label: Flags
    actor: Flags
    hour: Flags
    lies: bool
    liar: str
    friend: str


@dataclass(frozen=True)
class Strike:
    """What an attack does: labels turned round (n,), rows whose features are mixed up (n,), rows that are sent again
    with turned labels (n,), and under one name that nobody knew or under those of others."""

    turned: Flags
    mixed: Flags
    again: Flags
    flood: bool = False


def struck(attack: str, rows: Rows, random: np.random.Generator) -> Strike:
    """One attack. What a liar turns are the labels that are not as it wants them (`rows.lies`)."""
    n, none = len(rows.new), np.zeros(len(rows.new), bool)
    drawn, wants = random.random(n), rows.label != rows.lies
    mine = rows.actor == rows.liar
    if attack.endswith("flipped"):
        return Strike(rows.new & (drawn < float(attack.split("%", maxsplit=1)[0]) / 100), none, none)
    if attack == "fakes":
        return Strike(rows.new & mine & wants & (drawn < 0.8), none, none)
    if attack == "slow fakes":
        return Strike(rows.new & mine & wants & (drawn < rows.gone), none, none)
    if attack == "whitewash":  # honest for half of the time, then all lies
        return Strike(rows.new & mine & wants & (rows.gone > 0.5), none, none)
    if attack == "two collude":
        return Strike(rows.new & (mine | (rows.actor == rows.friend)) & wants & (drawn < 0.6), none, none)
    if attack == "one hour":
        hours, counts = np.unique(rows.hour[rows.new], return_counts=True)
        return Strike(rows.new & (rows.hour == hours[counts.argmax()]), none, none)
    if attack == "wrong features":
        return Strike(none, rows.new & (drawn < 0.3), none)
    if attack == "before the release":
        return Strike((rows.new | rows.old) & (drawn < 0.2), none, none)
    if attack in ("flood", "near copies"):
        return Strike(none, none, rows.new & (drawn < 0.3), attack == "flood")
    return Strike(none, none, none)


@dataclass(frozen=True)
class Case:
    """A system, its tables as they are without an attack, and when what is new and what judges begins (microseconds).

    rows: tables -> the rows as an attack sees them; write: (tables, strike, random) -> tables and ids of what was hit.
    """

    name: str
    text: str
    tables: Tables
    objective: str
    rung: str
    new: int
    judged: int
    rows: Callable[[Tables], Rows]
    write: Callable[[Tables, Strike, np.random.Generator], tuple[Tables, set[str]]]

    def attack(self, attack: str, seed: int = 0) -> tuple[Tables, set[str]]:
        """The tables under an attack, and the ids of the rows that were touched."""
        if attack == "nothing":
            return self.tables, set()
        random = np.random.default_rng(seed)
        return self.write(self.tables, struck(attack, self.rows(self.tables), random), random)


def _times(time: np.ndarray, start: int, end: int) -> tuple[Flags, Flags, Flags]:
    """New, the last week before, and how far the attack has gone."""
    new, old = (time >= start) & (time < end), (time >= start - 7 * DAY) & (time < start)
    return new, old, np.clip((time - start) / (end - start), 0, 1)


def instant(year: int, month: int, day: int) -> int:
    """Microseconds of a date in UTC."""
    return int(np.datetime64(f"{year}-{month:02d}-{day:02d}", "us").astype(np.int64))


def flights(quick: bool, start: tuple[int, int, int] | None = None) -> Case:
    """Flights from LaGuardia; its carriers are who reports."""
    example = flights_folder()
    text = (example / "poise.yaml").read_text(encoding="utf-8")
    text = text.replace("    request: [carrier", "    trust: {actor: carrier, at_most: 50%}\n    request: [carrier")
    months = 2 if quick else 5
    kept = (pl.col("origin") == "LGA") & (pl.col("month") <= months)
    tables = {
        f"data/{name}.parquet": pl.read_parquet(example / "data" / f"{name}.parquet") for name in ("weather", "planes")
    }
    tables["data/flights.parquet"] = pl.read_parquet(example / "data" / "flights.parquet").filter(kept)
    new, judged = ((2013, 2, 8), (2013, 2, 22)) if quick else ((2013, 4, 1), (2013, 5, 8))
    begin, end = instant(*new), instant(*judged) - (2 if quick else 7) * DAY

    def rows(tables: Tables) -> Rows:
        found = tables["data/flights.parquet"]
        time = found.select(pl.datetime("year", "month", "day").dt.epoch("us")).to_series().to_numpy()
        late = found["arr_delay"].fill_null(0).to_numpy() > 15
        landed = found["arr_delay"].is_not_null().to_numpy()
        new, old, gone = _times(time, begin, end)
        hour = found["sched_dep_time"].to_numpy() // 100
        return Rows(new & landed, old & landed, gone, late, found["carrier"].to_numpy(), hour, False, "MQ", "US")

    def write(tables: Tables, strike: Strike, random: np.random.Generator) -> tuple[Tables, set[str]]:
        found = tables["data/flights.parquet"]
        turned = pl.when(pl.col("arr_delay") > 15).then(-5.0).otherwise(60.0)
        made = found.with_columns(arr_delay=pl.when(pl.Series(strike.turned)).then(turned).otherwise("arr_delay"))
        made = _mixed(made, strike.mixed, ["dest", "distance", "carrier", "tailnum", "dest_zone"], random)
        ids = set(found["flight_id"].filter(pl.Series(strike.turned | strike.mixed)).to_list())
        again = found.filter(pl.Series(strike.again))
        names = pl.Series([f"again{at}" for at in range(again.height)])
        carrier = pl.lit("ZZ") if strike.flood else again["carrier"][random.permutation(again.height)]
        near = pl.col("distance") + pl.Series(random.normal(0, 5, again.height)).round()
        again = again.with_columns(
            flight_id=names, carrier=carrier, arr_delay=turned, distance=near.clip(50).cast(found["distance"].dtype)
        )
        return {**tables, "data/flights.parquet": pl.concat([made, again])}, ids | set(names.to_list())

    return Case("flights", text, tables, "late", "trees", begin, instant(*judged), rows, write)


def _mixed(table: pl.DataFrame, rows: Flags, columns: list[str], random: np.random.Generator) -> pl.DataFrame:
    """The values of some rows dealt out anew among them, all columns of a row alike."""
    place = np.arange(table.height)
    place[rows] = random.permutation(np.flatnonzero(rows))
    return table.with_columns(table[place].select(columns))


def restaurants(quick: bool, seed: int = 3) -> Case:
    """A simulated market in which restaurants and users may lie."""
    sys.path.insert(0, str(EXAMPLES / "restaurants"))
    from market import Market, popularity
    from prepare import impressions, orders, users
    from prepare import restaurants as places
    from town import START

    days, lists = (12, 1_200) if quick else (38, 12_000)
    market = Market(seed=seed, days=days, lists=lists, users=600)
    log = market.run(popularity())
    text = (EXAMPLES / "restaurants" / "poise.yaml").read_text(encoding="utf-8")
    names = [f"data/{name}" for name in ("impressions/all.parquet", "orders/all.parquet")]
    tables = {
        "data/users.parquet": users(market),
        "data/restaurants/all.parquet": places(market, range(days)),
        names[0]: impressions(log),
        names[1]: orders(log),
    }
    new, judged = (START + day * DAY for day in ((6, 9) if quick else (21, 31)))

    def rows(tables: Tables) -> Rows:
        shown = tables[names[0]]
        time = shown["shown_at"].dt.timestamp("us").to_numpy()
        has = shown["impression_id"].is_in(tables[names[1]]["impression_id"].implode()).to_numpy()
        fresh, old, gone = _times(time, new, judged - DAY)
        common = shown.filter(pl.Series(fresh))["restaurant_id"].value_counts(sort=True)["restaurant_id"]
        who = shown["restaurant_id"].to_numpy()
        return Rows(fresh, old, gone, has, who, time // (DAY // 24) % 24, True, common[20], common[25])

    def write(tables: Tables, strike: Strike, random: np.random.Generator) -> tuple[Tables, set[str]]:
        shown, bought = tables[names[0]], tables[names[1]]
        has = shown["impression_id"].is_in(bought["impression_id"].implode()).to_numpy()
        made = _mixed(shown, strike.mixed, ["restaurant_id", "position"], random)
        ids = set(shown["impression_id"].filter(pl.Series(strike.turned | strike.mixed)).to_list())
        taken = shown["impression_id"].filter(pl.Series(strike.turned & has))
        again = shown.filter(pl.Series(strike.again))
        new_ids = pl.Series([f"again{at}" for at in range(again.height)], dtype=pl.String)
        user = pl.lit("u0001") if strike.flood else again["user_id"][random.permutation(again.height)]
        again = again.with_columns(impression_id=new_ids, request_id="f" + pl.col("request_id"), user_id=user)
        ordered = again.filter(pl.Series(~has[strike.again]) & (pl.col("position") > 6))
        fakes = pl.concat([shown.filter(pl.Series(strike.turned & ~has)), ordered]).select(
            order_id="fake" + pl.col("impression_id"), impression_id="impression_id", user_id="user_id",
            restaurant_id="restaurant_id", value=pl.lit(20.0), ordered_at=pl.col("shown_at") + pl.duration(minutes=20),
        )  # fmt: skip
        kept = bought.filter(~pl.col("impression_id").is_in(taken.implode()))
        return {
            **tables,
            names[0]: pl.concat([made, again]).sort("shown_at"),
            names[1]: pl.concat([kept, fakes.select(kept.columns)]).sort("ordered_at"),
        }, ids | set(new_ids.to_list())

    return Case("restaurants", text, tables, "order", "trees", new, judged, rows, write)


def fraud(quick: bool) -> Case:
    """Card payments, of which few are fraud; merchants are who reports."""
    example = EXAMPLES / "fraud"
    subprocess.run([sys.executable, str(example / "prepare.py")], check=True)
    text = (example / "poise.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "    person: customer\n", "    person: customer\n    trust: {actor: merchant, at_most: 70%}\n", 1
    )
    names = ["data/payments.csv", "data/chargebacks.csv"]
    tables = {name: pl.read_csv(example / name) for name in names}
    new, judged = instant(2026, 3, 20), instant(2026, 5, 1)

    def rows(tables: Tables) -> Rows:
        paid = tables[names[0]]
        time = paid["paid_at"].str.to_datetime(time_zone="UTC").dt.epoch("us").to_numpy()
        has = paid["payment"].is_in(tables[names[1]]["payment"].implode()).to_numpy()
        fresh, old, gone = _times(time, new, judged - 7 * DAY)
        seen = (paid["done"] == "allow").to_numpy()
        who = paid["merchant"].to_numpy()
        return Rows(fresh & seen, old & seen, gone, has, who, time // (DAY // 24) % 24, False, "gift cards", "travel")

    def write(tables: Tables, strike: Strike, random: np.random.Generator) -> tuple[Tables, set[str]]:
        paid, told = tables[names[0]], tables[names[1]]
        has = paid["payment"].is_in(told["payment"].implode()).to_numpy()
        made = _mixed(paid, strike.mixed, ["amount", "country", "merchant", "new_device"], random)
        ids = set(paid["payment"].filter(pl.Series(strike.turned | strike.mixed)).to_list())
        again = paid.filter(pl.Series(strike.again))
        new_ids = pl.Series([f"again{at}" for at in range(again.height)], dtype=pl.String)
        who = pl.lit("c9999") if strike.flood else again["customer"][random.permutation(again.height)]
        near = (pl.col("amount") * pl.Series(random.uniform(0.97, 1.03, again.height))).round(2).clip(0, 5000)
        again = again.with_columns(payment=new_ids, customer=who, amount=near)
        turned = pl.concat([paid.filter(pl.Series(strike.turned & ~has)), again.filter(pl.Series(~has[strike.again]))])
        said = pl.col("paid_at").str.to_datetime(time_zone="UTC") + pl.duration(hours=30)
        fakes = turned.select(
            chargeback="fake" + pl.col("payment"),
            payment="payment",
            reported_at=said.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        )
        kept = told.filter(~pl.col("payment").is_in(paid["payment"].filter(pl.Series(strike.turned & has)).implode()))
        made = pl.concat([made, again])
        return {**tables, names[0]: made, names[1]: pl.concat([kept, fakes])}, ids | set(new_ids.to_list())

    return Case("fraud", text, tables, "fraud", "trees", new, judged, rows, write)
