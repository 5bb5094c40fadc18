"""How often `poise assess` is right on worlds whose truth is known.

    python -m benchmarks.assess [--seeds 40] [--from 0] [--kinds noise,rule] [--rows 20000] [--keep trials.jsonl]
    python -m benchmarks.assess --real [--sets "iris;wine"]

About two seconds a table on one core, so the long form of 16 kinds and 40 seeds takes some twenty minutes; with
`--keep` it goes on where it stopped. `--real` assesses tables from packages instead, beside another evaluation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.assess.kinds import KINDS, NOISE
from benchmarks.assess.real import SETS, SHORT, compared
from benchmarks.assess.real import table as beside
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
    reading.add_argument("--least", type=int, default=0, help="the fewest rows, where a kind allows so many")
    reading.add_argument("--clear", action="store_true", help="only tables whose truth is clear")
    reading.add_argument("--keep", type=Path)
    reading.add_argument("--real", action="store_true", help="real tables from packages instead")
    reading.add_argument("--sets", help="of the real tables only these; a ';' between them")
    asked, _ = reading.parse_known_args()
    if asked.real:
        return real(asked.sets.split(";") if asked.sets else SHORT if quick else SETS)
    seeds = range(asked.first, asked.first + asked.seeds)
    trials = recorded(asked.kinds.split(","), seeds, asked.rows, asked.keep, asked.least, asked.clear)
    print("\n".join(table(trials)))
    clear = [trial for trial in trials if trial.clear]
    noise = [trial for trial in trials if trial.kind in NOISE]
    figures = [Figure("assess: right where the truth is clear", share([t.right for t in clear]), RIGHT, at_least=True)]
    if noise:
        figures.append(Figure("assess: 'use ML' on noise", share([t.enthusiastic for t in noise]), FALSE))
    return figures


def real(names: Iterable[str]) -> list[Figure]:
    """How far the figures of real tables are from those of another evaluation, and the table."""
    rows = []
    for name in names:
        rows.append(compared(name))
        print(f"{name}: {rows[-1].said}, {rows[-1].seconds:.0f} s", file=sys.stderr, flush=True)
    print("\n".join(beside(rows)))
    furthest = 100 * max(abs(row.share - row.other) for row in rows)
    return [
        Figure("assess: furthest from another evaluation", furthest, None, " pts"),
        Figure("assess: other evaluations within the limits", share([row.within for row in rows]), None),
    ]


def share(values: list[bool]) -> float:
    """The share that holds."""
    return sum(values) / len(values)


if __name__ == "__main__":
    run(main)
