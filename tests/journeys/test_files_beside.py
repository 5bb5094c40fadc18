"""Files that are taken in one soon after the other while a server answers: what each answer saw of them is known."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from poise.clock import DAY, Clock, to_text
from poise.interfaces.system import System
from poise.monitoring import reasons
from tests.interfaces.cli.in_process import poise
from tests.journeys.processes import wait_for
from tests.journeys.replaying import Caller, serving
from tests.monitoring.kitchen import DISHES, written

FILES = 3
NEW = [f"new{number}" for number in range(FILES)]
"""Dishes that nobody has seen, one in each file."""
CANDIDATES = {"candidates": [{"dish": dish, "price": 2} for dish in (*DISHES, *NEW)]}


class Asking:
    """Asks again and again, on a thread of its own."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._over = threading.Event()
        self._why: dict[str, str] = {}
        self.answers = 0
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.is_set():
            made = self._caller.ask(CANDIDATES)
            self._why = {one["dish"]: one["why"] for one in made["left_out"]}
            self.answers += 1
            self._over.wait(0.02)

    def more(self, answers: int) -> None:
        """Wait for so many more."""
        goal = self.answers + answers
        assert wait_for(lambda: self.answers >= goal, 60.0)

    def until(self, dish: str) -> None:
        """Wait until answers know a dish, which is of the last source that is taken up."""
        assert wait_for(lambda: not self._why.get(dish, "").startswith("where"), 60.0), self._why

    def end(self) -> None:
        self._over.set()
        self.thread.join(60)


@contextmanager
def asking(system: System) -> Iterator[Asking]:
    with serving(system.path) as server, ExitStack() as stack:
        one = Asking(Caller(server.port, stack))
        one.thread.start()
        try:
            yield one
        finally:
            one.end()


def dishes(folder: Path, cost: int, *new: str) -> None:
    rows = [*(f"{dish},warm,{cost},true" for dish in DISHES), *(f"{dish},cold,1,true" for dish in new)]
    (folder / "dishes.csv").write_text("\n".join(["dish,kind,cost,open", *rows]), encoding="utf-8")


def more(folder: Path, number: int) -> None:
    """Files with new rows of two sources: what was seen a day ago, what all dishes cost now, and another dish."""
    at = to_text(Clock().now() - DAY // 2, "UTC")
    rows = [f"f{number}-{n},p{n},{dish},1,{number + n},{at}" for n, dish in enumerate(DISHES)]
    (folder / "seen.csv").write_text("\n".join(["seen_id,page,dish,place,price,at", *rows]), encoding="utf-8")
    dishes(folder, number + 2, *NEW[: number + 1])


def test_answers_between_files_that_come_soon_after_each_other_are_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    system = written(tmp_path)
    dishes(tmp_path, 1)
    system.ingest()
    with asking(system) as one:
        for number in range(FILES):
            one.more(5)
            more(tmp_path, number)
            assert poise(tmp_path, "ingest").returncode == 0
            one.until(NEW[number])
        one.more(5)
    said = poise(tmp_path, "check", "skew", "--json")
    found = json.loads(said.stdout)
    assert said.returncode == 0 and found["disagreeing"] == [], said.stdout
    explained = {reason for feature in found["features"] for reason in feature["explained"]}
    assert reasons.BESIDE in explained, "answers were to come before the server took a file up"
    assert found["answers"] == one.answers and found["compared"] == found["rows"]
    noted = [line.details["source"] for line in system.state.history() if line.act == "take up"]
    assert noted == ["seen", "dishes"] * FILES
