"""A release on trial in a server, with a real state database: put beside the live one, watched, taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from poise.errors import StateError
from poise.interfaces.http.app import create_app
from poise.interfaces.on_trial import OnTrial
from poise.rollout.plan import Plan
from poise.rollout.ready import SEEN
from poise.rollout.stages import advance, begin_rollout, newest, undo
from poise.rollout.told import told
from poise.serving.answer import Answer, Answerer
from poise.serving.served import Served
from poise.serving.trial import Canary, Shadow
from poise.stores.state import State

PLAN = Plan(begin="canary", canary=0.5)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path / 'state.db'}", "flights")
    for name in ("r1", "r2", "r3"):
        state.record(name, "released", folder=name, act="release", why="fine", verdict={"contract": 1})
    state.promote("r1", why="first")
    yield state
    state.close()


class Server:
    """What follows the state database in a server, without one."""

    def __init__(self, state: State, stand_ins: ModuleType) -> None:
        self.state, self._stand_ins = state, stand_ins
        self.served = Served.of_one(self.by("r1"))
        self.trial = OnTrial(state, self.served)

    def by(self, release: str) -> Answerer:
        of = self._stand_ins
        made: Answerer = Answerer(replace(of.loaded(), release=release), of.StandInStore(), of.ReplayClock(of.NOW))
        return made

    def follow(self) -> None:
        row = self.trial.wanted()
        if row is not None:
            self.trial.put(self.by(row.release))

    def ask(self, requests: int, first: int = 0, canary: Callable[[Answer], Answer] = lambda made: made) -> list[str]:
        """Who answered; `canary` does something to what the release on trial answers."""

        def handle(one: Answerer, body: bytes) -> Answer:
            made = one.decide(body)
            return canary(made) if one is not self.served.live else made

        bodies = (
            json.dumps({**self._stand_ins.ROW, "distance": 1000 + number / 100}).encode()
            for number in range(first, first + requests)
        )
        return [self.served.answered(None, body, lambda one, body=body: handle(one, body)).release for body in bodies]


@pytest.fixture
def server(state: State, stand_ins: ModuleType) -> Server:
    return Server(state, stand_ins)


def fail(_: Answer) -> Answer:
    raise ZeroDivisionError


def test_a_canary_that_fails_answers_nobody_any_more_and_history_says_why(server: Server, state: State) -> None:
    begin_rollout(state, "r2", PLAN, who="ana", why="try")
    server.follow()
    assert isinstance(server.served.trial, Canary)
    assert set(server.ask(150, canary=fail)) == {"r1"}
    server.trial.watch()
    assert server.served.trial is None and server.served.taken_back == "r2"
    back = newest(state)
    assert back is not None and back.stage == "undone" and back.breach is not None
    assert back.breach["guardrail"] == "errors" and back.who == "guardrail"
    line = state.history()[-1]
    assert (line.act, line.subject, line.details["breach"]["verdict"]) == ("undo", "r2", "breached")
    assert "callers of the canary" in line.why and told(state)["guardrails"][0]["verdict"] == "breached"
    server.follow()
    assert server.served.trial is None and set(server.ask(20)) == {"r1"}


def test_what_could_not_be_written_is_written_later_and_nobody_is_answered_by_it_meanwhile(
    server: Server, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    server.ask(150, canary=fail)

    def full(*_: object, **__: object) -> None:
        raise StateError("the disk is full")

    with monkeypatch.context() as without:
        without.setattr(state, "step_rollout", full)
        for _ in range(2):
            with pytest.raises(StateError, match="the disk is full"):
                server.trial.watch()
            server.follow()
            assert server.served.trial is None
    server.trial.watch()
    assert newest(state).stage == "undone"  # type: ignore[union-attr]


def test_what_was_seen_is_kept_over_a_start_and_begins_anew_with_another_share(
    server: Server, state: State, stand_ins: ModuleType
) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    answered = server.ask(100)
    server.trial.watch()
    before = told(state)["answers"]
    assert before == {"canary": answered.count("r2"), "live": answered.count("r1")}
    again = Server(state, stand_ins)
    again.follow()
    assert again.ask(100) == answered, "callers keep to their release"
    again.trial.watch()
    assert told(state)["answers"] == {name: 2 * n for name, n in before.items()}
    advance(state, why="more", share=0.75)
    again.follow()
    more = again.ask(100)
    assert all(now == "r2" for now, then in zip(more, answered, strict=True) if then == "r2")
    assert told(state)["answers"] == {}


def fails(server: Server, requests: int, first: int) -> None:
    """Its canary fails at callers from the one of this number on, and what was seen is written down."""
    server.ask(requests, first, canary=fail)
    server.trial.watch()


def test_a_canary_that_fails_is_taken_back_by_what_was_seen_before_a_start_too(
    server: Server, state: State, stand_ins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poise.interfaces.on_trial.TOLD", 0.0)
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    fails(server, 20, 0)
    for _ in range(6):  # nothing of it is in the memory of a server that is started
        server = Server(state, stand_ins)
        server.follow()
        fails(server, 20, 0)
        verdict = told(state)["guardrails"][0]
        assert verdict["verdict"] != "breached", "the same callers are no new evidence"
    assert verdict["verdict"] == "holds", "but they are answers enough by now"
    server = Server(state, stand_ins)
    server.follow()
    fails(server, 20, 20)
    assert newest(state).stage == "undone" and server.served.trial is None  # type: ignore[union-attr]


def test_what_several_servers_see_adds_up(
    server: Server, state: State, stand_ins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poise.interfaces.on_trial.TOLD", 0.0)
    begin_rollout(state, "r2", PLAN, why="try")
    servers = [server, *(Server(state, stand_ins) for _ in range(3))]
    for number, one in enumerate(servers):
        one.follow()
        one.ask(30, 30 * number, canary=fail)
        if number < 3:
            one.trial.watch()
    assert told(state)["answers"]["canary"] < 50 and newest(state).stage == "canary"  # type: ignore[union-attr]
    put = state.put_document

    def late(kind: str, *words: object, **more: object) -> object:
        """Another server writes between the look and the write, once."""
        if kind == "rollout-evidence":
            monkeypatch.setattr(state, "put_document", put)
            servers[0].ask(1, 1000)
            servers[0].trial.watch()
        return put(kind, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(state, "put_document", late)
    servers[3].trial.watch()
    back = newest(state)
    assert back is not None and back.stage == "undone" and back.breach is not None
    assert sum(told(state)["answers"].values()) == 121, "nothing was counted twice, and nothing lost"
    for one in servers:
        one.follow()
        assert one.served.trial is None


def test_a_server_that_has_not_followed_yet_leaves_what_is_known_of_the_next_stage(
    server: Server, state: State, stand_ins: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poise.interfaces.on_trial.TOLD", 0.0)
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    advance(state, why="more", share=0.75)
    other = Server(state, stand_ins)
    other.follow()
    other.ask(40)
    other.trial.watch()
    counted = told(state)["answers"]
    server.ask(40)
    server.trial.watch()
    other.ask(1)
    other.trial.watch()
    assert sum(told(state)["answers"].values()) == sum(counted.values()) + 1


def test_a_shadow_is_compared_and_then_answers(server: Server, state: State) -> None:
    begin_rollout(state, "r2", replace(PLAN, begin="shadow", shadow=0.0001), why="try")
    server.follow()
    assert isinstance(server.served.trial, Shadow) and not server.served.trial.answerer.counting
    assert set(server.ask(50)) == {"r1"}
    server.trial.watch()
    assert state.document(SEEN, "r2").value["shadow"]["scored"] == 0  # type: ignore[union-attr]
    advance(state, why="go on")
    server.follow()
    assert isinstance(server.served.trial, Canary) and server.served.trial.answerer.counting
    assert set(server.ask(50)) == {"r1", "r2"}
    undo(state, why="no")
    server.follow()
    assert server.served.trial is None and set(server.ask(50)) == {"r1"} and server.served.taken_back is None


def test_what_is_live_went_elsewhere_so_that_nothing_is_on_trial(server: Server, state: State) -> None:
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    state.promote("r3", why="past it")
    server.served.put(server.by("r3"))
    server.follow()
    assert server.served.trial is None and set(server.ask(50)) == {"r3"}


def test_steps_over_http(server: Server, state: State) -> None:
    server.served.live.rehearse()
    app = create_app(server.served, state)

    async def go(method: str, path: str, **more: object) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)  # type: ignore[arg-type]

    def send(method: str, path: str, **more: object) -> tuple[int, dict[str, object]]:
        answer = asyncio.run(go(method, path, **more))
        return answer.status_code, answer.json()

    assert send("GET", "/v1/rollout")[1]["release"] is None
    assert send("POST", "/v1/rollout/undo", json={"why": "no"})[0] == 409
    begin_rollout(state, "r2", PLAN, why="try")
    server.follow()
    assert send("GET", "/health/ready")[1]["on_trial"] == "r2"
    status, found = send("POST", "/v1/rollout/advance", json={"why": "well", "who": "ana", "share": "75%"})
    assert (status, found["stage"], found["share"], found["who"]) == (200, "canary", 0.75, "ana")
    for wrong in ({}, {"why": " "}, {"why": "x", "share": 1}, {"why": "x", "share": True}, {"why": "x", "y": 1}):
        assert send("POST", "/v1/rollout/advance", json=wrong)[0] == 422
    assert send("POST", "/v1/rollout/undo", json={"why": "x", "share": 0.5})[0] == 422
    assert send("POST", "/v1/rollout/advance", json={"why": "well"})[1]["stage"] == "live"
    live = state.live()
    assert live is not None and live.release == "r2"
