"""The story of one change: sales asks for more revenue, product fears for engagement.

A small market is served by a real server; people order or do not. Sales asks by which weights revenue would gain; the
log says what that would do to whom; since product's requirement may break, product is asked, and approves. A week later
it is told what the change did, beside what was foretold, and it is taken back.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from market import Log, Market, Requests, Shown, popularity
from prepare import write
from served import shown
from town import NONE

from poise.clock import to_text
from poise.data import delta
from poise.errors import PoiseError, StateError
from poise.interfaces.cli import report as sentence
from poise.interfaces.cli.terminal import say
from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.rollout.server_process import running

HERE = Path(__file__).parent
LOGGED, BEFORE, AFTER = 21, 7, 7
"""Days that were logged before Poise, days that it serves before the change, and days after it."""
LISTS, USERS, RESTAURANTS = 300, 400, 120
GAIN = 0.03
WHO = {"sales": "sam", "product": "pam"}
WAIT = 120.0
"""Seconds that what was acknowledged may take to the lake."""
TRIES = 3
"""How often the release is judged: on a busy machine latency says little."""
AT_ONCE = 1_000
IDLE = 3.0
"""Seconds after which a connection is opened anew."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One step: a name, what happens, what the server said, and the console's page that shows it."""

    name: str
    says: str
    told: dict[str, Any]
    page: str


class Story:
    """A market and its system in `folder`. quick: models that train in a second, for tests."""

    def __init__(
        self,
        folder: Path,
        days: tuple[int, int, int] = (LOGGED, BEFORE, AFTER),
        lists: int = LISTS,
        *,
        quick: bool = False,
    ) -> None:
        self.logged, self.before, self.after = days
        self.market = Market(days=sum(days), lists=lists * sum(days), users=USERS, restaurants=RESTAURANTS)
        self.system = _system(folder, quick)
        first = range(self.logged)
        log = self.market.run(popularity(), first)
        write(self.market, log, first, folder / "data")
        self.lists, self.rows = 0, [len(log.item), int(log.ordered.sum())]

    def release(self) -> str:
        """Ingest, train and release; the name of what is live. Raises `StateError` where it was refused."""
        self.system.ingest()
        trained = self.system.train().folder.name
        for _ in range(TRIES):
            made = self.system.release(trained)
            if made.outcome is None or made.outcome.released:
                break
        else:
            raise StateError(str(made))
        return made.folder.name

    @contextmanager
    def serving(self) -> Iterator[Asking]:
        """The live release, answered by a server of its own."""
        command = [sys.executable, "-m", "poise", "serve", "-f", str(self.system.path), "--port", "{port}"]
        env = {"POISE_HOME": str(self.system.path.parent / ".poise")}
        with running(command, env=env, grace=WAIT) as server, closing(Asking(server.port)) as asking:
            yield asking

    def scenes(self, asking: Asking) -> Iterator[Scene]:
        """What happens, step by step; each is told once it has happened."""
        self._days(asking, self.before)
        suggested = asking.post("/v1/weights/suggest", {"term": "revenue", "gain": GAIN})
        revenue = round(suggested["values"]["revenue"], 2)
        values = {"revenue": revenue}
        found = "would bring it" if suggested["reached"] else "is as far as everybody's requirements let it go"
        yield Scene("asks", f"Sales asks for 3 % more revenue: a weight of {revenue:g} {found}.", suggested, "/")
        foreseen = asking.post("/v1/weights/preview", {"values": values})
        yield Scene("preview", "What would that do, and to whom?", foreseen, f"/trade-offs?w.revenue={revenue:g}")
        why = "the quarter ends; sales needs 3 % more"
        asked = asking.put("/v1/weights", {"values": values, "why": why, "who": WHO["sales"]})
        yield Scene("proposed", "Whose requirement may break by it is asked first.", asked, "/trade-offs")
        for who in asked["proposal"]["waits_for"] if "proposal" in asked else ():
            yes = {"as": who, "why": "worth a week", "who": WHO[who]}
            done = asking.post(f"/v1/weights/proposals/{asked['proposal']['name']}/approve", yes)
            last = "the weights are in force with the next list" if done["changed"] else "one more is waited for"
            yield Scene("approved", f"{who.capitalize()} approves: {last}.", done, "/trade-offs")
        self._days(asking, self.after)
        came = asking.post("/v1/weights/realised", {})
        yield Scene(
            "came", "A week later: what the change did, beside what was foretold.", came, "/trade-offs?show=realised"
        )
        back = asking.post("/v1/weights/take-back", {"why": "the quarter is over", "who": WHO["product"]})
        yield Scene("back", "It is taken back, and the history has all of it.", back, "/history")

    def _days(self, asking: Asking, count: int) -> None:
        """So many days of people who ask, are shown lists, and order or do not."""
        start = self.market.ran
        for day in range(start, start + count):
            asking.answers.clear()
            log = self.market.run(asking, [day])
            self.lists += len(asking.answers)
            for place, (source, rows) in enumerate(asking.events(log).items()):
                self.rows[place] += len(rows)
                for at in range(0, len(rows), AT_ONCE):
                    asking.post(f"/v1/events/{source}", rows[at : at + AT_ONCE])
        self._settle()

    def _settle(self) -> None:
        """Wait until all that was acknowledged is in the lake, where estimates read it."""
        lake, until = self.system.lake, time.monotonic() + WAIT
        while time.monotonic() < until:
            rows = [lake.history(self.system.spec, source).rows.height for source in ("impressions", "orders")]
            lists = delta.scan(lake.decisions).select(pl.len()).collect().item() if delta.exists(lake.decisions) else 0
            if lists >= self.lists and rows == self.rows:
                return
            time.sleep(1)
        raise StateError(f"what was acknowledged did not come to the lake within {WAIT:g} s")


class Asking:
    """A policy that asks a server, and tells it afterwards what became of its lists."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[dict[str, Any]] = []
        self._to, self._used = Connection(port, WAIT), time.monotonic()

    def close(self) -> None:
        """Hang up."""
        self._to.close()

    def __call__(self, market: Market, requests: Requests) -> Shown:
        for row in range(len(requests)):
            here = requests.candidates[row]
            items = [{"restaurant_id": f"r{item:03d}"} for item in here[here != NONE]]
            asked = {"user_id": f"u{requests.user[row]:04d}", "candidates": items}
            self.answers.append(self.post("/v1/decide", {**asked, "time": to_text(int(requests.time[row]))}))
        return shown(self.answers)

    def events(self, log: Log) -> dict[str, list[dict[str, Any]]]:
        """Impressions and orders of the lists that were answered since the last time, by the ids of the answers."""
        found: dict[str, list[dict[str, Any]]] = {"impressions": [], "orders": []}
        number = {one: at for at, one in enumerate(np.unique(log.list))}
        for at in range(len(log.list)):
            answer, place, when = self.answers[number[log.list[at]]], int(log.position[at]), int(log.time[at])
            one = answer["shown"][place - 1]
            said = {
                "impression_id": one["impression_id"],
                "user_id": f"u{log.user[at]:04d}",
                "restaurant_id": one["restaurant_id"],
            }
            list_of = {"request_id": answer["decision_id"], "position": place, "shown_at": to_text(when)}
            found["impressions"].append(said | list_of)
            if log.ordered[at]:
                order = {"order_id": f"o{one['impression_id']}", "value": float(log.value[at])}
                found["orders"].append(said | order | {"ordered_at": to_text(when + int(log.delay[at]))})
        return found

    def post(self, path: str, content: Any) -> dict[str, Any]:
        """What the server answers. Raises `StateError` where it refuses."""
        return self._asked("POST", path, content)

    def put(self, path: str, content: Any) -> dict[str, Any]:
        """As `post`."""
        return self._asked("PUT", path, content)

    def _asked(self, method: str, path: str, content: Any) -> dict[str, Any]:
        if time.monotonic() - self._used > IDLE:  # before the server hangs up on who says nothing
            self._to.close()
            self._to = Connection(self.port, WAIT)
        request = self._to.request(path, json.dumps(content).encode())  # of a POST
        status, said = self._to.exchange(request.replace(b"POST", method.encode(), 1))
        self._used = time.monotonic()
        found: dict[str, Any] = json.loads(said)
        if status >= 300:
            raise StateError(f"{method} {path}: {status} {found.get('detail', found)}")
        return found


def _system(folder: Path, quick: bool) -> System:
    """The example with a requirement of product's, whose owner is asked before it may break; without opening hours, of
    which the server would have to be told day by day."""
    text = (HERE / "poise.yaml").read_text(encoding="utf-8")
    text = text.replace("  where: restaurants.open\n", "  approval: touched\n")
    mark = "  - {who: sales, metric: decision.revenue"
    text = text.replace(
        mark, "  - {who: product, metric: decision.engagement, at_least: 99%, relative_to: live}\n" + mark
    )
    text = text.replace("by: users.city, at_most: 0.05", "at_most: 0.1")  # what so small a log can show
    if quick:
        for label in ("match: impression_id, within: 6h}", "take: value, within: 6h}"):
            text = text.replace(label, f"{label}\n    rungs: [linear]")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise PoiseError(f"{folder} holds something already", hint="name a new folder with --folder")
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    return System.read(folder / "poise.yaml")


def tell(story: Story, picture: Callable[[Scene, int], None] | None = None) -> list[Scene]:
    """Go through the whole story; `picture` is called with each scene and the server's port."""
    say(f"{story.release()} is live, after {story.logged} days of a log without Poise.")
    found = []
    with story.serving() as asking:
        for scene in story.scenes(asking):
            say(f"\n{scene.says}", "bold")
            for line in lines(scene):
                say(f"  {line}")
            if picture is not None:
                picture(scene, asking.port)
            found.append(scene)
    return found


def lines(scene: Scene) -> list[str]:
    """What the server said, for people."""
    told = scene.told
    found = [one["sentence"] for one in told.get("terms", ())]
    found += [f"{one['who']} requires {one['metric']}: {one['verdict']}" for one in told.get("requirements", ())]
    proposal = told.get("proposal")
    if proposal:
        found += [
            f"proposal {proposal['name']} is {proposal['standing']}; waits for: {proposal['waits_for'] or 'nobody'}"
        ]
    return found + list(told.get("changes", ()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; the exit code."""
    parser = argparse.ArgumentParser(description="One change of weights, from the wish to its taking back.")
    parser.add_argument("--folder", type=Path, default=Path("poise-story"), help="a new folder for all that it makes")
    parser.add_argument("--lists", type=int, default=LISTS, help=f"lists a day (default {LISTS})")
    parser.add_argument("--quick", action="store_true", help="linear models only")
    asked = parser.parse_args(arguments)
    try:
        tell(Story(asked.folder, lists=asked.lists, quick=asked.quick))
    except PoiseError as error:
        return sentence(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
