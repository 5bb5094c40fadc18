"""What every part of the state database stands on: one transaction, and the history line that is written in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.engine import Connection

from poise.clock import Clock


class Transactions(ABC):
    """The state of one `system`: its clock, and the zone in which its sentences tell times."""

    system: str
    _clock: Clock
    _zone: str

    @abstractmethod
    def _transaction(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        """Everything or nothing; failures of the database become `StateError`."""

    @abstractmethod
    def _write_history(
        self, connection: Connection, act: str, subject: str, why: str, who: str | None, details: Mapping[str, Any]
    ) -> int:
        """Add a line to the history within a transaction; returns its number."""
