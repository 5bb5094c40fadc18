"""What attacks on the labels cost with and without the poison guard, and how much of what is honest it holds back.

    python -m benchmarks.poison

Flights (LaGuardia 2013: history January to March, new in April, judged from May 8 on) and a simulated market of
restaurants (history 21 days, new 10, judged 7), each attacked in six ways. A model of the same rung and settings is
learned from everything, and from what the guard lets through; what is given is by how much its log loss on later clean
rows is worse than that of a model that learned from the same rows without the attack. Rows that the guard holds back
though they are honest are counted, also without any attack.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figure import Figure, run
from benchmarks.flights import flights_folder
from poise.clock import DAY
from poise.interfaces.system import System
from poise.releases.examples import ObjectiveData, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.learn_from import LearnFrom, kept
from poise.table import History
from poise.updating.guard import Suspect, guard
from poise.updating.guard_impact import Trial
from poise.updating.suspects import ONE_IN, SLICES

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
ATTACKS = ("nothing", "1% flipped", "5% flipped", "20% flipped", "fakes", "flood", "slow fakes")
Flags = np.ndarray
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Case:
    """A system, its tables as they are without an attack, and when what is new and what judges begins (microseconds).

    attack: (tables, attack, random) -> tables and the ids of the rows that were touched.
    """

    name: str
    text: str
    tables: Tables
    objective: str
    rung: str
    new: int
    judged: int
    attack: Callable[[Tables, str, np.random.Generator], tuple[Tables, set[str]]]


def flights(quick: bool) -> Case:
    """Flights from LaGuardia; its carriers are who reports."""
    example = flights_folder()
    text = (example / "poise.yaml").read_text(encoding="utf-8")
    text = text.replace("    request: [carrier", "    trust: {actor: carrier, at_most: 50%}\n    request: [carrier")
    folder = example / "data"
    months = 2 if quick else 5
    kept = (pl.col("origin") == "LGA") & (pl.col("month") <= months)
    tables = {f"data/{name}.parquet": pl.read_parquet(folder / f"{name}.parquet") for name in ("weather", "planes")}
    tables["data/flights.parquet"] = pl.read_parquet(folder / "flights.parquet").filter(kept)
    new, judged = ((2013, 2, 8), (2013, 2, 22)) if quick else ((2013, 4, 1), (2013, 5, 8))
    return Case("flights", text, tables, "late", "trees", _instant(*new), _instant(*judged), _on_flights)


def _on_flights(tables: Tables, attack: str, random: np.random.Generator) -> tuple[Tables, set[str]]:
    flights = tables["data/flights.parquet"]
    month = int(flights["month"].max())  # type: ignore[arg-type]
    start = pl.datetime(2013, 4, 1) if month > 2 else pl.datetime(2013, 2, 8)
    end = pl.datetime(2013, 5, 1) if month > 2 else pl.datetime(2013, 2, 20)
    when = pl.datetime(pl.col("year"), pl.col("month"), pl.col("day"))
    new = flights.select((when >= start) & (when < end) & pl.col("arr_delay").is_not_null()).to_series().to_numpy()
    late, share = flights["arr_delay"].fill_null(0).to_numpy() > 15, np.linspace(0, 1, max(int(new.sum()), 1))
    ramp = np.zeros(len(new))
    ramp[new] = share
    hit = np.zeros(len(new), bool)
    mine = (flights["carrier"] == "MQ").to_numpy()
    if attack.endswith("flipped"):
        hit = new & (random.random(len(new)) < float(attack.split("%", maxsplit=1)[0]) / 100)
    elif attack in ("fakes", "slow fakes"):  # a carrier that is often late says that it never is, or ever less often
        hit = new & mine & late & (random.random(len(new)) < (ramp if attack == "slow fakes" else 1.0))
    delay = np.where(hit, np.where(late, -5.0, 60.0), flights["arr_delay"].to_numpy())
    touched = set(flights["flight_id"].to_numpy()[hit].tolist())
    made = flights.with_columns(arr_delay=pl.Series(delay).fill_nan(None))
    if attack == "flood":  # a carrier nobody knew, whose flights are late where others' are not
        rows = flights.filter(pl.Series(new & (random.random(len(new)) < 0.35)))
        names = pl.Series([f"flood{at}" for at in range(rows.height)])
        flipped = pl.when(pl.col("arr_delay") > 15).then(-5.0).otherwise(60.0)
        made = pl.concat([made, rows.with_columns(flight_id=names, carrier=pl.lit("ZZ"), arr_delay=flipped)])
        touched = set(names.to_list())
    return {**tables, "data/flights.parquet": made}, touched


def restaurants(quick: bool) -> Case:
    """A simulated market in which restaurants and users may lie."""
    sys.path.insert(0, str(EXAMPLES / "restaurants"))
    from market import Market, popularity
    from prepare import impressions, orders, users
    from prepare import restaurants as places
    from town import START

    days, lists = (12, 1_200) if quick else (38, 12_000)
    market = Market(seed=3, days=days, lists=lists, users=600)
    log = market.run(popularity())
    text = (EXAMPLES / "restaurants" / "poise.yaml").read_text(encoding="utf-8")
    tables = {
        "data/users.parquet": users(market),
        "data/restaurants/all.parquet": places(market, range(days)),
        "data/impressions/all.parquet": impressions(log),
        "data/orders/all.parquet": orders(log),
    }
    new, judged = (6, 9) if quick else (21, 31)
    return Case(
        "restaurants", text, tables, "order", "trees", START + new * DAY, START + judged * DAY,
        lambda tables, attack, random: _on_restaurants(tables, attack, random, START + new * DAY, START + judged * DAY),
    )  # fmt: skip


def _on_restaurants(
    tables: Tables, attack: str, random: np.random.Generator, start: int, end: int
) -> tuple[Tables, set[str]]:
    shown, bought = tables["data/impressions/all.parquet"], tables["data/orders/all.parquet"]
    time = shown["shown_at"].dt.timestamp("us").to_numpy()
    new = (time >= start) & (time < end - DAY)
    has = shown["impression_id"].is_in(bought["impression_id"].implode()).to_numpy()
    hit = np.zeros(len(new), bool)
    common = shown.filter(pl.Series(new))["restaurant_id"].value_counts(sort=True)["restaurant_id"][20]
    mine = (shown["restaurant_id"] == common).to_numpy()
    if attack.endswith("flipped"):
        hit = new & (random.random(len(new)) < float(attack.split("%", maxsplit=1)[0]) / 100)
    elif attack in ("fakes", "slow fakes"):
        ramp = np.clip((time - start) / (end - start), 0, 1) if attack == "slow fakes" else 1.0
        hit = new & mine & ~has & (random.random(len(new)) < 0.6 * ramp)
    touched = set(shown["impression_id"].to_numpy()[hit].tolist())
    added = shown.filter(pl.Series(hit & ~has))
    kept = bought.filter(~pl.col("impression_id").is_in(list(touched)))
    made = {**tables}
    if attack == "flood":  # one user is shown thousands of lists, and orders what stands at the bottom
        rows = shown.filter(pl.Series(new & (random.random(len(new)) < 0.2)))
        names = pl.Series([f"flood{at}" for at in range(rows.height)])
        rows = rows.with_columns(impression_id=names, request_id="f" + pl.col("request_id"), user_id=pl.lit("u0001"))
        made["data/impressions/all.parquet"] = pl.concat([shown, rows]).sort("shown_at")
        added, touched = rows.filter(pl.col("position") > 6), set(names.to_list())
    fakes = added.select(
        order_id="fake" + pl.col("impression_id"), impression_id="impression_id", user_id="user_id",
        restaurant_id="restaurant_id", value=pl.lit(20.0), ordered_at=pl.col("shown_at") + pl.duration(minutes=20),
    )  # fmt: skip
    made["data/orders/all.parquet"] = pl.concat([kept, fakes.select(kept.columns)]).sort("ordered_at")
    return made, touched


def _instant(year: int, month: int, day: int) -> int:
    return int(np.datetime64(f"{year}-{month:02d}-{day:02d}", "us").astype(np.int64))


@dataclass(frozen=True)
class Seen:
    """What one attack came to: log loss on clean later rows without and with the guard; shares of rows held back."""

    without: float
    guarded: float
    honest_held: float
    attack_held: float
    suspects: list[Suspect]


def seen(case: Case, attack: str) -> Seen:
    """One attack on one system."""
    tables, touched = case.attack(case.tables, attack, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as name:
        system, data, histories = _assembled(Path(name), case, tables)
        time = data.requests.time
        judged, new = time >= case.judged, (time >= case.new) & (time < case.judged)
        trusted = _trusted(time, case.new)
        found = guard(
            system.spec, {case.objective: data}, histories, {case.objective: case.rung}, case.new,
            {case.objective: trusted}, {case.objective: ~judged & ~trusted}, 1,
        )  # fmt: skip
        held = _held(found, data, histories, system)
        ids = data.requests.id
        bad = np.array([one in touched for one in ids.to_list()]) if ids is not None else np.zeros(len(time), bool)
        trial = Trial(system.spec, data, case.rung, judged, ~new & ~judged, 1)
        nothing = np.zeros(len(time), bool)
        losses = [trial.losses(without) for without in (nothing, held & new)]
        assert losses[0] is not None and losses[1] is not None
        honest = new & ~bad
        return Seen(
            float(losses[0].mean()), float(losses[1].mean()), float((held & honest).sum() / max(honest.sum(), 1)),
            float((held & bad & new).sum() / max((bad & new).sum(), 1)), found,
        )  # fmt: skip


def _assembled(folder: Path, case: Case, tables: Tables) -> tuple[System, ObjectiveData, dict[str, History]]:
    (folder / "poise.yaml").write_text(case.text, encoding="utf-8")
    for name, table in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(folder / name)
    system = System.read(folder / "poise.yaml")
    system.ingest()
    extra = extra_names(system.spec)
    plans = plans_of(system.spec, extra)
    sources = read_sources(system.spec, system.lake, plans, extra)
    made = assemble(system.spec, plans, sources, extra)
    return system, made[case.objective], dict(sources.histories)


def _trusted(time: np.ndarray, new: int) -> np.ndarray:
    """One in three of forty slices of the newest fifth of the history, as the guard samples it."""
    known = time[time < new]
    since = int(np.quantile(known, 0.8))
    slices = np.clip((time - since) * SLICES // max(new - since, 1), -1, SLICES)
    return (slices >= 0) & (slices < SLICES) & (slices % ONE_IN == 0)


def _held(found: list[Suspect], data: ObjectiveData, histories: dict[str, History], system: System) -> np.ndarray:
    limits = LearnFrom(left_out=tuple(one.left_out for one in found if one.held))
    keep = kept(system.spec, data.name, data.requests, histories, limits)
    return np.zeros(data.requests.height, bool) if keep is None else ~keep


def measure(quick: bool) -> list[Figure]:
    """Every attack on both systems."""
    figures: list[Figure] = []
    for make in (flights, restaurants):
        case = make(quick)
        clean = 0.0
        for attack in ATTACKS[:3:2] if quick else ATTACKS:
            one = seen(case, attack)
            clean = clean or one.without
            head = f"poison: {case.name}, {attack}: "
            for suspect in one.suspects:
                print("   ", "held" if suspect.held else "learned", suspect.left_out.sentence, suspect.rows, flush=True)
            figures += [
                Figure(head + "loss, no guard", 100 * (one.without / clean - 1), None, "%"),
                Figure(head + "loss, guarded", 100 * (one.guarded / clean - 1), None, "%"),
                Figure(head + "honest rows held back", 100 * one.honest_held, None, "%"),
                Figure(head + "of the attack held back", 100 * one.attack_held, None, "%"),
            ]
            for figure in figures[-4:]:
                print(figure, flush=True)
    return figures


if __name__ == "__main__":
    run(measure)
