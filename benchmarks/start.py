"""How long `import poise` and `poise --help` take, the best of several processes: budgets 0.15 and 0.3 s."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.figure import Figure, run

IMPORT, HELP = 0.15, 0.3


def best(*command: str, repeats: int) -> float:
    """Seconds of the fastest of some processes."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main(quick: bool) -> list[Figure]:
    """`import poise` without the start of Python itself; the whole of `poise --help`."""
    repeats = 1 if quick else 7
    python = best("-c", "pass", repeats=repeats)
    return [
        Figure("import poise", max(0.0, best("-c", "import poise", repeats=repeats) - python), IMPORT, " s"),
        Figure("poise --help", best("-m", "poise", "--help", repeats=repeats), HELP, " s"),
    ]


if __name__ == "__main__":
    run(main)
