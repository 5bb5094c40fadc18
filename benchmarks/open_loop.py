"""A load that does not wait for answers: requests are due at random instants of a given rate, whatever became of those
before, and each is timed from the instant at which it was due.

A client that waits for one answer before it asks again slows down with the server and hides how long people wait. This
one runs in a process of its own: `python -m benchmarks.open_loop FILE`, its work as JSON on stdin, what it saw as JSON
in the file.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

try:
    from uvloop import run
except ImportError:
    from asyncio import run


@dataclass(frozen=True)
class Load:
    """`rate` POSTs a second to `route` for `seconds`, over at most `connections`, with bodies of a file in turns.

    bodies: a file of one JSON body per line; '' sends GETs.
    """

    port: int
    route: str
    bodies: str
    rate: float
    seconds: float
    connections: int = 256


@dataclass(frozen=True)
class Seen:
    """What one load saw: for each status how long each answer took from when it was due, in seconds; 0: none came.

    late: due requests that found no free connection.
    """

    asked: int
    seconds: float
    taken: dict[int, list[float]]
    late: int

    def rate(self, status: int) -> float:
        """Answers of a status per second."""
        return len(self.taken.get(status, ())) / self.seconds

    def quantile(self, status: int, part: float) -> float:
        """Seconds within which `part` of the answers of a status came; NaN where there were none."""
        times = sorted(self.taken.get(status, ()))
        return times[min(len(times) - 1, math.ceil(part * len(times)) - 1)] if times else math.nan


def offer(*loads: Load) -> list[Seen]:
    """Offer all loads at the same time and wait for the answers."""
    asked = json.dumps([asdict(load) for load in loads])
    with tempfile.NamedTemporaryFile("r", suffix=".json") as told:
        command = [sys.executable, "-m", "benchmarks.open_loop", told.name]
        subprocess.run(command, input=asked, text=True, check=True, cwd=Path(__file__).parent.parent)
        found = json.load(told)
    return [Seen(**{**one, "taken": {int(k): v for k, v in one["taken"].items()}}) for one in found]


class _Connection(asyncio.Protocol):
    """Sends one request at a time and reads its answer by its content-length."""

    def __init__(self, user: _Open) -> None:
        self._user = user
        self._came = b""
        self._due: float | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, body = self._came.partition(b"\r\n\r\n")
        if not found or self._due is None:
            return
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        end = lowered.find(b"\r\n", at)
        if len(body) < int(lowered[at : end if end >= 0 else None]):
            return
        due, self._due, self._came = self._due, None, b""
        self._user.answered(self, int(head[9:12]), time.perf_counter() - due)

    def connection_lost(self, error: Exception | None) -> None:
        self._user.lost(self, waited=self._due is not None)


class _Open:
    """One load on the loop that runs."""

    def __init__(self, load: Load) -> None:
        self._load = load
        head = f"{load.route} HTTP/1.1\r\nhost: 127.0.0.1:{load.port}\r\n"
        if load.bodies:
            said = f"POST {head}content-type: application/json\r\ncontent-length: "
            lines = Path(load.bodies).read_bytes().splitlines()
            self._requests = [f"{said}{len(line)}\r\n\r\n".encode() + line for line in lines]
        else:
            self._requests = [f"GET {head}\r\n".encode()]
        self._free: deque[_Connection] = deque()
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._busy = self._late = 0
        self._taken: dict[int, list[float]] = {}

    async def run(self) -> dict[str, Any]:
        drawn, load = random.Random(1), self._load
        for _ in range(
            load.connections
        ):  # before anything is due: a burst of them would wait in the kernel for seconds
            await self._connect()
        started = due = time.perf_counter()
        asked = 0
        while due < started + load.seconds:
            ahead = due - time.perf_counter()
            await asyncio.sleep(max(0.0, ahead) if ahead > 2e-4 else 0)
            while due <= time.perf_counter():
                self._ask(self._requests[asked % len(self._requests)], due)
                asked += 1
                due += drawn.expovariate(load.rate)
        gives_up = time.perf_counter() + 5
        while (self._busy or self._waiting) and time.perf_counter() < gives_up:
            await asyncio.sleep(0.01)
        unanswered = self._busy + len(self._waiting)
        if unanswered:
            self._taken.setdefault(0, []).extend([math.inf] * unanswered)
        return {"asked": asked, "seconds": load.seconds, "taken": self._taken, "late": self._late}

    def _ask(self, request: bytes, due: float) -> None:
        if self._free:
            self._busy += 1
            self._free.pop().ask(request, due)
            return
        self._late += 1
        self._waiting.append((request, due))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._load.port)
        self._next(made)

    def answered(self, by: _Connection, status: int, seconds: float) -> None:
        self._busy -= 1
        self._taken.setdefault(status, []).append(seconds)
        self._next(by)

    def lost(self, which: _Connection, *, waited: bool) -> None:
        if waited:
            self._busy -= 1
            self._taken.setdefault(0, []).append(math.inf)
        elif which in self._free:
            self._free.remove(which)

    def _next(self, by: _Connection) -> None:
        if self._waiting:
            self._busy += 1
            by.ask(*self._waiting.popleft())
        else:
            self._free.append(by)


async def _all(loads: Sequence[Load]) -> list[dict[str, Any]]:
    return await asyncio.gather(*(_Open(load).run() for load in loads))


if __name__ == "__main__":
    seen = run(_all([Load(**one) for one in json.load(sys.stdin)]))
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")
