"""What takes a canary back by itself: its callers meet errors, slow answers, or other predictions than others do.

Nothing is assumed of how errors, latencies or predictions are distributed, only that a hash decides which callers the
canary answers. Every verdict can be looked at after every answer: the probability that a canary as good as the live
release is ever taken back is below the one that is declared (see `sequential`), over all servers and every start of one
(see `shared`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.rollout.figures import Figures
from poise.rollout.sequential import MoreOften
from poise.rollout.shared import Arm, Event, Kind, Known, Usual
from poise.serving.trial import Seen
from poise.spec.rollout import Guardrails as Declared

Floats = NDArray[np.float64]
FIRST = 200
"""Answers of the live release by which it is known what is slow, and which tenths its predictions fall into."""
SLOWER = 2.0
"""Slow is so many times the 99 % latency of the live release, where no latency is required."""
TENTHS = 10
LEAST_EDGES = 4
"""Different ones among the nine between the tenths."""
FELL_BACK = b'"fallbacks":{'
"""Stands in an answer in which something else than a model answered."""
MOST_SERIES = 20
"""Predictions of one answer that are compared."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one guardrail says: `breached`, `holds`, or `unknown` before there are enough answers.

    wealth: of the bets against it (see `MoreOften`); limit: with so much it is breached.
    """

    guardrail: Kind
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


class Guardrails:
    """Watches one stage of one canary in one server.

    declared: what is allowed. share: of the callers, that the canary answers. bound: seconds that an answer may take,
    where that is required. known: what is known of this stage by now.
    """

    def __init__(
        self, declared: Declared, share: float, bound: float | None = None, known: Known | None = None
    ) -> None:
        self._declared, self._share, self._bound = declared, share, bound
        watched = [name for name in ("errors", "slow", "scores") if getattr(declared, name) is not None]
        self._limit = max(len(watched), 1) / declared.false_alarms
        self._known = known or Known()
        self._since: list[Event] = []
        """Of this server, not written yet: of each kind at most one per slot."""
        self._unwritten: dict[Arm, int] = {"canary": 0, "live": 0}
        self._mine: dict[Arm, int] = {"canary": 0, "live": 0}
        """Answers that this server made: the first are those of one that was just started, and tell nothing of what is
        slow."""
        self._warm = False
        self._first_seconds: list[float] = []
        self._first_numbers: dict[str, list[float]] = {}
        self._first_callers: set[int] = set()

    @property
    def answers(self) -> dict[Arm, int]:
        """Of the canary and of the live release beside it, by all servers."""
        return self._known.answers

    def wants(self, seen: Seen) -> bool:
        """Whether it matters what an answer says: it is not read for nothing."""
        if seen.body is None or self._declared.scores is None:
            return False
        if not self._warm:
            return self._known.usual is None and not seen.canary and seen.unit not in self._first_callers
        return not self._known.has("scores", seen.unit)

    def see(self, seen: Seen, figures: Figures | None) -> None:
        """One answer of the canary or of the live release beside it, and what it says, where that was wanted."""
        arm: Arm = "canary" if seen.canary else "live"
        for counted in (self._known.answers, self._unwritten, self._mine):
            counted[arm] += 1
        failed = seen.failed or (seen.body is not None and FELL_BACK in seen.body)
        if failed:
            self._note(Event("errors", seen.unit, seen.canary))
        usual = self._known.usual
        if not self._warm or usual is None:
            self._gather(seen, figures)
            return
        if not seen.failed and seen.seconds > usual.slow:
            self._note(Event("slow", seen.unit, seen.canary))
        if figures is not None:
            values = {name: figures.numbers.get(name) for name in usual.edges}
            tenths = {
                name: bisect_right(usual.edges[name], value) for name, value in values.items() if value is not None
            }
            self._note(Event("scores", seen.unit, seen.canary, tenths))

    def _note(self, event: Event) -> None:
        if self._known.add(event):
            self._since.append(event)

    def _gather(self, seen: Seen, figures: Figures | None) -> None:
        """Learn from the first answers of the live release what is usual; the canary warms up meanwhile."""
        if not seen.canary and not seen.failed and len(self._first_seconds) < 10 * FIRST:
            self._first_seconds.append(seen.seconds)
            if figures is not None and seen.unit not in self._first_callers:
                self._first_callers.add(seen.unit)
                for name, value in list(figures.numbers.items())[:MOST_SERIES]:
                    self._first_numbers.setdefault(name, []).append(value)
        if len(self._first_seconds) < FIRST or self._mine["canary"] < self._declared.least:
            return
        self._warm = True
        if self._known.usual is None:
            slow = SLOWER * float(np.quantile(self._first_seconds, 0.99)) if self._bound is None else self._bound
            found = {name: _edges(values) for name, values in self._first_numbers.items()}
            self._known.settle(Usual(slow, {name: edges for name, edges in found.items() if edges is not None}))

    @property
    def unwritten(self) -> bool:
        """Whether this server knows what is not written yet."""
        return bool(self._since) or any(self._unwritten.values())

    def joined(self, written: Known | None) -> Known:
        """What is written by now (None: nothing) with what this server saw since it read that last."""
        made = written or Known()
        mine = self._known.usual
        if made.usual is None and mine is not None:
            made.settle(mine)
        for event in self._since:
            if event.kind == "errors" or made.usual == mine:  # else it was held against something else
                made.add(event)
        for arm, n in self._unwritten.items():
            made.answers[arm] += n
        return made

    def take(self, known: Known) -> None:
        """`known`, which `joined` made, is written."""
        self._known, self._since = known, []
        self._unwritten = {"canary": 0, "live": 0}

    def verdicts(self) -> tuple[Verdict, ...]:
        """What each guardrail that is watched says now."""
        declared, counts, found = self._declared, self._known.counts, []
        if declared.errors is not None:
            wealth = float(MoreOften(self._share, declared.errors).wealth(*counts["errors"]))
            found.append(self._verdict("errors", wealth, self._of_errors(declared.errors)))
        if declared.slow is not None:
            wealth = float(MoreOften(self._share, declared.slow).wealth(*counts["slow"]))
            found.append(self._verdict("slow", wealth, self._of_slow(declared.slow)))
        if declared.scores is not None:
            tenths = [arms for name in sorted(self._known.tenths) for arms in self._known.tenths[name]]
            each = MoreOften(self._share, declared.scores).wealth(*np.array(tenths or [[0, 0]]).T)
            found.append(self._verdict("scores", float(each.mean()), self._of_scores(declared.scores, each)))
        return tuple(found)

    def breach(self) -> Verdict | None:
        """The first guardrail that does not hold."""
        return next((one for one in self.verdicts() if one.verdict == "breached"), None)

    def _verdict(self, name: Kind, wealth: float, says: str) -> Verdict:
        usual = self._known.usual
        known = self.answers["canary"] >= self._declared.least
        if name != "errors":
            known = known and usual is not None and (name == "slow" or bool(usual.edges))
        verdict: Literal["holds", "breached", "unknown"] = "unknown"
        if known:
            verdict = "breached" if wealth >= self._limit else "holds"
        return Verdict(name, verdict, says, wealth, self._limit)

    def _of_errors(self, allowed: float) -> str:
        return f"errors: {self._met_by(*self._known.counts['errors'])}; at most {allowed:g} times as often is allowed"

    def _of_slow(self, allowed: float) -> str:
        slow = self._bound if self._known.usual is None else self._known.usual.slow
        if slow is None:
            return f"slow: what is slow is not known before {FIRST:,} answers of the live release"
        met = self._met_by(*self._known.counts["slow"])
        return f"slow (longer than {1000 * slow:.3g} ms): {met}; at most {allowed:g} times as often is allowed"

    def _of_scores(self, allowed: float, wealth: Floats) -> str:
        """wealth: of each tenth of each prediction, in order of their names."""
        usual = self._known.usual
        if usual is None:
            return f"scores: not compared before {FIRST:,} answers of the live release"
        if not usual.edges:
            return "scores: the live release predicts too few different values to compare with"
        places = [(name, at) for name in sorted(usual.edges) for at in range(len(usual.edges[name]) + 1)]
        name, at = places[int(np.argmax(wealth))]
        edges = usual.edges[name]
        low = f"from {edges[at - 1]:.4g}" if at else "up"
        high = f" to {edges[at]:.4g}" if at < len(edges) else " on"
        said = f"{name} {low}{high}: {self._met_by(*self._known.tenths[name][at])}"
        return f"scores ({said}); at most {allowed:g} times as often is allowed"

    def _met_by(self, by_canary: int, by_live: int) -> str:
        canary, live = self.answers["canary"], self.answers["live"]
        return f"{by_canary:,} callers of the canary in {canary:,} answers, {by_live:,} of the live release in {live:,}"


def _edges(values: Sequence[float]) -> tuple[float, ...] | None:
    """The inner edges of the tenths, those that fall together as one; None where too few are left: what predicts the
    same for nearly everybody is followed by something else with good reason."""
    if len(values) < FIRST / 2:
        return None
    edges = tuple(np.unique(np.quantile(np.asarray(values), np.arange(1, TENTHS) / TENTHS)).tolist())
    return edges if len(edges) >= LEAST_EDGES else None
