"""kill -9 of a drain, at every kind of point and at random times: no row is lost or doubled."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tests.data.test_drain import SOURCES, Flow, order

from poise.data import delta
from poise.data.ward import entries

SCRIPT = """
    import json, os, signal, sys, time
    from pathlib import Path
    from poise.data import delta, drain as drains, drained
    from poise.data.journal_reader import reading
    from poise.data.lake import Lake
    from poise.spec.system import SystemSpec
    base, spec, left = Path(sys.argv[1]), SystemSpec.model_validate_json(sys.argv[2]), int(sys.argv[3])
    drained.SMALL_FILES = 6

    def point(act):
        def acted(*given, **named):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*given, **named)
        return acted

    drained.write_deltalake = point(drained.write_deltalake)  # before a commit
    delta.sync = point(delta.sync)  # between a commit and its being on disk
    drain = drains.Drain([spec], Lake(str(base / "lake")), reading(base / "journal"))
    drain._write = point(drain._write)  # before a source; the one before it is on disk and not told
    print("ready", flush=True)
    while True:
        drain.once(everything=True)
        print(json.dumps(drain.done), flush=True)
        time.sleep(0.01)
"""
POINTS = (1, 2, 3, 4, 5, 6, 7, 9, 12, 20)
KILLS = 3
"""Of each sort; the long form of `make soak` (tests/soak) kills 50 times."""


@pytest.mark.parametrize("seed", [11])
def test_kill_at_any_point_loses_and_doubles_nothing(bench, make, seed):
    survive(bench, make(**SOURCES), KILLS, seed)


def survive(bench, spec, kills, seed):
    """Kill drains `kills` times at chosen points and at random times while rows come in, then let one finish."""
    flow, chance = Flow(bench, spec), random.Random(seed)
    sent = Sent(flow, chance)
    killed = 0
    for n in range(2 * kills):
        killed += one_life(sent, chance.choice(POINTS) if n % 2 else 0, chance.uniform(0.05, 1.5))
    flow.restart().once(everything=True)
    assert killed >= kills
    sent.compare()
    flow.reader.close()
    flow.journal.close()


class Sent:
    """Writes rows of every sort to the journal, remembers them, and drops from it what a drain said is in the lake."""

    def __init__(self, flow, chance):
        self.flow, self.chance, self.number = flow, chance, 0
        self.accepted, self.refused, self.decisions = {}, {}, {}

    def some(self):
        rows = [order(self.number + n, v=n, at="2025-11-30T10:00:00+08:00") for n in range(self.chance.randint(1, 30))]
        self.number += len(rows)
        first = self.flow.take("orders", *rows)
        self.accepted.update({("orders", first + n): row["id"] for n, row in enumerate(rows)})
        first = self.flow.take("shops", {"id": f"s{self.number % 7}", "city": str(self.number)})
        self.accepted["shops", first] = f"s{self.number % 7}"
        if self.chance.random() < 0.5:
            bad = {"id": f"bad{self.number}", "v": -1}
            first = self.flow.refuse("orders", json.dumps(bad).encode(), ["range:v"], ["v is -1"])
            self.refused[first] = bad["id"]
        decided = {"kind": "list", "at": self.number, "release": "r1", "per": "orders"}
        self.decisions[self.flow.take("", decided, kind="decisions")] = decided

    def compare(self):
        lake = self.flow.bench.lake
        found = {}
        for source in ("orders", "shops"):
            rows = lake.read(source)
            assert rows["_seq"].to_list() == list(range(rows.height)), "in the order of arrival, without a gap"
            assert rows["_position"].is_sorted()
            found.update({(source, p): id for p, id in zip(rows["_position"], rows["id"], strict=True)})
            assert rows.height == sum(s == source for s, _ in self.accepted)
            raw = delta.scan(lake.table("raw", source)).collect()
            assert raw.height == raw["_position"].n_unique() == rows.height + (len(self.refused) * (source == "orders"))
        assert found == self.accepted
        kept = entries(lake, "orders")
        assert kept.height == len(self.refused) and kept["_entry"].to_list() == list(range(kept.height))
        ids = [json.loads(row)["id"] for row in kept["row"]]
        assert dict(zip(kept["_position"].to_list(), ids, strict=True)) == self.refused
        rows = delta.scan(lake.decisions).collect()
        assert {p: json.loads(d) for p, d in zip(rows["_position"], rows["decision"], strict=True)} == self.decisions
        assert rows.height == len(self.decisions)


def one_life(sent, point, seconds):
    """Start a drain, send rows while it runs, and kill it `seconds` later unless it dies at its `point` before; did it
    run until it was killed?"""
    flow = sent.flow
    spec = flow.spec.model_dump_json(by_alias=True)
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(flow.bench.base), spec, str(point)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"POLARS_MAX_THREADS": "1"}) as process:
        assert process.stdout is not None
        sent.some()
        process.stdout.readline()
        ends = time.monotonic() + seconds
        while process.poll() is None and (time.monotonic() < ends or point):
            sent.some()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        told = [json.loads(line) for line in process.stdout]
    if told:
        while flow.journal.prune(told[-1]):
            pass
    return process.wait() == -signal.SIGKILL
