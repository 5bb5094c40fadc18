"""A real server with the console, whose explanations and previews are made up: pages are what is tested with it."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from poise.clock import ReplayClock
from poise.errors import NotNow
from poise.interfaces.asked_process import Refused
from poise.interfaces.http.asides import Asides
from poise.interfaces.http.server import serve
from poise.serving.answer import Answerer
from poise.serving.served import Served
from poise.serving.tokens import Tokens
from poise.stores.state import State

NUMBER = "01JHQWT5DR2DGY3R33D59CGRE9"
STAND_INS = Path(__file__).parents[2] / "serving" / "stand_ins.py"


def effect(term: str, share: float, who: list[str]) -> dict[str, Any]:
    """What a preview says of one term."""
    limits = {"value": share, "low": share - 0.02, "high": share + 0.02}
    said = "gains" if limits["low"] > 0 else "loses" if limits["high"] < 0 else "no clear change"
    told = {"term": term, "unit": "USD", "who": who, "now": 2.0, "then": {"value": 2 + 2 * share}, "effect": said}
    return {**told, "gain": {**limits, "share": limits}, "refused": None, "sentence": f"{term} {said}"}


class Previews:
    """More of one term is less of the other."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        live, content = question["live"], question["content"]
        if question["act"] == "front":
            return {
                "term": content["term"],
                "lists": 500,
                "points": [_point(live, content["term"], n) for n in range(-3, 4)],
            }
        if question["act"] == "realised":
            raise NotNow("nothing came of it yet")
        values = {**live, **content.get("values", {})}
        if question["act"] == "suggest":
            values = {**live, content["term"]: 2 * live[content["term"]]}
        moved = 0.1 * (values["cost"] - live["cost"] - values["calm"] + live["calm"])
        told = {
            "values": values,
            "terms": [effect("cost", moved, ["sales"]), effect("calm", -moved, [])],
            "requirements": [{"who": "sales", "metric": "decision.cost", "verdict": "holds", "why": "101 % of now"}],
            "exchange_rates": ["1 USD (cost) = 10 (calm)"],
            "lists": 593,
            "from": "2026-03-01T10:00:00+08:00",
            "until": "2026-03-03T10:00:00+08:00",
            "refused": None,
            "warnings": ["told from 76 outcomes that are not 0: the limits may be too narrow"],
        }
        asked = {"term": content.get("term"), "gain": content.get("gain")}
        return {"asked": asked, "reached": True, "breaks": [], **told} if question["act"] == "suggest" else told


def _point(live: Mapping[str, float], term: str, n: int) -> dict[str, Any]:
    other = next(one for one in live if one != term)
    gains = {term: _limits(0.03 * n), other: _limits(-0.01 * n * abs(n))}
    return {"values": {**live, term: 2.0**n}, "now": n == 0, "gains": gains, "refused": None, "dominated": n == -3}


def _limits(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


class Explains:
    """One choice, and one list; anything else there is not."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        if "newest" in question:
            one = {"decision_id": NUMBER, "time": "2026-03-02T11:05:00+08:00", "kind": "list", "release": "r1"}
            return {"decisions": [{**one, "weights": 1, "outcome": ["soup", "<b>rice</b>"], "more": 2}]}
        if question["decision_id"] not in EXPLAINED:
            raise _no_such()
        return EXPLAINED[question["decision_id"]]


def _no_such() -> Exception:
    said = {"status": 404, "title": "There is no such decision", "message": "there is no decision of this id"}
    return Refused(said)


TERM = {"value": 0.3, "weight": 1.0, "adds": 0.3, "average": 0.1, "contributions": {"price": 0.2}}
ROW = {
    "dish": "soup",
    "position": 1,
    "rank": 1,
    "score": 0.3,
    "terms": {"joy": TERM},
    "contributions": {"price": 0.2, "kind": -0.05},
    "features": {"price": 3.0, "kind": "warm"},
    "predictions": {"liked": {"value": 0.3, "average": 0.1, "contributions": {"price": 0.2}}},
    "said": "'soup' is first of 2 by its score. What counted most for it: price is 3 (usually 8).",
}
LIST: dict[str, Any] = {
    "kind": "list",
    "release": "r1",
    "time": "2026-03-02T11:05:00+08:00",
    "decision_id": NUMBER,
    "weights": {"version": 1, "values": {"joy": 1.0}},
    "explored": {"method": "plackett-luce", "temperature": 0.2},
    "candidates": 2,
    "ranked": 2,
    "rows": [
        ROW,
        {**ROW, "dish": "<i>rice</i>", "position": 2, "rank": 2, "first_at": [{"term": "joy", "becomes": -1.0}]},
    ],
    "would_change": {
        "first": "soup",
        "weights": [{"term": "joy", "weight": 1.0, "becomes": -0.5, "then": "rice"}],
        "input": {"input": "price", "from": 3.0, "to": 9.0, "distance": 0.4, "then": "rice", "in": "the first"},
    },
}


ACTION = {"score": 0.3, "rank": 1, "terms": {"cost": {**TERM, "rank_alone": 1, "rank_without": 2}}}
ONE = {
    "row": 0,
    "decision_id": "CHOICE",
    "chosen": "warn",
    "actions": {"warn": ACTION, "nothing": {**ACTION, "score": None, "rank": None}},
    "over": {"action": "nothing", "by": 0.2, "average": 0.0, "contributions": {"distance": 0.2}},
    "would_change": {
        "weights": [{"term": "cost", "weight": 1.0, "becomes": 2.0, "then": "nothing"}],
        "input": None,
    },
    "features": {"distance": 719.0},
    "predictions": {"cause": {"weather": {"value": 0.5, "average": 0.2, "contributions": {"distance": 0.3}}}},
    "said": "'warn' was chosen rather than 'nothing'.",
}
CHOICE: dict[str, Any] = {
    "kind": "choice",
    "release": "r1",
    "time": None,
    "weights": {"version": None, "values": {"cost": 1.0}},
    "rows": [ONE, {"row": 1, "decision_id": "C2", "chosen": "nothing", "fallback": True, "said": "the rule took it"}],
}
BY_RULE: dict[str, Any] = {
    **{key: LIST[key] for key in ("kind", "release", "time", "decision_id", "weights", "candidates")},
    "by_rule": True,
    "missing": {},
    "rows": [{"dish": "soup", "position": 1, "rank": 1, "score": 2.0, "said": "'soup' is number 1 by the rule"}],
    "said": "no candidate had a score, since no model had been learned yet",
}
EXPLAINED = {NUMBER: LIST, "CHOICE": CHOICE, "RULE": BY_RULE}


def stand_ins() -> Any:
    """The module of stand-ins, by path: tests are no package."""
    spec = importlib.util.spec_from_file_location("stand_ins", STAND_INS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stand_ins"] = module
    spec.loader.exec_module(module)
    return module


REQUIRED = {"who": "sales", "metric": "decision.cost", "text": "decision.cost at least 95% of the live release's"}
FAILS = {**REQUIRED, "status": "fail", "value": 0.91, "sentence": "sales refuses: decision.cost 0.91 < 0.95"}
HOLDS = {"who": "trust", "metric": "late.auc", "text": "late.auc at least 0.6", "status": "pass", "value": 0.71}


def served() -> Served:
    """What answers: release r1, which fails one requirement."""
    module = stand_ins()
    evidence = {"format": 1, "requirements": [FAILS, HOLDS], "examples": {"flights": [module.ROW]}}
    loaded = replace(module.loaded(), evidence=evidence)
    return Served.of_one(Answerer(loaded, module.StandInStore(), ReplayClock(module.NOW)))


def fill(state: State) -> None:
    """Two releases, of which the newer is live, and weights."""
    for name, found in (("r0", {**FAILS, "status": "pass"}), ("r1", FAILS)):
        verdict = {"contract": 1, "verdicts": [found, HOLDS]}
        state.record(name, "released", folder=name, act="release", why="asked for", who="ana", verdict=verdict)
        state.promote(name, why="it is better", who="ana")
    state.set_weights({"cost": 1.0, "calm": 0.1}, why="the system file", who="ana")


ASIDES = Asides(Explains(), Previews())

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    parser.add_argument("--tokens", action="store_true")
    asked = parser.parse_args()
    state = State(asked.state, "flights")
    if not state.releases():
        fill(state)
    serve(
        served(),
        state,
        port=0,
        on_ready=lambda address: print(address, flush=True),
        tokens=Tokens(state.tokens()) if asked.tokens else None,
        asides=ASIDES,
    )
