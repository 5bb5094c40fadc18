"""All figures in turn, each benchmark in a process of its own, and a summary."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.figure import Figure

EVERY = (
    "start",
    "asof",
    "checks",
    "reception",
    "windows",
    "online_store",
    "journal",
    "events",
    "drain",
    "kernel",
    "serving",
    "lists",
    "overload",
    "peers",
    "training",
    "assess",
    "drift",
    "streams",
    "poison",
    "cbpe",
    "updating",
    "sixty_days",
)


def measured(name: str, quick: bool) -> list[Figure]:
    """The figures of one benchmark, whose output is passed on."""
    print(f"\n== {name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *(["--quick"] if quick else [])]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(last, end="", flush=True)
            last = line
    if process.returncode:
        raise SystemExit(f"benchmarks.{name} ended with exit code {process.returncode}")
    return [Figure(**figure) for figure in json.loads(last)]


def main() -> None:
    """Run what is named on the command line, or all."""
    asked = [name for name in sys.argv[1:] if not name.startswith("-")] or EVERY
    unknown = [name for name in asked if name not in EVERY]
    if unknown:
        raise SystemExit(f"there is no benchmark '{unknown[0]}'; there are {', '.join(EVERY)}")
    figures = [figure for name in asked for figure in measured(name, "--quick" in sys.argv)]
    print("\n== summary")
    for figure in figures:
        print(figure)


if __name__ == "__main__":
    main()
