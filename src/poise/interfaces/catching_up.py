"""Writing what waits in the journal to the lake where no server is there to do so: it ended without having time to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from poise.clock import Clock
from poise.data.drain import Drain
from poise.data.journal import Journal
from poise.data.journal_lock import held
from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL
from poise.data.lake import Lake
from poise.errors import StateError
from poise.settings import Settings
from poise.spec.system import SystemSpec


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """rows: how many were written, per source (answers: ''). stuck: per source why its rows could not be."""

    rows: Mapping[str, int] = field(default_factory=dict)
    stuck: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """A sentence about the rows; '' where there were none.

        >>> print(CaughtUp({"orders": 1200, "": 3}))
        rows that waited in the journal with no server were written to the lake: 1,200 of orders, 3 answers
        """
        parts = [f"{n:,} of {name}" if name else f"{n:,} answers" for name, n in self.rows.items()]
        said = "rows that waited in the journal with no server were written to the lake"
        return f"{said}: {', '.join(parts)}" if parts else ""


def catch_up(settings: Settings, lake: Lake, systems: Sequence[SystemSpec]) -> CaughtUp:
    """Write it, holding the journal; nothing where there is none, or a server holds it. The rows stay in the journal as
    well, until a server has them in its snapshot too.

    systems: by whose columns the rows may be. Raises `StateError` where the journal is damaged or the lake cannot be
    written.
    """
    if not (settings.journal / JOURNAL).exists() or held(settings.journal):
        return CaughtUp()
    try:
        journal = Journal.open(settings.journal, Clock(), settings.lake)  # events that a kill left without κ get it
    except StateError:
        if held(settings.journal):  # a server was quicker
            return CaughtUp()
        raise
    with closing(journal), closing(reading(settings.journal)) as reader:
        drain = Drain(systems, lake, reader)
        while drain.once(everything=True):
            pass
    return CaughtUp({name: n for name, n in drain.wrote.items() if n}, drain.stuck)
