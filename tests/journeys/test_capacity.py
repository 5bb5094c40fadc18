"""At most so many a day, from the file to a server that is killed and goes on counting where it was."""

from __future__ import annotations

import json
from typing import Any

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from tests.journeys.conftest import Write
from tests.journeys.processes import alive, children, end, wait_for
from tests.journeys.replaying import serving
from tests.journeys.shop import SYSTEM, tables

LIMITED = (
    SYSTEM.replace("rungs: [trees]", "rungs: [constant]").replace("clock: replay\n", "")
    + "  capacity: {call: 40 a week}\n  explore: {method: epsilon, share: 5%}\n"
)
MOST = 40


def ask(port: int, n: int) -> list[dict[str, Any]]:
    rows = [{"x": 3.0, "z": 1.5, "city": "Ghent"}] * n
    with Connection(port) as to:
        status, said = to.exchange(to.request("/v1/decide", json.dumps({"rows": rows}).encode()))
        assert status == 200, said
        found: list[dict[str, Any]] = json.loads(said)["decisions"]
        return found


def shown(port: int) -> dict[str, Any]:
    with Connection(port) as to:
        status, said = to.get("/v1/capacity")
        assert status == 200, said
        found: dict[str, Any] = json.loads(said)["capacity"]["call"]
        return found


def kill(server: Any) -> None:
    drains = wait_for(lambda: children(server.process.pid), 20)
    server.process.kill()
    server.process.wait()
    end(drains)
    assert wait_for(lambda: not any(map(alive, drains)), 20)


def released(write: Write) -> System:
    system = write(LIMITED, **tables(1200))
    system.ingest()
    system.train()
    report = system.release()
    assert report.outcome is not None and report.outcome.released, str(report)
    return system


def test_a_killed_server_goes_on_counting_where_it_was(write: Write) -> None:
    system = released(write)
    live = system.live_folder()
    assert live is not None
    usual = live.json("evidence")["decision"]["per_hour"]
    assert len(usual) == 24 and 18 < sum(usual) < 22, "1,200 rows in 60 days"
    calls = 0
    with serving(system.path, live.name) as server:
        for _ in range(5):
            calls += sum(one["chosen"] == "call" for one in ask(server.port, 5))
        assert shown(server.port)["used"] == calls > 10
        kill(server)
    with serving(system.path, live.name) as server:
        before = shown(server.port)
        assert (before["used"], before["decisions"], before["at_most"]) == (calls, 25, MOST)
        rows = ask(server.port, 500)
        calls += sum(one["chosen"] == "call" for one in rows)
        assert calls == MOST == shown(server.port)["used"]
        assert rows[-1]["left_out"][0]["why"] == f"capacity: {MOST} a week, and all of them are used"
        state = system.state
        assert wait_for(lambda: any(one.value["used"] == MOST for one in state.documents("threshold")), 20)
