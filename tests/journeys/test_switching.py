"""A running server follows what is live: other releases, other features, other contracts, and back, while rows come in
and answers go out."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from poise.errors import Refused, StateError
from poise.interfaces.contracts import live_at, retire
from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.journeys.processes import children, end
from tests.journeys.switching import Load, first_live, live, released, under
from tests.serving.bare import ASKED

RULES = {"c1": 1, "c2": 1_000, "c3": 1_000_000}
"""By what each release multiplies how often a dish was seen, so that a score tells whose it is."""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """c1 is live; c2 sorts by another rule over the same features, c3 by one over others."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    system = first_live(tmp_path)
    other = system.text.replace("over: [1h, 7d]", "over: [1h, 1d]")
    assert released(system, other.replace("seen_count_7d_by_dish,", "seen_count_1d_by_dish * 1000000,")) == "c3"
    return system


def scored(answer: dict[str, Any], rows: int) -> str | None:
    """Every row that came in counts, once, by the rule of the release that answers."""
    (score,) = [one["score"] for one in answer["shown"] if one["dish"] == "soup"]
    expected = rows * RULES[answer["release"]]
    return None if score == expected else f"{answer['release']} says {score}, not {expected}"


def test_releases_change_under_load_and_no_row_is_lost_or_doubled(system: System) -> None:
    state = system.state
    with live(system.path) as server:
        load = Load(server.port, scored)
        with under([load]):
            load.until("c1")
            state.promote("c2", why="the same features")
            load.until("c2")
            state.rollback(why="complaints")
            load.until("c1")
            state.promote("c3", why="other features")
            load.until("c3")
            before = load.rows
            state.rollback(why="complaints")
            load.until("c1")
            state.promote("c3", why="after all")
            load.until("c3")
            while load.rows < before + 50:
                time.sleep(0.01)
        with Connection(server.port) as to:
            assert json.loads(to.get("/health/ready")[1]) == {"ready": True, "release": "c3"}
    switches = [(row.subject, row.why.partition(",")[0]) for row in state.history() if row.act == "switch"]
    assert [name for name, _ in switches] == ["c2", "c1", "c3", "c1", "c3"]
    assert {why for _, why in switches} == {"answers by contract 1"}
    with live(system.path) as server:  # by what the drain of the last release left
        again = Load(server.port, scored, rows=load.rows)
        with under([again]):
            again.until("c3")
    found = System.read(system.path).check_skew()
    assert found.answers == sum(load.answers.values()) + sum(again.answers.values())
    assert not [one for one in found.features if one.disagreements] and not found.waiting.rows


def test_a_server_that_is_killed_in_the_middle_of_a_switch_starts_with_what_is_live(system: System) -> None:
    rows = 0
    for name, pause in (("c3", 0.3), ("c1", 0.05), ("c3", 1.5)):
        with live(system.path) as server:
            load = Load(server.port, scored, rows=rows)
            with under([load]):
                load.until(system.state.live().release)  # type: ignore[union-attr]
                system.state.promote(name, why="try")
                time.sleep(pause)
                load.over.set()
            rows, drains = load.rows, children(server.process.pid)
            server.process.kill()
            server.process.wait()
            end(drains)
    with live(system.path) as server:
        load = Load(server.port, scored, rows=rows)
        with under([load]):
            load.until("c3")
    found = System.read(system.path).check_skew()
    assert not [one for one in found.features if one.disagreements] and not found.waiting.rows


def test_a_release_that_was_changed_is_not_switched_to_and_everybody_hears_why(system: System) -> None:
    file = system.folder("c2").path / "contract.json"
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"show": 3', '"show": 2'))
    with live(system.path) as server:
        load = Load(server.port, scored)
        with under([load]), Connection(server.port) as to:
            load.until("c1")
            system.state.promote("c2", why="better")
            while not (stays := [row for row in system.state.history() if row.act == "stay"]):
                time.sleep(0.02)
            ready = json.loads(to.get("/health/ready")[1])
            system.state.rollback(why="it does not answer")
        assert set(load.answers) == {"c1"}
    assert stays[0].subject == "c2" and stays[0].why.startswith("c1 goes on: ") and "was changed" in stays[0].why
    assert set(ready.pop("tried_again")) == {"c2"}
    assert ready == {"ready": True, "release": "c1", "not_answering": ["c2"]}


def test_two_contracts_side_by_side_until_one_is_retired(system: System) -> None:
    longer = released(system, system.text.replace("show: 3", "show: 5"))
    assert system.folder(longer).json("contract")["major"] == 2, "callers may have no room for longer lists"
    with pytest.raises(Refused, match=r"(?s)breaks contract 1.*decision.show: at most 3 items were shown"):
        System.read(system.path).release(longer)
    began = system.state.live()
    with live(system.path) as server, Connection(server.port, 120.0) as to:
        assert asked(to, 2)[0] == 422
        system.state.promote(longer, why="longer lists")
        while asked(to, 2)[0] != 200:
            time.sleep(0.05)
        assert [asked(to, one)[1].get("release") for one in (None, 1, 2)] == ["c1", "c1", longer]
        assert asked(to, 7) == (422, asked(to, 7)[1]) and asked(to, 7)[1]["allowed"] == "1, 2"
        with pytest.raises(StateError, match="contract 2 is that of"):
            retire(system, 2, why="no")
        while not any(row.use.contract == 1 for row in system.state.usage()):
            time.sleep(0.05)  # servers write it every few seconds
        with pytest.raises(Refused, match="was used in the last 7 days \\(used by anybody here, last "):
            retire(system, 1, why="lists are longer now")
        assert retire(system, 1, why="lists are longer now", anyway=True) == ["c1", "c2", "c3"]
        while asked(to, 1)[0] != 410:
            time.sleep(0.05)
        said = asked(to, 1)[1]
        assert "lists are longer now" in said["detail"] and "contract 2" in said["hint"]
        assert asked(to, None)[1]["release"] == longer, "the oldest that is not retired"
    assert began is not None
    then = live_at(system, began.since)
    assert then["contracts"][0]["release"] == then["live"] == "c1"
    now = live_at(System.read(system.path), system.state.history()[-1].at)
    assert [one["contract"] for one in now["contracts"]] == [2] and now["live"] == longer
    with live(system.path) as server, Connection(server.port, 120.0) as to:
        assert (asked(to, 1)[0], asked(to, None)[1]["release"]) == (410, longer), "also after another start"


def asked(to: Connection, contract: int | None) -> tuple[int, dict[str, Any]]:
    """Status and answer to a request by a contract."""
    plain = to.request("/v1/decide", ASKED)
    head, _, rest = plain.partition(b"\r\n")
    chosen = b"" if contract is None else b"poise-contract: %d\r\n" % contract
    status, said = to.exchange(head + b"\r\n" + chosen + rest)
    return status, json.loads(said)
