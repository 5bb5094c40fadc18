"""A system without models, ranked by a rule that counts events: what came in shows in the next answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from poise.clock import Clock, to_text
from poise.data.journal import Entry, Journal
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.interfaces.system import System
from poise.releases.built import fingerprint
from poise.serving.answer import Answerer
from poise.serving.inlet import Inlet
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.online import Kept, Online
from poise.stores.memory import MemoryStore

SYSTEM = """
format: 1
system: bare
purpose: Show what is seen most.
sources:
  seen:
    path: seen.csv
    id: seen_id
    time: at
    columns:
      {seen_id: string, page: string, dish: {type: string, required: true}, price: {type: float, min: 0}, at: time}
    request: [dish, price]
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, seen_id: string, at: time}}
  dishes: {path: dishes.csv, key: dish, columns: {dish: string, kind: string}}
features:
  - window: {from: seen, by: dish, over: [1h, 7d], take: [count, mean(price)]}
  - columns: {from: dishes, take: [kind]}
objectives:
  liked: {type: binary, per: seen, label: {from: likes, match: seen_id, within: 1h}}
decision: {per: seen, list: page, item: dish, show: 3, terms: {joy: liked}, rule: seen_count_7d_by_dish, log: LOG}
"""


def written(folder: Path, log: str = "durable") -> System:
    """The system in `folder`, with a lake that holds two dishes, and a candidate c1."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "poise.yaml").write_text(SYSTEM.replace("LOG", log), encoding="utf-8")
    (folder / "dishes.csv").write_text("dish,kind\nsoup,warm\nrice,warm\n", encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    return system


def row(number: object, dish: str = "soup", at: int | None = None, **more: Any) -> dict[str, Any]:
    """A row of `seen` that happened now, or at `at` in microseconds."""
    when = to_text(Clock().now() if at is None else at, "UTC")
    return {"seen_id": f"s{number}", "page": "p", "dish": dish, "price": 2.5, "at": when, **more}


def body(*rows: dict[str, Any]) -> bytes:
    return json.dumps(rows if len(rows) != 1 else rows[0]).encode()


ASKED = json.dumps({"candidates": [{"dish": "soup", "price": 1}, {"dish": "rice", "price": 1}]}).encode()


class Traced(Journal):
    """A journal that notes when something is on the disk, and fails when told to."""

    fails: Exception | None = None
    appended: Callable[[Sequence[Entry]], None] = staticmethod(lambda _: None)

    def trial(self) -> None:
        if self.fails is not None:
            raise self.fails
        super().trial()

    def append(self, entries: Sequence[Entry], known: Sequence[tuple[int, int]] = ()) -> list[int]:
        if self.fails is not None:
            raise self.fails
        firsts = super().append(entries, known)
        self.appended(entries)
        return firsts


class Desk:
    """An inlet and everything around it, in this process."""

    def __init__(
        self,
        loaded: Loaded,
        folder: Path,
        *,
        durable: bool = True,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        store = MemoryStore()
        store.declare(loaded.declarations)
        self.journal = Traced.open(folder, Clock())
        self.online = Online(clock or Clock())
        self.kept = Kept(loaded, store)
        self.online.attach(fingerprint(loaded.declarations), self.kept)
        self.answerer = Answerer(loaded, store, self.online.clock, limits=limits, instants=self.online.instants)
        self.answerer.logs = True
        stored = Stored(self.journal, None)
        self.reception = Reception(loaded.system, {}, stored)
        self.inlet = Inlet(self.online, self.journal, self.reception, stored, durable=durable, limits=limits)

    def run(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """What `act` gives, on a loop on which the inlet lives."""

        async def go() -> Any:
            self.inlet.begin()
            return await act()

        return asyncio.run(go())

    async def send(self, *rows: dict[str, Any], source: str = "seen") -> dict[str, Any]:
        """The answer to rows that are sent together."""
        answer = await self.inlet.events(source, body(*rows))
        assert answer.status == 200
        told: dict[str, Any] = json.loads(answer.body)
        return told

    async def fates(self, *rows: dict[str, Any], source: str = "seen") -> list[str]:
        return [one["fate"] for one in (await self.send(*rows, source=source))["rows"]]

    def counted(self) -> dict[str, float | None]:
        """Per dish how often it was seen, as an answer sees it now."""
        shown = json.loads(self.answerer.decide(ASKED).body)["shown"]
        return {one["dish"]: one["score"] for one in shown}

    def held(self) -> list[tuple[str, bytes]]:
        """Kind and JSON of every row in the journal."""
        return [(one.kind, line) for one in self.journal.after(0) for line in one.rows()]

    def close(self) -> None:
        self.inlet.close()
        self.journal.close()


@contextmanager
def desk(loaded: Loaded, folder: Path, **more: Any) -> Iterator[Desk]:
    made = Desk(loaded, folder, **more)
    try:
        yield made
    finally:
        made.close()
