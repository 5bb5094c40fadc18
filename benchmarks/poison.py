"""What attacks cost with and without the poison guard, and how much of what is honest it holds back.

    python -m benchmarks.poison

Flights (LaGuardia 2013: history January to March, new in April, judged from May 8 on), a simulated market of
restaurants (history 21 days, new 10, judged 7) and simulated card payments (history 74 days, new 42, judged 34), each
attacked in twelve ways. A model of the same rung and settings is learned from everything, and from what the guard lets
through; what is given is by how much its log loss on later clean rows is worse than that of a model that learned from
the same rows without the attack. Rows that the guard holds back though they are honest are counted, also without any
attack.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, run
from benchmarks.poison_cases import KNOWN, OTHERS, Case, Tables, flights, fraud, restaurants
from poise.interfaces.system import System
from poise.releases.examples import ObjectiveData, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.learn_from import LearnFrom, kept
from poise.table import History
from poise.updating.guard import Suspect, guard
from poise.updating.guard_impact import Trial
from poise.updating.suspects import ONE_IN, SLICES

ATTACKS = ("nothing", *KNOWN, *OTHERS)


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
    tables, touched = case.attack(attack)
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
        (table.write_csv if name.endswith(".csv") else table.write_parquet)(folder / name)  # type: ignore[operator]
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
    """Every attack on every system; in the short form one attack on two."""
    figures: list[Figure] = []
    for make in (flights, restaurants) if quick else (flights, restaurants, fraud):
        case = make(quick)
        clean = 0.0
        for attack in ("nothing", "20% flipped") if quick else ATTACKS:
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
