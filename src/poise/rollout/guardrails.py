"""What takes a canary back by itself: its callers meet errors, slow answers, or other predictions than others do.

Nothing is assumed of how errors, latencies or predictions are distributed, only that a hash decides which callers the
canary answers. Every verdict can be looked at after every answer: the probability that a canary as good as the live
release is ever taken back is below the one that is declared (see `sequential`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from poise.rollout.figures import Figures
from poise.rollout.sequential import MoreOften
from poise.serving.trial import Seen
from poise.spec.rollout import Guardrails as Declared

Name = Literal["errors", "slow", "scores"]
FIRST = 200
"""Answers of the live release by which it is known what is slow, and which tenths its predictions fall into."""
SLOWER = 2.0
"""Slow is so many times the 99 % latency of the live release, where no latency is required."""
TENTHS = 10
LEAST_EDGES = 4
"""Different ones among the nine between the tenths."""
MOST_CALLERS = 100_000
"""Callers that are remembered; those beyond are no new evidence."""
FELL_BACK = b'"fallbacks":{'
"""Stands in an answer in which something else than a model answered."""
MOST_SERIES = 20
"""Predictions of one answer that are compared."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one guardrail says: `breached`, `holds`, or `unknown` before there are enough answers.

    wealth: of the bets against it (see `MoreOften`); limit: with so much it is breached.
    """

    guardrail: Name
    verdict: Literal["holds", "breached", "unknown"]
    says: str
    wealth: float
    limit: float

    def to_dict(self) -> dict[str, Any]:
        """As a document holds it."""
        return {
            "guardrail": self.guardrail,
            "verdict": self.verdict,
            "says": self.says,
            "wealth": self.wealth,
            "limit": self.limit,
        }


@dataclass(slots=True)
class _Series:
    """One prediction: where the tenths of the live release's lie, and a test for each."""

    edges: list[float]
    tests: list[MoreOften]


class Guardrails:
    """Watches one stage of one canary.

    declared: what is allowed. share: of the callers, that the canary answers. bound: seconds that an answer may take,
    where that is required.
    """

    def __init__(self, declared: Declared, share: float, bound: float | None = None) -> None:
        self._declared, self._share, self._bound = declared, share, bound
        watched = [name for name in ("errors", "slow", "scores") if getattr(declared, name) is not None]
        self._limit = max(len(watched), 1) / declared.false_alarms
        self.answers = {"canary": 0, "live": 0}
        self._failed = MoreOften(share, declared.errors or 1.0)
        self._slow = MoreOften(share, declared.slow or 1.0)
        self._met: dict[str, set[int]] = {"errors": set(), "slow": set()}
        self._first_seconds: list[float] = []
        self._first_numbers: dict[str, list[float]] = {}
        self._callers: set[int] = set()
        """Whose first prediction was looked at, since the warm-up ended."""
        self._series: dict[str, _Series] | None = None

    def wants(self, seen: Seen) -> bool:
        """Whether it matters what an answer says: it is not read for nothing."""
        if seen.body is None or self._declared.scores is None or (seen.canary and self._series is None):
            return False
        return seen.unit not in self._callers and len(self._callers) < MOST_CALLERS

    def see(self, seen: Seen, figures: Figures | None) -> None:
        """One answer of the canary or of the live release beside it, and what it says, where that was wanted."""
        self.answers["canary" if seen.canary else "live"] += 1
        failed = seen.failed or (seen.body is not None and FELL_BACK in seen.body)
        if failed and self._new("errors", seen.unit):
            self._failed.see(canary=seen.canary)
        if self._series is None:
            self._gather(seen, figures)
            return
        if not seen.failed and self._bound is not None and seen.seconds > self._bound and self._new("slow", seen.unit):
            self._slow.see(canary=seen.canary)
        if figures is not None:
            self._compare(seen, figures, self._series)

    def _new(self, what: str, unit: int) -> bool:
        met = self._met[what]
        if unit in met or len(met) >= MOST_CALLERS:
            return False
        met.add(unit)
        return True

    def _gather(self, seen: Seen, figures: Figures | None) -> None:
        """Learn from the first answers of the live release what is usual; the canary warms up meanwhile."""
        if not seen.canary and not seen.failed and len(self._first_seconds) < 10 * FIRST:
            self._first_seconds.append(seen.seconds)
            if figures is not None and seen.unit not in self._callers:
                self._callers.add(seen.unit)
                for name, value in list(figures.numbers.items())[:MOST_SERIES]:
                    self._first_numbers.setdefault(name, []).append(value)
        if len(self._first_seconds) < FIRST or self.answers["canary"] < self._declared.least:
            return
        if self._bound is None:
            self._bound = SLOWER * float(np.quantile(self._first_seconds, 0.99))
        self._callers = set()  # anew: those of the canary were not looked at yet
        allowed = self._declared.scores or 1.0
        self._series = {
            name: _Series(edges, [MoreOften(self._share, allowed) for _ in range(len(edges) + 1)])
            for name, values in self._first_numbers.items()
            if (edges := _edges(values)) is not None
        }

    def _compare(self, seen: Seen, figures: Figures, known: Mapping[str, _Series]) -> None:
        """Each caller's first prediction falls into one of the tenths."""
        if seen.unit in self._callers or len(self._callers) >= MOST_CALLERS:
            return
        self._callers.add(seen.unit)
        for name, series in known.items():
            value = figures.numbers.get(name)
            if value is not None:
                series.tests[bisect_right(series.edges, value)].see(canary=seen.canary)

    def verdicts(self) -> tuple[Verdict, ...]:
        """What each guardrail that is watched says now."""
        declared, found = self._declared, []
        if declared.errors is not None:
            found.append(self._verdict("errors", self._failed.wealth, self._of_errors(declared.errors)))
        if declared.slow is not None:
            found.append(self._verdict("slow", self._slow.wealth, self._of_slow(declared.slow)))
        if declared.scores is not None:
            tests = [test for series in (self._series or {}).values() for test in series.tests]
            wealth = float(np.mean([test.wealth for test in tests])) if tests else 1.0
            found.append(self._verdict("scores", wealth, self._of_scores(declared.scores)))
        return tuple(found)

    def breach(self) -> Verdict | None:
        """The first guardrail that does not hold."""
        return next((one for one in self.verdicts() if one.verdict == "breached"), None)

    def _verdict(self, name: Name, wealth: float, says: str) -> Verdict:
        enough = self.answers["canary"] >= self._declared.least
        known = enough if name == "errors" else enough and self._series is not None
        if name == "scores" and not self._series:
            known = False
        verdict: Literal["holds", "breached", "unknown"] = "unknown"
        if known:
            verdict = "breached" if wealth >= self._limit else "holds"
        return Verdict(name, verdict, says, wealth, self._limit)

    def _of_errors(self, allowed: float) -> str:
        return f"errors: {self._met_by(self._failed)}; at most {allowed:g} times as often is allowed"

    def _of_slow(self, allowed: float) -> str:
        if self._bound is None:
            return f"slow: what is slow is not known before {FIRST:,} answers of the live release"
        than = f"longer than {1000 * self._bound:.3g} ms"
        return f"slow ({than}): {self._met_by(self._slow)}; at most {allowed:g} times as often is allowed"

    def _of_scores(self, allowed: float) -> str:
        if self._series is None:
            return f"scores: not compared before {FIRST:,} answers of the live release"
        if not self._series:
            return "scores: the live release predicts too few different values to compare with"
        name, at = max(
            ((name, at) for name, series in self._series.items() for at in range(len(series.tests))),
            key=lambda one: self._series[one[0]].tests[one[1]].wealth,  # type: ignore[index]
        )
        series = self._series[name]
        low = f"from {series.edges[at - 1]:.4g}" if at else "up"
        high = f" to {series.edges[at]:.4g}" if at < len(series.edges) else " on"
        said = f"{name} {low}{high}: {self._met_by(series.tests[at])}"
        return f"scores ({said}); at most {allowed:g} times as often is allowed"

    def _met_by(self, test: MoreOften) -> str:
        canary, live = self.answers["canary"], self.answers["live"]
        return (
            f"{test.canary:,} callers of the canary in {canary:,} answers,"
            f" {test.live:,} of the live release in {live:,}"
        )


def _edges(values: Sequence[float]) -> list[float] | None:
    """The inner edges of the tenths, those that fall together as one; None where too few are left: what predicts the
    same for nearly everybody is followed by something else with good reason."""
    if len(values) < FIRST / 2:
        return None
    edges: list[float] = np.unique(np.quantile(np.asarray(values), np.arange(1, TENTHS) / TENTHS)).tolist()
    return edges if len(edges) >= LEAST_EDGES else None
