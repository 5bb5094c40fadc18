"""Releases and weights that change again and again under load: no answer fails, and none mixes two of either."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from poise.interfaces.system import System
from tests.journeys.shop import SYSTEM, tables
from tests.journeys.switching import Load, live, released, under

PRICES = {"c1": 1.2, "c2": 5.2, "c3": 0.2}
"""What a call costs by the file of each release."""
TEXT = SYSTEM.replace("rungs: [trees],", "rungs: [linear],").replace("clock: replay\n", "")
CALLERS = 3


class Answers:
    """What answers have to be: by the terms of the release that they name, and the weights of the version that they
    name."""

    def __init__(self) -> None:
        self.weights: dict[int, dict[str, float]] = {}
        self.pairs: set[tuple[str, int]] = set()

    def check(self, answer: dict[str, Any], _: int) -> str | None:
        """What is wrong with an answer."""
        release, weights = answer["release"], self.weights.get(answer["weights"])
        if weights is None:  # set just now, and not told yet
            return None
        self.pairs.add((release, answer["weights"]))
        worth = answer["predictions"]["order"] * answer["predictions"]["value"] - PRICES[release]
        for action in answer["actions"]:
            expected = {"revenue": worth, "calls": -1.0} if action["action"] == "call" else {"revenue": 0.0, "calls": 0}
            score = sum(weights[term] * value for term, value in expected.items())
            told = {**action["terms"], "score": action["score"]}
            if any(abs(told[name] - value) > 1e-9 for name, value in {**expected, "score": score}.items()):
                return f"{release} by weights {answer['weights']}: {told}, not {expected} worth {score}"
        return None


def change(system: System, load: Load, answers: Answers, rounds: int, seed: int) -> None:
    """Change the release, the weights or both, and wait until that is in force."""
    chance = random.Random(seed)
    live_now, version = load.kept["release"], load.kept["weights"]
    for number in range(rounds):
        if chance.random() < 0.7:
            live_now = chance.choice([name for name in PRICES if name != live_now])
            system.state.promote(live_now, why=f"round {number}")
        else:
            values = {"revenue": 1.0 + chance.random(), "calls": chance.random()}
            version = system.state.set_weights(values, why=f"round {number}").now.version
            answers.weights[version] = values
        if chance.random() < 0.8:
            load.until(live_now, version)
    load.until(live_now, version)


def survive(system: System, rounds: int, seed: int = 0) -> Answers:
    """`rounds` changes of releases and weights under load; `system` is the shop, not trained yet."""
    system.ingest()
    texts = [TEXT.replace("value - 1.2", f"value - {price}") for price in PRICES.values()]
    assert [released(system, text) for text in texts] == list(PRICES)
    system.state.promote("c1", why="first")
    answers = Answers()
    first = {"revenue": 1.0, "calls": 0.1}
    answers.weights[system.state.set_weights(first, why="first").now.version] = first
    asked = json.dumps({"x": 0.5, "z": 0.25, "city": "Ghent"}).encode()
    with live(system.path) as server:
        loads = [Load(server.port, answers.check, asked, sends=False) for _ in range(CALLERS)]
        with under(loads):
            loads[0].until("c1")
            change(system, loads[0], answers, rounds, seed)
    return answers


def written(folder: Path) -> System:
    """The shop's file and tables."""
    for name, table in tables(1500).items():
        table.write_csv(folder / f"{name}.csv")
    (folder / "poise.yaml").write_text(TEXT, encoding="utf-8")
    return System.read(folder / "poise.yaml")
