"""What is known of one stage of a canary, as it is kept in the state database: by all servers, over every start.

It is counts of callers and which callers were counted. What a server sees is a list of events; they are added to what
is known, each caller once, whoever saw him. So two servers that write one after the other add up, and one that is
killed loses what it has not written yet.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SLOTS = 1 << 17
"""Callers that can be told apart. Two of whom the numbers end alike count as one: whoever comes first. The share that a
canary answers follows from how the numbers begin, so that this is the same for both sides."""
Kind = Literal["errors", "slow", "scores"]
KINDS: tuple[Kind, ...] = ("errors", "slow", "scores")
Arm = Literal["canary", "live"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a caller: he met an error (`errors`), a slow answer (`slow`), or had a first prediction
    (`scores`), which falls into these `tenths` of the live release's."""

    kind: Kind
    unit: int
    canary: bool
    tenths: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of the live release: seconds above which an answer is slow, and per prediction the edges between
    the tenths into which its own fall."""

    slow: float
    edges: Mapping[str, tuple[float, ...]]


class Known:
    """Of one stage: answers by side; callers to whom something happened by side; of `scores` also by prediction and
    tenth; what is usual, once some server knows it.

    >>> known = Known()
    >>> [known.add(Event("errors", unit, canary=True)) for unit in (7, 8, 7)], known.counts["errors"]
    ([True, True, False], [2, 0])
    >>> Known.of(known.to_dict()).counts == known.counts
    True
    """

    def __init__(self) -> None:
        self.answers: dict[Arm, int] = {"canary": 0, "live": 0}
        self.counts: dict[Kind, list[int]] = {kind: [0, 0] for kind in KINDS}
        """By the canary, by the live release."""
        self.tenths: dict[str, list[list[int]]] = {}
        """Prediction -> tenth -> the same."""
        self.usual: Usual | None = None
        self._met: dict[Kind, bytearray] = {kind: bytearray(SLOTS // 8) for kind in KINDS}

    def has(self, kind: Kind, unit: int) -> bool:
        """Whether such a thing happened to this caller before."""
        slot = unit % SLOTS
        return bool(self._met[kind][slot >> 3] & (1 << (slot & 7)))

    def add(self, event: Event) -> bool:
        """Count an event; whether it is the first one of its kind for the caller, else nothing is changed."""
        if self.has(event.kind, event.unit):
            return False
        slot, arm = event.unit % SLOTS, 0 if event.canary else 1
        self._met[event.kind][slot >> 3] |= 1 << (slot & 7)
        self.counts[event.kind][arm] += 1
        for name, tenth in event.tenths.items():
            self.tenths[name][tenth][arm] += 1
        return True

    def settle(self, usual: Usual) -> None:
        """From now on it is known what is usual."""
        self.usual = usual
        self.tenths = {name: [[0, 0] for _ in range(len(edges) + 1)] for name, edges in usual.edges.items()}

    def to_dict(self) -> dict[str, Any]:
        """As a document holds it: at most 70 kB."""
        usual = None
        if self.usual is not None:
            usual = {"slow": self.usual.slow, "edges": {name: list(one) for name, one in self.usual.edges.items()}}
        met = {kind: base64.b64encode(zlib.compress(bytes(one), 1)).decode() for kind, one in self._met.items()}
        return {"answers": dict(self.answers), "counts": self.counts, "tenths": self.tenths, "usual": usual, "met": met}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Known:
        """As `to_dict` wrote it."""
        made = cls()
        made.answers = dict(content["answers"])
        made.counts = {kind: list(content["counts"][kind]) for kind in KINDS}
        if content["usual"] is not None:
            edges = {name: tuple(one) for name, one in content["usual"]["edges"].items()}
            made.usual = Usual(content["usual"]["slow"], edges)
        made.tenths = {name: [list(arms) for arms in one] for name, one in content["tenths"].items()}
        made._met = {kind: bytearray(zlib.decompress(base64.b64decode(content["met"][kind]))) for kind in KINDS}
        return made
