"""Starting without data: a market in which nothing was ever logged, and what becomes of it day by day.

Users and restaurants are known, and nobody has been shown anything. Every day people ask, the live release answers in
process as its server would, people order or do not, and in the evening the day's rows are ingested. Now and then a
release is made of them, as `poise up` would make it: first of the rule alone, later of models. All lists are valued
exactly, by what is true of the market, and drawn as a curve.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from curve import Curve, Mark
from market import SHOW, Log, Market, Requests, Shown, oracle, popularity, random_order
from prepare import restaurants, users, write
from served import Served, store_of
from town import DAY, NONE, START, Floats, Ints

from poise.clock import ReplayClock
from poise.decisions.explore import Exploration
from poise.errors import PoiseError
from poise.interfaces.cli import report as sentence
from poise.interfaces.cli.terminal import say
from poise.interfaces.system import System
from poise.releases.folder import ReleaseFolder
from poise.releases.rule_release import by_rule
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded

HERE = Path(__file__).parent
SYSTEM_FILE = "poise.yaml"
DAYS, LISTS, USERS, RESTAURANTS = 28, 300, 500, 160
EVERY = 3
"""Days from one `poise up` to the next."""
TRIES = 3
"""How often a release is judged where only latency speaks against it: on a busy machine that says little."""
TOP, TEMPERATURE = 20, 1.0
"""How Poise's rule explores before there are models, and popularity for as long as it lives."""
SAMPLE = 40
"""Lists per day that the last release is asked for in hindsight."""


@dataclass(frozen=True, eq=False)
class Day:
    """What happened on one day.

    release: that answered, made of `made_of`; explored: whether it explored.
    orders, revenue: (lists,) what came of each list, in orders and in USD; expected: term -> (lists,) what was to be
    expected of it. worth: policy -> (lists,) what its lists for the same requests are worth, exactly, under the file's
    weights. rows: source -> (written, accepted by the evening's ingest). news: what became of what was trained.
    """

    day: int
    release: str
    made_of: str
    explored: bool
    orders: Floats
    revenue: Floats
    expected: Mapping[str, Floats]
    worth: Mapping[str, Floats]
    rows: Mapping[str, tuple[int, int]]
    news: str


class Beginning:
    """A market, and a Poise system that begins with it in `folder`, where its file stands; `run` goes through the days.

    lists: a day, about. every: days from one release to the next. A second market of the same seed is shown what is
    popular there, since popularity needs a log of its own.
    """

    def __init__(self, folder: Path, days: int = DAYS, lists: int = LISTS, seed: int = 7, every: int = EVERY) -> None:
        self.market, self._popular = (Market(seed, days, lists * days, USERS, RESTAURANTS) for _ in range(2))
        self.data, self.every = folder / "data", every
        self.system = System.read(folder / SYSTEM_FILE)
        decision = self.system.spec.decision
        assert decision is not None
        self.weights = dict(decision.weights)
        self._policies = {"oracle": oracle(**self.weights), "random": random_order()}

    def run(self) -> Iterator[Day]:
        """Every day from its morning to its evening, once."""
        for day in range(self.market.days):
            self._morning(day)
            yield self._day(day, up(self.system) if day == 0 else "")

    def _morning(self, day: int) -> None:
        """What is known before anybody asks: users, and today's opening hours, prices and commissions."""
        (self.data / "restaurants").mkdir(parents=True, exist_ok=True)
        users(self.market).write_parquet(self.data / "users.parquet")
        restaurants(self.market, [day]).write_parquet(self.data / "restaurants" / f"day-{day:03d}.parquet")
        self.system.ingest()

    def served(self, requests: Requests) -> Served:
        """The live release with all that the lake holds, as a server that starts now would have it, to be asked for
        `requests` in turn. A list's number is its seed, as it is for popularity: the same rule draws the same list."""
        loaded, seeds = Loaded.of(_live(self.system)), iter(requests.list.tolist())
        store = store_of(self.system, loaded)
        weights = self.system.state.weights()
        return Served(Answerer(loaded, store, ReplayClock(), weights, seeds=lambda: next(seeds)), store)

    def _day(self, day: int, news: str) -> Day:
        live, requests = _live(self.system), self.market.requests([day])
        served = self.served(requests)
        poise = served(self.market, requests)
        lists = {name: policy(self.market, requests).items for name, policy in self._policies.items()}
        lists |= self._popularity(day, requests) | {"poise": poise.items}
        worth = {name: self._worth(requests, items) for name, items in lists.items()}
        expected = self.market.value(requests, poise.items)
        log = self.market.run(lambda *_: poise, [day])
        orders, revenue = _realised(self.market, requests, log)
        rows = self._evening(day, log)
        if day + 1 < self.market.days and (day + 1) % self.every == 0:
            news = "; ".join(one for one in (news, up(self.system)) if one)
        explored = served.answerer.exploration is not None and served.answerer.exploration.on
        return Day(day, live.name, made_of(live), explored, orders, revenue, expected, worth, rows, news)

    def _popularity(self, day: int, requests: Requests) -> dict[str, Ints]:
        """The lists of popularity, in the market where it has been shown from the first day: exploring as it was shown,
        and as it would be if it only took, from today, what exploring has found."""
        shown = popular_exploring(self._popular, requests)
        taken = popularity(share=0.0)(self._popular, requests).items
        self._popular.run(lambda *_: shown, [day])
        return {"taking": taken, "popularity": shown.items}

    def _evening(self, day: int, log: Log) -> dict[str, tuple[int, int]]:
        """Write and ingest what the day has left."""
        write(self.market, log, [day], self.data)
        report = self.system.ingest()
        written = {"impressions": len(log.item), "orders": int(log.ordered.sum())}
        return {name: (n, report[name].counts.accepted) for name, n in written.items()}

    def _worth(self, requests: Requests, items: Ints) -> Floats:
        value = self.market.value(requests, items)
        return np.asarray(sum(weight * value[term] for term, weight in self.weights.items()))

    def hindsight(self) -> list[float]:
        """(days,) what lists of the release that is live now would have been worth, as a share of the best: with the
        online state of then, without exploration, on some requests of each day. It has learned from these very days,
        so nobody could have had it: it says what waiting for data costs."""
        served = Served.of(self.system, _live(self.system), explore=False)
        shares = []
        for day in range(self.market.ran):
            requests = self.market.requests([day])
            some = requests.take(np.arange(0, len(requests), max(1, len(requests) // SAMPLE)))
            best = self._policies["oracle"](self.market, some).items
            items = served(self.market, some).items
            shares.append(float(self._worth(some, items).mean() / self._worth(some, best).mean()))
        return shares


def _live(system: System) -> ReleaseFolder:
    folder = system.live_folder()
    assert folder is not None, "nothing refuses a release of the rule, but for latency"
    return folder


def popular_exploring(market: Market, requests: Requests) -> Shown:
    """What sold most in the seven days before the market's next one, explored as Poise explores the same rule before it
    has models."""
    day = market.ran
    sold, ever = market.orders[max(day - 7, 0) : day].sum(axis=0), market.orders[:day].any(axis=0)
    score = np.where(ever, sold, np.nan)  # one that never sold anything comes last
    explore = Exploration("plackett-luce", TOP, TEMPERATURE)
    items, propensity = np.full((len(requests), SHOW), NONE), np.ones((len(requests), SHOW))
    is_open = market.is_open(requests.candidates, requests.time[:, None]) & (requests.candidates != NONE)
    for row, candidates in enumerate(requests.candidates):
        able = candidates[is_open[row]]
        best = able[np.argsort(-score[able], kind="stable")]
        drawn = explore.draw(score[best], SHOW, int(requests.list[row]))
        items[row, : len(drawn.order)] = best[drawn.order]
        propensity[row, : len(drawn.order)] = drawn.propensity
    return Shown(items, propensity)


def up(system: System) -> str:
    """Train and release as `poise up` does; what came of it, in a few words."""
    if system.up_to_date() is not None:
        return ""
    trained = system.train().folder
    if system.adds_nothing(trained):
        return ""
    for _ in range(TRIES):
        judged = system.release(trained.name)
        assert judged.outcome is not None
        against = {verdict.requirement.metric: verdict.requirement.who for verdict in judged.outcome.refusals}
        if against.keys() != {"latency_p99"}:
            break
    if against:
        return f"{judged.folder.name} refused by {', '.join(dict.fromkeys(against.values()))}"
    return f"{judged.folder.name} goes live: {made_of(judged.folder)}"


def made_of(release: ReleaseFolder) -> str:
    """What sorts: the rule, or the model of each objective."""
    if by_rule(release):
        return "rule"
    return ", ".join(f"{name}: {one['chosen']}" for name, one in release.json("evidence")["objectives"].items())


def _realised(market: Market, requests: Requests, log: Log) -> tuple[Floats, Floats]:
    """Orders and USD earned that came of each list."""
    row = np.searchsorted(requests.list, log.list)
    earned = log.value * market.commission[(log.time - START) // DAY, log.item] * log.ordered
    n = len(requests)
    return np.bincount(row, log.ordered, n), np.bincount(row, earned, n)


HEAD = (
    f"{'day':>3}  {'live':<5}{'made of':<30}{'lists':>6}{'orders (expected)':>19}{'USD (expected)':>17}"
    f"{'worth beside popularity':>25}"
)


def line(one: Day) -> str:
    """A day in the table, its orders and USD per 1,000 lists."""
    orders = f"{_per(one.orders)} ({_per(one.expected['engagement'])})"
    revenue = f"{_per(one.revenue)} ({_per(one.expected['revenue'])})"
    more = one.worth["poise"].mean() / one.worth["popularity"].mean() - 1
    made = f"{one.release:<5}{one.made_of:<30}{len(one.orders):>6}"
    return f"{one.day + 1:>3}  {made}{orders:>19}{revenue:>17}{more:>+25.0%}  {one.news}".rstrip()


def _per(each: Floats) -> str:
    return f"{1000 * each.mean():,.0f}"


def curve_of(days: Sequence[Day], hindsight: Sequence[float]) -> Curve:
    """Worth per 1,000 lists, day by day, of every policy."""
    lines = {name: [1000 * float(day.worth[name].mean()) for day in days] for name in days[0].worth}
    lines["hindsight"] = [share * best for share, best in zip(hindsight, lines["oracle"], strict=True)]
    marks: dict[str, Mark] = {}
    for day in days:
        what = "rule" if day.made_of == "rule" else "first models" if len(marks) == 1 else ""
        marks.setdefault(day.release, Mark(day.day, day.release, what))
    return Curve(lines, list(marks.values()), lists=sum(len(day.orders) for day in days))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the days, print the table and write the curve; the exit code."""
    asked = _parser().parse_args(arguments)
    log = logging.getLogger("poise.serving")
    before = log.level
    log.setLevel(logging.ERROR)  # that nobody knows yet what exploration costs is said once, above
    try:
        folder: Path = asked.folder
        _own(folder)
        beginning, days = Beginning(folder, asked.days, asked.lists, asked.seed), []
        say("A market without a log. What came of the lists of each day, per 1,000 of them:")
        say(HEAD, "bold")
        for day in beginning.run():
            say(line(day))
            days.append(day)
        picture = folder / "start.svg"
        picture.write_text(curve_of(days, beginning.hindsight()).svg(), encoding="utf-8")
        say(f"The curve: {picture}", "bold green")
    except PoiseError as error:
        return sentence(error)
    finally:
        log.setLevel(before)  # the level belongs to the whole process
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A market in which nothing was ever logged, day by day.")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how many days it runs (default {DAYS})")
    parser.add_argument("--lists", type=int, default=LISTS, help=f"lists a day, about (default {LISTS})")
    parser.add_argument("--seed", type=int, default=7, help="of the market, and of what is drawn")
    parser.add_argument("--folder", type=Path, default=Path("poise-start"), help="a new folder for all that it makes")
    return parser


def _own(folder: Path) -> None:
    """Put the system file into a new folder. Raises `PoiseError` where something stands there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PoiseError(f"{folder} holds something already", hint="name a new folder with --folder")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / SYSTEM_FILE, folder)


if __name__ == "__main__":
    sys.exit(main())
