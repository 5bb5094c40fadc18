"""Quality over time: a model that is never learned again, one that is learned again every block, and `poise update`.

Each begins with the same release. Then the data come block by block as files that grow; after each block every
strategy does what it does, and its live release predicts the block that comes next, which nobody has seen by then.

    python -m benchmarks.updating            # the market and the flights; --quick: a short market alone
    python -m benchmarks.updating NAME ...   # others: see `benchmarks/updated_streams.py`
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure, run
from benchmarks.shocks import DAY
from benchmarks.updated_streams import STREAMS, Stream, market
from poise.evaluation.blocks import blocks_of
from poise.evaluation.bootstrap import Resampled, mean_sums
from poise.interfaces.system import System
from poise.releases.examples import ObjectiveData, Sources, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.live import LiveRelease

Floats = NDArray[np.float64]
STRATEGIES = ("frozen", "every block", "update")


@dataclass(eq=False)
class Scored:
    """Per strategy: the loss of every row of all blocks, how often it was trained and the CPU time of all it did; T of
    the rows."""

    losses: dict[str, list[Floats]] = field(default_factory=lambda: {name: [] for name in STRATEGIES})
    times: list[NDArray[np.int64]] = field(default_factory=list)
    trained: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STRATEGIES, 0.0))
    told: list[str] = field(default_factory=list)


class Judge:
    """Every row of the stream, from which each release is asked about the block that comes next."""

    def __init__(self, stream: Stream, folder: Path) -> None:
        self.system = begun(stream, folder, stream.ends[-1])
        self.system.ingest()
        spec = self.system.spec
        extra = extra_names(spec)
        plans = plans_of(spec, extra)
        self.sources: Sources = read_sources(spec, self.system.lake, plans, extra)
        self.data: Mapping[str, ObjectiveData] = assemble(spec, plans, self.sources, extra)

    def losses(self, live: LiveRelease, start: int, stop: int) -> tuple[NDArray[np.int64], Floats]:
        """T and losses of the rows with start <= T < stop: log loss, or squared error as a share of the variance; of
        several objectives one after the other."""
        times, found = [], []
        for name, data in self.data.items():
            rows = np.flatnonzero((data.requests.time >= start) & (data.requests.time < stop))
            predicted = live.predict(name, data, rows)
            assert predicted is not None
            target = np.asarray(data.target[rows], np.float64)
            if data.spec.type == "binary":
                sure = np.clip(predicted, 1e-15, 1 - 1e-15)
                found.append(-np.where(target > 0.5, np.log(sure), np.log1p(-sure)))
            else:
                found.append((predicted - target) ** 2 / float(np.var(data.target)))
            times.append(data.requests.time[rows])
        return np.concatenate(times), np.concatenate(found)

    def release(self, system: System) -> LiveRelease:
        """The live release of another home, over all rows."""
        folder = system.live_folder()
        assert folder is not None
        return LiveRelease.of(folder, self.system.lake, self.sources)


def begun(stream: Stream, folder: Path, until: int) -> System:
    """A home with the files as of an instant."""
    folder.mkdir(parents=True)
    (folder / "poise.yaml").write_text(stream.text, encoding="utf-8")
    stream.write(folder, until)
    return System.read(folder / "poise.yaml")


def replayed(stream: Stream, home: Path) -> Scored:
    """All strategies over all blocks."""
    judge = Judge(stream, home / "judge")
    first = begun(stream, home / STRATEGIES[0], stream.ends[0])
    first.ingest()
    first.train()
    first.release()
    first.state.close()
    for name in STRATEGIES[1:]:
        shutil.copytree(home / STRATEGIES[0], home / name)
    scored = Scored()
    for end, following in zip(stream.ends, stream.ends[1:], strict=False):
        for name in STRATEGIES:
            system = System.read(home / name / "poise.yaml")
            if name != "frozen" and end != stream.ends[0]:
                stream.write(home / name, end)
                began = time.process_time()
                scored.told += acted(system, name, (end - stream.ends[0]) // DAY)
                scored.seconds[name] += time.process_time() - began
            times, losses = judge.losses(judge.release(system), end, following)
            scored.losses[name].append(losses)
            scored.trained[name] = sum(line.act == "train" for line in system.state.history())
            system.state.close()
        scored.times.append(times)
    return scored


def acted(system: System, name: str, day: int) -> list[str]:
    """What a strategy does once a block has come in; what it said."""
    if name == "update":
        found = system.update()
        said = f"day {day}: {found.outcome}: {found.sentence[:150]}"
        print(f"  {said}", flush=True)
        return [said]
    system.ingest()
    system.train()
    system.release()
    return []


def told(stream: Stream, scored: Scored) -> list[Figure]:
    """Mean losses, and what `update` gains over the others with its one-sided 95 % limits, by blocks of time."""
    when = np.concatenate(scored.times)
    rows = {name: np.concatenate(parts) for name, parts in scored.losses.items()}
    blocks = blocks_of(when)
    figures = [Figure(f"{stream.name}: mean loss, {name}", float(rows[name].mean()), None) for name in STRATEGIES]
    for other in ("frozen", "every block"):
        gain = Resampled(mean_sums(rows[other] - rows["update"], blocks))
        base = float(rows[other].mean())
        figures.append(
            Figure(f"{stream.name}: update's gain over {other}, lower limit", 100 * gain.low() / base, None, " %")
        )
        figures.append(Figure(f"{stream.name}: update's gain over {other}", 100 * gain.value / base,
                              0.0, " %", at_least=True))  # fmt: skip
    most = scored.trained["every block"]
    figures.append(Figure(f"{stream.name}: trainings, every block", most, None))
    figures.append(Figure(f"{stream.name}: trainings, update", scored.trained["update"], most))
    seconds = [Figure(f"{stream.name}: CPU, {name}", scored.seconds[name], None, " s") for name in STRATEGIES[1:]]
    return figures + seconds


def measure(quick: bool) -> list[Figure]:
    """The streams that are named; else both that need no further package; the quick form a short market alone."""
    names = [word for word in sys.argv[1:] if word in STREAMS] or ["market", "flights"]
    figures: list[Figure] = []
    for stream in [market(quick=True)] if quick else [STREAMS[name]() for name in names]:
        print(f"{stream.name}: {len(stream.ends) - 1} blocks", flush=True)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            figures += told(stream, replayed(stream, Path(folder)))
    return figures


if __name__ == "__main__":
    run(measure)
