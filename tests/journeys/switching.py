"""A server under load whose release and weights change all the time, and what each of its answers has to be."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poise.errors import StateError
from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.rollout.server_process import ServerProcess, running
from tests.serving.bare import ASKED, body, row, written

SOON = 120.0
"""Seconds within which a release answers on a busy machine that compiles it for the first time."""


@contextmanager
def live(file: Path) -> Iterator[ServerProcess]:
    """`poise serve` of whatever is live."""
    command = [sys.executable, "-m", "poise", "serve", "-f", str(file), "--port", "{port}"]
    with running(command, env={"POISE_HOME": str(file.parent / ".poise")}, grace=120.0) as server:
        yield server


def released(system: System, text: str | None = None) -> str:
    """A candidate of the file as `text` says it, recorded as a release without asking anybody."""
    if text is not None:
        system.path.write_text(text, encoding="utf-8")
    folder = System.read(system.path).train().folder
    system.state.record(
        folder.name, "released", folder=str(folder.path), act="release", why="for a test", seal=folder.seal
    )
    return folder.name


def first_live(folder: Path) -> System:
    """A system of which c1 is live, and c2, which sorts by another rule over the same features, is released."""
    system = written(folder)
    made = system.folder("c1")
    system.state.record("c1", "released", folder=str(made.path), act="release", why="for a test", seal=made.seal)
    system.state.promote("c1", why="first")
    assert released(system, system.text.replace("seen_count_7d_by_dish,", "seen_count_7d_by_dish * 1000,")) == "c2"
    return system


Check = Callable[[dict[str, Any], int], str | None]
"""What is wrong with an answer, given how many rows had come in; None where nothing is."""


@dataclass
class Load:
    """One caller that sends a row, then asks, again and again. kept: the newest answer."""

    port: int
    check: Check
    asked: bytes = ASKED
    sends: bool = True
    headers: str = ""
    rows: int = 0
    wrong: list[object] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    kept: dict[str, Any] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            with Connection(self.port, 120.0) as to:
                while not self.over.is_set():
                    self._once(to)
        except (StateError, OSError) as error:
            if not self.over.is_set():
                self.wrong.append(error)

    def _once(self, to: Connection) -> None:
        if self.sends:
            status, said = to.exchange(to.request("/v1/events/seen", body(row(self.rows + 1))))
            if status != 200 or b'"accepted":1' not in said:
                self.wrong.append((status, said))
                return
            self.rows += 1
        status, said = to.exchange(to.request("/v1/decide", self.asked))
        if status != 200:
            self.wrong.append((status, said))
            return
        answer = json.loads(said)
        found = self.check(answer, self.rows)
        if found is not None:
            self.wrong.append(found)
        self.answers[answer["release"]] += 1
        self.kept = answer

    def until(self, release: str, weights: int | None = None) -> None:
        """Wait until this release answers, by these weights."""
        ends = time.monotonic() + SOON
        while self.kept.get("release") != release or weights not in (None, self.kept.get("weights")):
            assert not self.wrong, self.wrong[:3]
            assert time.monotonic() < ends, f"{release} does not answer; {self.kept.get('release')} does"
            time.sleep(0.005)


@contextmanager
def under(loads: Sequence[Load]) -> Iterator[None]:
    """While inside, all of them call."""
    threads = [threading.Thread(target=one.run) for one in loads]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        for load in loads:
            load.over.set()
        for one in threads:
            one.join(60)
    assert not [wrong for load in loads for wrong in load.wrong], loads[0].wrong[:3]
