"""What a shadow would have answered, beside what the live release did: how far apart, how often the same, how fast."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

from poise.rollout.figures import figures
from poise.serving.trial import Seen

RECENT = 1_000
"""Latencies that medians are of: the newest."""


class Comparison:
    """Sums over what a shadow scored.

    >>> compared = Comparison()
    >>> ours, theirs = (b'{"chosen": "a", "predictions": {"x": %g}}' % x for x in (0.5, 0.25))
    >>> compared.see(Seen(0, True, 0.002, False, ours, theirs, 0.001))
    >>> compared.to_dict(dropped=0)["differences"], compared.to_dict(0)["agreement"]
    ({'x': {'mean': 0.25, 'absolute': 0.25, 'largest': 0.25, 'of': 1}}, 1.0)
    """

    def __init__(self) -> None:
        self.scored = self.failed = self.fell_back = 0
        self._compared = self._same = 0
        self._sums: dict[str, tuple[int, float, float, float]] = {}
        self._seconds: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def see(self, seen: Seen) -> None:
        """One request that was scored, or failed to be."""
        if seen.failed or seen.body is None or seen.beside is None:
            self.failed += 1
            return
        self.scored += 1
        self._seconds.append((seen.seconds, seen.beside_seconds))
        ours, theirs = figures(seen.body), figures(seen.beside)
        if ours is None or theirs is None:
            return
        self.fell_back += ours.fell_back
        if ours.choice is not None:
            self._compared += 1
            self._same += ours.choice == theirs.choice
        for name in ours.numbers.keys() & theirs.numbers.keys():
            apart = ours.numbers[name] - theirs.numbers[name]
            n, total, either, largest = self._sums.get(name, (0, 0.0, 0.0, 0.0))
            self._sums[name] = (n + 1, total + apart, either + abs(apart), max(largest, abs(apart)))

    def to_dict(self, dropped: int) -> dict[str, Any]:
        """As a document holds it. differences: per prediction (of a list per term of the best item) the mean, the mean
        without sign, and the largest. seconds: medians of the newest."""
        return {
            "scored": self.scored,
            "failed": self.failed,
            "fell_back": self.fell_back,
            "dropped": dropped,
            "compared": self._compared,
            "agreement": self._same / self._compared if self._compared else None,
            "differences": {
                name: {"mean": total / n, "absolute": either / n, "largest": largest, "of": n}
                for name, (n, total, either, largest) in sorted(self._sums.items())
            },
            "seconds": {
                "shadow": median(one for one, _ in self._seconds) if self._seconds else None,
                "live": median(one for _, one in self._seconds) if self._seconds else None,
            },
        }
