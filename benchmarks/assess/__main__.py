"""How often `poise assess` is right on worlds whose truth is known.

    python -m benchmarks.assess [--seeds 40] [--from 0] [--kinds noise,rule] [--rows 20000] [--keep trials.jsonl]

About two seconds a table on one core, so the long form of 16 kinds and 40 seeds takes some twenty minutes; with
`--keep` it goes on where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.assess.kinds import KINDS, NOISE
from benchmarks.assess.record import recorded, table
from benchmarks.figure import Figure, run

RIGHT, FALSE = 0.95, 0.02


def main(quick: bool) -> list[Figure]:
    """Both figures that are judged, and the table by kind."""
    reading = argparse.ArgumentParser()
    reading.add_argument("--seeds", type=int, default=1 if quick else 40)
    reading.add_argument("--from", type=int, default=0, dest="first")
    reading.add_argument("--kinds", default="noise,rule,leak" if quick else ",".join(KINDS), type=str)
    reading.add_argument(
        "--rows", type=int, default=500 if quick else 20_000, help="the most, where a kind allows so few"
    )
    reading.add_argument("--keep", type=Path)
    asked, _ = reading.parse_known_args()
    trials = recorded(asked.kinds.split(","), range(asked.first, asked.first + asked.seeds), asked.rows, asked.keep)
    print("\n".join(table(trials)))
    clear = [trial for trial in trials if trial.clear]
    noise = [trial for trial in trials if trial.kind in NOISE]
    figures = [Figure("assess: right where the truth is clear", share([t.right for t in clear]), RIGHT, at_least=True)]
    if noise:
        figures.append(Figure("assess: 'use ML' on noise", share([t.enthusiastic for t in noise]), FALSE))
    return figures


def share(values: list[bool]) -> float:
    """The share that holds."""
    return sum(values) / len(values)


if __name__ == "__main__":
    run(main)
