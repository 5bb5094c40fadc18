"""One measured figure beside its budget, and how every benchmark is run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """A value that is to be at most its budget, or at least that. `budget` is None where none was set."""

    name: str
    value: float
    budget: float | None
    unit: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Within its budget or not."""
        if self.budget is None:
            return ""
        return "within" if (self.value >= self.budget if self.at_least else self.value <= self.budget) else "OVER"

    @property
    def bound(self) -> str:
        """The budget in words."""
        return "" if self.budget is None else f"{'>=' if self.at_least else '<='} {self.budget:,g}{self.unit}"

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 1000 else 2
        return f"{self.name:62s} {self.value:12,.{digits}f}{self.unit:5s} {self.bound:16s} {self.verdict}"


def run(measure: Callable[[bool], list[Figure]]) -> None:
    """Measure and print each figure; with `--quick` the short form, with `--json` all again in one last line."""
    figures = measure("--quick" in sys.argv)
    for figure in figures:
        print(figure, flush=True)
    if "--json" in sys.argv:
        print(json.dumps([asdict(figure) for figure in figures]))
