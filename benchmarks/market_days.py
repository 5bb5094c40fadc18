"""A strategy that lives in the market of restaurants: what it lists day by day, what comes in, and what that is worth.

Each strategy has a market of its own, made of the same seed, since what users had before depends on what they were
shown. Its live release answers in process as a server would. `sixty_days` says which strategies there are.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "examples" / "restaurants"))
# isort: split
from market import Log, Requests, Shown, oracle, popularity
from prepare import impressions, orders, restaurants, users, written
from served import SOURCES, Served
from served import shown as listed
from town import Floats, Ints
from troubles import Lied, Troubled, lied

from poise.clock import ReplayClock
from poise.interfaces.system import System
from poise.releases.folder import ReleaseFolder
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore

ROOT = Path(__file__).parents[1]
UPDATES = "{when: [decay, drift, labels], labels: 15%, cooldown: 1d}"
CHANGES = {
    "costs: {currency": f"updates: {UPDATES}\ncosts: {{currency",
    "order.calibration_error, by: users.city, at_most": "order.calibration_error, at_most",
    "at_most: 100ms": "at_most: 2s",
}
"""Of the example's file: so few lists cannot tell how well each city is served, nor a busy machine how fast."""

COMPARED = 3
"""Days on which the two releases of a promotion are asked for the same users."""


def system_text() -> str:
    """The example's file, with `updates`."""
    text = (ROOT / "examples" / "restaurants" / "poise.yaml").read_text(encoding="utf-8")
    for before, after in CHANGES.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


@dataclass(frozen=True, slots=True)
class Day:
    """What the lists of one day were worth on average by the truth: orders, USD, and both under the file's weights; the
    best there would have been; which release made them; what was done in the evening."""

    day: int
    release: str
    lists: int
    engagement: float
    revenue: float
    worth: float
    best: float
    did: str


@dataclass(eq=False)
class Promotion:
    """A new release from the evening of a day on. gains: (lists,) what its list of each user of the days that follow is
    worth more than the one of the release before, asked at the same instant, neither exploring; base: what that one is
    worth on average."""

    day: int
    before: ReleaseFolder
    after: ReleaseFolder
    gains: list[float] = field(default_factory=list)
    base: list[float] = field(default_factory=list)

    @property
    def gain(self) -> float:
        """By how much the lists are better by the truth, as a share."""
        return float(np.mean(self.gains) / np.mean(self.base))

    @property
    def error(self) -> float:
        """The standard error of that, over lists."""
        return float(np.std(self.gains) / np.sqrt(len(self.gains)) / np.mean(self.base))


@dataclass(eq=False)
class Home:
    """A market and the system that lives in it; `evening` says what it does once a day's rows are in, in words.

    liar: the restaurant whose orders are made up. lies: whether anybody lies.
    """

    folder: Path
    market: Troubled
    evening: Evening
    liar: int = 0
    lies: bool = True
    days: list[Day] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    logs: list[Lied] = field(default_factory=list)
    """As they came in, by day."""
    serving: ReleaseFolder | None = None
    """What answers, where it is not what the state database says is live."""
    _store: MemoryStore | None = None
    _seen: dict[str, int] = field(default_factory=dict)

    def copied(self, folder: Path, evening: Evening, *, lies: bool = True) -> Home:
        """The same market and system once more, to go another way from here on."""
        shutil.copytree(self.folder, folder)
        serving = None if self.serving is None else ReleaseFolder.open(self.serving.path)
        return Home(
            folder, deepcopy(self.market), evening, self.liar, lies, list(self.days), [], list(self.logs), serving
        )

    def begin(self, days: int, text: str) -> None:
        """The first days, on which what is popular is shown and a share of the lists is in random order; then a first
        release by the file `text`. Raises `AssertionError` where a requirement refuses it."""
        self.folder.mkdir(parents=True)
        (self.folder / "poise.yaml").write_text(text, encoding="utf-8")
        written(users(self.market), self.folder / "data" / "users.parquet")
        self.pass_by(days)
        shown = np.bincount(np.concatenate([one.log.item for one in self.logs]))
        self.liar = int(np.argsort(-shown)[20])
        system = self.system()
        system.ingest()
        system.train()
        made = system.release().outcome
        assert made is not None and made.released, [one.sentence for one in made.refusals]
        system.state.close()

    def pass_by(self, days: int) -> None:
        """So many days on which what is popular is shown, whatever is live; their rows wait to be taken in."""
        for day in range(self.market.ran, self.market.ran + days):
            self._open(day)
            self._write(day, self.market.run(popularity(), [day]))

    def system(self) -> System:
        """Its system, read anew."""
        return System.read(self.folder / "poise.yaml")

    def live_day(self) -> Day:
        """The next day, from its morning to its evening."""
        day, system = self.market.ran, self.system()
        self._open(day)
        system.ingest()
        live, requests = self._live(system), self.market.requests([day])
        shown = self._shown(system, live, requests)
        value = {name: float(each.mean()) for name, each in self.market.value(requests, shown.items).items()}
        best = self._worth(system, requests, oracle(**_weights(system))(self.market, requests).items)
        log = self.market.run(lambda *_: shown, [day])
        self._write(day, log)
        system.ingest()
        did = self.evening(self, system)
        after = self._live(system)
        if after.path != live.path:
            self.promotions.append(Promotion(day, live, after))
        lived = Day(day, live.name, len(requests), value["engagement"], value["revenue"],
                    float(self._worth(system, requests, shown.items).mean()), float(best.mean()), did)  # fmt: skip
        self.days.append(lived)
        system.state.close()
        return lived

    def _live(self, system: System) -> ReleaseFolder:
        found = self.serving or system.live_folder()
        assert found is not None
        return found

    def _open(self, day: int) -> None:
        """Today's prices and opening hours."""
        written(restaurants(self.market, [day]), self.folder / "data" / "restaurants" / f"{day:03d}.parquet")

    def _write(self, day: int, log: Log) -> None:
        """The rows of a day as they come in, which liars may have added to."""
        told = lied(self.market, log, day, self.liar) if self.lies else Lied(log, np.zeros(len(log.item), bool))
        self.logs.append(told)
        written(impressions(told.log), self.folder / "data" / "impressions" / f"{day:03d}.parquet")
        written(orders(told.log), self.folder / "data" / "orders" / f"{day:03d}.parquet")

    def _shown(self, system: System, live: ReleaseFolder, requests: Requests) -> Shown:
        """What the live release lists; beside it the two of a promotion are asked for the same users, for some days."""
        served, newest = self._asked(system, live, requests), self.promotions[-1:]
        compared = bool(newest) and self.market.ran <= newest[0].day + COMPARED
        folders = (newest[0].before, newest[0].after) if compared else ()
        pair = [self._asked(system, one, requests, explore=False) for one in folders]
        answers: list[list[dict[str, Any]]] = [[] for _ in (served, *pair)]
        for row in range(len(requests)):
            for asked, made in zip((served, *pair), answers, strict=True):
                made.append(asked.answer(requests, row))
        if compared:
            old, new = (self._worth(system, requests, listed(one).items) for one in answers[1:])
            newest[0].gains += (new - old).tolist()
            newest[0].base += old.tolist()
        return listed(answers[0])

    def _asked(self, system: System, folder: ReleaseFolder, requests: Requests, *, explore: bool = True) -> Served:
        """A release over the online state of now. A list's number is its seed, so that luck is the same for all."""
        loaded, seeds = Loaded.of(folder), iter(requests.list.tolist())
        if not explore:
            assert loaded.system.decision is not None
            quiet = loaded.system.decision.model_copy(update={"explore": None})
            loaded = replace(loaded, system=loaded.system.model_copy(update={"decision": quiet}))
        store = self._caught_up(system, loaded)
        return Served(Answerer(loaded, store, ReplayClock(), system.state.weights(), seeds=lambda: next(seeds)), store)

    def _caught_up(self, system: System, loaded: Loaded) -> MemoryStore:
        """Online state that has seen all rows of the lake; what came since the last call is shown to it now."""
        if self._store is None:
            self._store = MemoryStore()
            self._store.declare(loaded.declarations)
        for source in SOURCES:
            after, newest = self._seen.get(source, -1), system.lake.largest_seq(source)
            if newest > after:
                self._store.observe(system.lake.history(system.spec, source, after=after))
                self._seen[source] = newest
        return self._store

    def _worth(self, system: System, requests: Requests, items: Ints) -> Floats:
        value = self.market.value(requests, items)
        return np.asarray(sum(weight * value[term] for term, weight in _weights(system).items()))


Evening = Callable[[Home, System], str]


def _weights(system: System) -> dict[str, float]:
    assert system.spec.decision is not None
    return dict(system.spec.decision.weights)
