"""A whole server under load that is killed at random, again and again, and what has to be there afterwards."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poise.clock import Clock
from poise.errors import StateError
from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.journeys.processes import children, end
from tests.journeys.replaying import logged, served_and_batch, serving
from tests.serving.bare import row, written

CALLERS = 4
DISHES = ("soup", "rice", "stew")


@dataclass
class Told:
    """What callers were told, over all rounds."""

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    decided: dict[str, dict[str, float | None]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, caller: int, turn: int, size: int, chance: random.Random) -> list[dict[str, Any]]:
        """New rows, and now and then one that was sent before: its caller did not hear what became of it."""
        made = [row(f"{caller}-{turn}-{n}", chance.choice(DISHES), Clock().now()) for n in range(size)]
        with self.lock:
            unheard = [one for name, one in self.sent.items() if name not in self.accepted]
            made += unheard[:2]
            self.sent |= {one["seen_id"]: one for one in made}
        return list({one["seen_id"]: one for one in made}.values())


def call(port: int, told: Told, caller: int, over: threading.Event, chance: random.Random, first: int) -> None:
    """Send rows and ask for decisions, until the server is gone."""
    turn = first
    try:
        with Connection(port, 20.0) as to:
            while True:
                turn += 1
                rows = told.rows(caller, turn, chance.choice((1, 1, 7, 40)), chance)
                status, said = to.exchange(to.request("/v1/events/seen", json.dumps(rows).encode()))
                assert status == 200, said
                fates = [one["fate"] for one in json.loads(said)["rows"]]
                assert set(fates) <= {"accepted", "duplicate"}, said
                with told.lock:
                    told.accepted |= {one["seen_id"]: one for one in rows}
                asked = {"candidates": [{"dish": dish, "price": 1} for dish in DISHES]}
                status, said = to.exchange(to.request("/v1/decide", json.dumps(asked).encode()))
                assert status == 200, said
                answer = json.loads(said)
                with told.lock:
                    told.decided[answer["decision_id"]] = {one["dish"]: one["score"] for one in answer["shown"]}
                if over.is_set():
                    return
    except (StateError, OSError):
        return
    except AssertionError as error:
        told.wrong.append(str(error))


def one_round(file: Path, told: Told, number: int, chance: random.Random) -> None:
    """Start, load, kill."""
    over = threading.Event()
    with serving(file) as server:
        callers = [
            threading.Thread(target=call, args=(server.port, told, n, over, chance, number * 10_000))
            for n in range(CALLERS)
        ]
        for one in callers:
            one.start()
        time.sleep(0.2 + chance.random() * 1.5)
        if chance.random() < 0.5:
            end(children(server.process.pid))
            time.sleep(chance.random() * 0.3)
        drains = children(server.process.pid)
        server.process.kill()
        server.process.wait()
        if chance.random() < 0.5:
            end(drains)
        over.set()
        for one in callers:
            one.join(30)


def survive(folder: Path, rounds: int, seed: int = 0) -> Told:
    """Nothing that was acknowledged is lost or doubled, and what was served is what batch computes."""
    system, told, chance = written(folder), Told(), random.Random(seed)
    file = folder / "poise.yaml"
    with serving(file) as server:  # compiles what is not compiled yet
        once = threading.Event()
        once.set()
        call(server.port, told, CALLERS, once, chance, 0)
    for number in range(rounds):
        one_round(file, told, number, chance)
        assert not told.wrong
    with serving(file):
        pass  # ends gracefully: all that was acknowledged goes to the lake
    _check(system, told)
    return told


def _check(system: System, told: Told) -> None:
    rows = system.lake.read("seen")
    held = Counter(rows["seen_id"].to_list())
    assert not {name for name, count in held.items() if count > 1}, "doubled"
    assert not told.accepted.keys() - held.keys(), "lost"
    assert held.keys() <= told.sent.keys()
    for one in rows.select("seen_id", "dish", "price").iter_rows(named=True):
        assert {name: told.sent[one["seen_id"]][name] for name in one} == one
    decisions = logged(system.lake)
    names = Counter(name for one in decisions for name in one["ids"])
    assert max(names.values()) == 1, "a decision is doubled"
    assert not told.decided.keys() - names.keys(), "a durable decision is lost"
    for one in decisions:
        if (answered := told.decided.get(one["ids"][0])) is not None:
            scores = {one["items"][place]: one["scores"][place] for place in range(len(one["items"]))}
            assert scores == answered
    compared, differ = served_and_batch(system.spec, system.lake, decisions)
    assert not differ, f"{len(differ)} of {compared}: {differ[:5]}"
