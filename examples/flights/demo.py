"""`make demo`: the flights example from nothing to a system that answers, and stays up until Ctrl-C (`--once` stops).

Two attempts, as it went: the first knows only the schedule, and operations refuses it; the second knows the weather
and the delays of that hour. Nothing here is special to the demo: it runs the same `poise up` that a user types.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import prepare

HERE = Path(__file__).parent
REFUSED = 4  # the exit code of `poise` when a gate refuses a release
STOPPED = 130  # … and after Ctrl-C, which the demo ends with too


def poise(*arguments: str) -> int:
    """Run `poise` as a user would, showing the command."""
    print(f"\n$ poise {' '.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, "-m", "poise", *arguments], cwd=HERE, check=False).returncode


def main() -> int:
    """The two attempts; the second one serves."""
    print("Writing 336,776 real flights of 2013 with weather and planes as Parquet …", flush=True)
    prepare.main()
    once = ["--once"] if "--once" in sys.argv[1:] else []
    first = poise("up", "-f", "first-attempt.yaml", "--once")
    if first != REFUSED:
        print(f"expected operations to refuse the first attempt (exit code {REFUSED}); it ended with {first}")
        return 1
    print(
        "\nAs it should: the schedule alone does not say enough. The second attempt knows weather and delays by then."
    )
    return poise("up", *once)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(STOPPED)
