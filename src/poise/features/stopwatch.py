"""How long each step of a plan took for one request, so that nobody is charged for what others read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from poise.features.base import Feature
from poise.features.sides import Step, makes, reads

Stamps = list[float]
"""Of one request: when it began, and when each of its groups of steps was done, by `time.perf_counter`. Nothing more is
noted while it is answered: what that says is worked out where a request took too long."""
Groups = Sequence[tuple[Step, ...]]
"""The steps in the order in which they are made; of more than one together only the whole time is known."""


class Stopwatch:
    """What the stamps of one request say. keys: column -> the name under which a step makes it.

    >>> Stopwatch((), [3.5], {}).behind(["price"])
    0.0
    """

    def __init__(self, groups: Groups, stamps: Stamps, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._took = [(steps, ended - began) for steps, (began, ended) in zip(groups, pairwise(stamps), strict=True)]

    def behind(self, columns: Iterable[str]) -> float:
        """Seconds that it took to make these columns, and all that they are made of.

        Steps that were made together (what is kept of a list's items) count whole.
        """
        needed, total = {self._keys.get(name, name) for name in columns}, 0.0
        for steps, seconds in reversed(self._took):
            counts = False
            for step in reversed(steps):
                if not needed.isdisjoint(makes(step)):
                    needed.update(reads(step))
                    counts = True
            total += seconds if counts else 0.0
        return total

    def foreign(self) -> dict[str, float]:
        """Seconds of each step that runs code of the user's, by the first name that it makes."""
        return {
            makes(step)[0]: seconds
            for steps, seconds in self._took
            for step in steps
            if isinstance(step, Feature) and step.foreign
        }
