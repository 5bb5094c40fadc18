"""What makes a server one that takes rows in: its journal, what came before it stopped last, the drain beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from poise.clock import ReplayClock
from poise.data.forgotten import Forgotten
from poise.data.journal import Journal, Kind
from poise.data.known_ids import KnownIds
from poise.data.reception import Reception, rehearse
from poise.data.stored import Stored
from poise.interfaces.drainer import Drainer
from poise.releases.built import Built
from poise.serving.answer import Answerer
from poise.serving.inlet import Inlet
from poise.settings import Settings

EVENTS: tuple[Kind, ...] = ("events",)


@contextmanager
def taking_in(
    file: Path,
    settings: Settings,
    release: Path,
    answerer: Answerer,
    journal: Journal,
    built: Built,
    ids: Mapping[str, KnownIds],
) -> Iterator[tuple[Inlet, Drainer]]:
    """An inlet for `answerer`, whose store holds the snapshot `built`, which goes with the known `ids`; the rest of the
    journal is taken in first. The drain is to be begun once the server answers; at the end it writes all that waits.

    Raises `StateError` where the journal is damaged.
    """
    rehearse()
    stored = Stored(journal, settings.lake)
    reception = Reception(answerer.loaded.system, ids, stored, Forgotten.read(settings.home))
    _replay(answerer, journal, reception, built)
    decision = answerer.loaded.system.decision
    durable = decision is not None and decision.log == "durable"
    inlet = Inlet(answerer, journal, reception, stored, durable=durable)
    with Drainer(file, release, inlet, built.versions) as drainer:
        try:
            yield inlet, drainer
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
