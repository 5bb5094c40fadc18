"""What a server asks of processes beside it: that takes seconds, which nobody who waits for a decision should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Asks(Protocol):
    """A process that answers questions; it is asked in a thread."""

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Asides:
    """What makes explanations and previews of weights; without it none are given, and their routes are not there."""

    explains: Asks | None = None
    previews: Asks | None = None


NONE = Asides()
"""A server that has none."""
