"""Sixty days of the market of restaurants, with shocks and liars, under `poise update`, against the market's truth.

    python -m benchmarks.sixty_days            # --quick: twenty days

Three strategies begin with the same release of the first days: nothing is learned again; everything is learned again
every evening and answers from the next morning on, without the guard or any gate; `poise update` looks every evening,
with the guard and the gates of the example. Each lists in a market of its own. From the day on which the first liar
comes, the two that learn go on a second time in the same market without liars: the difference is what the lies did.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, run
from benchmarks.market_days import Day, Home, Promotion, system_text
from poise.interfaces.system import System
from poise.releases.examples import assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.learn_from import LearnFrom, kept
from poise.releases.live import LiveRelease
from poise.updating.stages import updates
from poise.updating.suspects import suspects

# isort: split
from prepare import impressions  # from the folder that market_days adds
from town import DAY, START
from troubles import Calendar, Troubled

LISTS = 150
"""A day, about."""
FIRST = 18
"""Days before the first release."""


def look(home: Home, system: System) -> str:
    """`poise update`, in the evening."""
    found = system.update()
    return f"{found.outcome}: {found.sentence}"


def learn(home: Home, system: System) -> str:
    """Learn from everything, and answer with it from now on."""
    home.serving = system.train().folder
    return f"trained {home.serving.name}"


def nothing(home: Home, system: System) -> str:
    """Nothing."""
    return ""


STRATEGIES = {"frozen": nothing, "every day": learn, "update": look}


@dataclass(frozen=True)
class Lived:
    """What became of every strategy, by its name, and of the two that learn where nobody lied."""

    homes: Mapping[str, Home]
    honest: Mapping[str, Home]
    calendar: Calendar
    first: int


def lived(folder: Path, calendar: Calendar, lists: int, first: int, seed: int = 7) -> Lived:
    """Every strategy over all days."""
    begun = Home(folder / "begun", Troubled(calendar, seed, lists * calendar.days), nothing)
    begun.begin(first, system_text())
    homes, honest = {}, {}
    for name, evening in STRATEGIES.items():
        home = homes[name] = begun.copied(folder / name, evening)
        while home.market.ran < calendar.days:
            if home.market.ran == calendar.fakes[0] and name != "frozen":
                honest[name] = home.copied(folder / f"{name}, honest", evening, lies=False)
            told_of(name, home.live_day())
        if name in honest:
            while honest[name].market.ran < calendar.days:
                told_of(f"{name} without liars", honest[name].live_day())
    return Lived(homes, honest, calendar, first)


def told_of(name: str, day: Day) -> None:
    """A line on a day."""
    print(
        f"  {name}, day {day.day}: {day.release}, {day.worth / day.best:.3f} of the best; {day.did[:150]}", flush=True
    )


@dataclass(frozen=True)
class Truth:
    """What the truth says of a home once all days are over. lower: per promotion, objective -> by how much the new
    release's expected loss is lower than that of the one before, on the honest rows of the days that followed. held: of
    the made-up rows, and of the honest ones since the first liar came, the share that nothing is learned from."""

    lower: Sequence[Mapping[str, float]]
    held: tuple[float, float]


def truth_of(home: Home, calendar: Calendar) -> Truth:
    """Hold the promotions of a home, and what its guard held back, against the market."""
    system = home.system()
    spec, extra = system.spec, extra_names(system.spec)
    plans = plans_of(spec, extra)
    sources = read_sources(spec, system.lake, plans, extra)
    data = assemble(spec, plans, sources, extra)
    order, value, made_up = {}, {}, set()
    for day in home.logs:
        log, names = day.log, impressions(day.log)["impression_id"].to_list()
        true = home.market.truth(log.user, log.item, log.time)
        order |= dict(zip(names, true.order * home.market.exposure(log.position), strict=True))
        value |= dict(zip(names, true.value, strict=True))
        made_up |= {name for name, lie in zip(names, day.made_up, strict=True) if lie}
    lower = []
    for one in home.promotions:
        pair = [LiveRelease.of(folder, system.lake, sources) for folder in (one.before, one.after)]
        found = {}
        for name, rows in data.items():
            assert rows.requests.id is not None
            ids, day = rows.requests.id.to_list(), (rows.requests.time - START) // DAY
            next_days = (one.day < day) & (day <= one.day + 3)
            some = np.array([at for at in np.flatnonzero(next_days) if ids[at] not in made_up], np.int64)
            true = np.array([(order if name == "order" else value)[ids[at]] for at in some])
            predicted = [release.predict(name, rows, some) for release in pair]
            assert predicted[0] is not None and predicted[1] is not None
            old, new = (_loss(each, true, name) for each in predicted)  # type: ignore[arg-type]
            found[name] = float((old - new).mean()) if len(some) else 0.0
        lower.append(found)
    limits = LearnFrom(left_out=tuple(one.left_out for one in suspects(system.state) if one.state == "held"))
    keep = kept(spec, "order", data["order"].requests, sources.histories, limits)
    ids = data["order"].requests.id
    assert ids is not None
    bad = np.array([name in made_up for name in ids.to_list()])
    held = np.zeros(len(bad), bool) if keep is None else ~keep
    honest = ~bad & (data["order"].requests.time >= START + calendar.fakes[0] * DAY)
    system.state.close()
    return Truth(lower, (float(held[bad].mean()) if bad.any() else 0.0, float(held[honest].mean())))


def _loss(predicted: np.ndarray, true: np.ndarray, name: str) -> np.ndarray:
    """Expected by the truth: log loss of an order, squared error of a value."""
    if name == "value":
        return np.square(predicted - true)
    sure = np.clip(predicted, 1e-12, 1 - 1e-12)
    return -(true * np.log(sure) + (1 - true) * np.log1p(-sure))


def worth(days: Sequence[Day]) -> float:
    """Of the lists of these days, as a share of the best lists for the same users."""
    return float(sum(one.worth * one.lists for one in days) / sum(one.best * one.lists for one in days))


def per_1000(days: Sequence[Day], what: str) -> float:
    """Orders or USD per 1,000 lists."""
    return 1000 * sum(getattr(one, what) * one.lists for one in days) / sum(one.lists for one in days)


def compared(home: Home) -> int:
    """Candidates that were compared with what was live."""
    system = home.system()
    found = sum(one.comparison is not None for one in updates(system.state))
    system.state.close()
    return found


def told(found: Lived) -> list[Figure]:
    """The figures."""
    home = found.homes["update"]
    truth = truth_of(home, found.calendar)
    figures = []
    for one, lower in zip(home.promotions, truth.lower, strict=True):
        said = "; ".join(f"{name} {gain:+.4f}" for name, gain in lower.items())
        lists = f"lists {100 * one.gain:+.2f} % (standard error {100 * one.error:.2f})" if one.gains else "no day left"
        print(f"  {one.after.name} for {one.before.name} on day {one.day}: {lists}; loss lower by {said}", flush=True)
    asked = [one for one in home.promotions if one.gains]
    figures += [
        Figure("60 days: candidates compared", compared(home), None),
        Figure("60 days: promotions", len(home.promotions), None),
        Figure("60 days: promotions whose lists were worse by the truth", _worse(asked), None),
        Figure("60 days: promotions of which no loss was lower by the truth",
               sum(all(gain < 0 for gain in one.values()) for one in truth.lower), None),
    ]  # fmt: skip
    for name, one in found.homes.items():
        days = one.days
        system = one.system()
        trained = sum(line.act == "train" for line in system.state.history())
        system.state.close()
        figures += [
            Figure(f"60 days: {name}: worth of the best possible", 100 * worth(days), None, "%"),
            Figure(f"60 days: {name}: orders per 1,000 lists", per_1000(days, "engagement"), None),
            Figure(f"60 days: {name}: USD per 1,000 lists", per_1000(days, "revenue"), None),
            Figure(f"60 days: {name}: trainings", trained, None),
        ]
    for name, one in found.honest.items():
        lied_to = [day for day in found.homes[name].days if day.day > found.calendar.fakes[0]]
        spared = [day for day in one.days if day.day > found.calendar.fakes[0]]
        lost = 100 * (1 - worth(lied_to) / worth(spared))
        figures.append(Figure(f"60 days: {name}: worth that the lies cost while they lasted", lost, None, "%"))
    figures += [
        Figure("60 days: made-up rows held back", 100 * truth.held[0], None, "%"),
        Figure("60 days: honest rows held back since the first lie", 100 * truth.held[1], None, "%"),
    ]
    return figures


def _worse(promotions: Sequence[Promotion]) -> int:
    return sum(one.gain < 0 for one in promotions)


def measure(quick: bool) -> list[Figure]:
    """Sixty days; the quick form twenty."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    calendar = Calendar().shortened(20) if quick else Calendar()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return told(lived(Path(folder), calendar, LISTS, 14 if quick else FIRST))


if __name__ == "__main__":
    run(measure)
