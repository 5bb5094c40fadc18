"""A spread: a value and what else it could be, as far as blocks of rows can tell."""

from __future__ import annotations

from abc import ABC, abstractmethod

LEVEL = 0.95
"""Each end of an interval is one-sided at this level."""


class Spread(ABC):
    """A value from so many blocks (those that hold rows), with limits at any level."""

    value: float
    blocks: int

    @abstractmethod
    def low(self, level: float = LEVEL) -> float:
        """The lower limit, one-sided at `level`; minus infinity where fewer than two blocks hold rows."""

    @abstractmethod
    def high(self, level: float = LEVEL) -> float:
        """The upper limit, one-sided at `level`; infinity where fewer than two blocks hold rows."""

    @abstractmethod
    def chance_above(self, bound: float) -> float:
        """The p-value of "the true value is at least `bound`": small where the value is clearly below."""

    @abstractmethod
    def chance_below(self, bound: float) -> float:
        """The p-value of "the true value is at most `bound`": small where the value is clearly above."""
