"""What makes a server one that takes rows in: its journal, what came before it stopped last, the drain beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poise.clock import ReplayClock
from poise.data.forgotten import Forgotten
from poise.data.journal import Journal, Kind
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.interfaces.drainer import Drainer
from poise.releases.built import Built
from poise.serving.answer import Answerer
from poise.serving.inlet import Inlet
from poise.settings import Settings

EVENTS: tuple[Kind, ...] = ("events",)


@contextmanager
def taking_in(
    file: Path, settings: Settings, release: Path, answerer: Answerer, journal: Journal, built: Built, snapshot: Path
) -> Iterator[Inlet]:
    """An inlet for `answerer`, whose store holds the snapshot `built` in the folder `snapshot`; the rest of the journal
    is taken in first. At the end everything that waits is written.

    Raises `StateError` where the journal is damaged or the snapshot's ids cannot be read.
    """
    stored = Stored(journal, settings.lake)
    reception = Reception(answerer.loaded.system, built.known_ids(snapshot), stored, Forgotten.read(settings.home))
    _replay(answerer, journal, reception, built)
    decision = answerer.loaded.system.decision
    durable = decision is not None and decision.log == "durable"
    inlet = Inlet(answerer, journal, reception, stored, durable=durable)
    with Drainer(file, release, inlet, built.versions):
        try:
            yield inlet
        finally:
            inlet.close()  # before the drain ends, so that it finds everything


def _replay(answerer: Answerer, journal: Journal, reception: Reception, built: Built) -> None:
    """Take in the rows that are not in the snapshot yet; answer for later instants than anything that was written."""
    after = {name: built.position(journal.id, name) for name in answerer.loaded.system.sources}
    records = journal.after(min(after.values()), EVENTS, 2**62)
    for rows in reception.replay(one for one in records if one.first > after.get(one.source, 2**62)):
        answerer.resume(rows)
    answerer.resume_at(journal.at)
    if isinstance(answerer.clock, ReplayClock):
        answerer.clock.move(journal.at)
