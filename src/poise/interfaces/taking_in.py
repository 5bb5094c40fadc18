"""What makes a server one that takes rows in: its journal, what came before it stopped last, the drain beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from poise.data.forgotten import Forgotten
from poise.data.journal import Journal, Kind
from poise.data.known_ids import KnownIds
from poise.data.reception import Reception, rehearse
from poise.data.stored import Stored
from poise.interfaces.drainer import Drainer
from poise.releases.built import Built
from poise.serving.inlet import Inlet
from poise.serving.limits import Limits
from poise.serving.online import Kept, Online
from poise.settings import Settings
from poise.spec.system import SystemSpec

EVENTS: tuple[Kind, ...] = ("events",)


@contextmanager
def taking_in(
    file: Path,
    settings: Settings,
    release: Path,
    online: Online,
    kept: Kept,
    limits: Limits,
    journal: Journal,
    built: Built,
    ids: Mapping[str, KnownIds],
) -> Iterator[tuple[Inlet, Drainer]]:
    """An inlet for `online`, whose store `kept` holds the snapshot `built`, which goes with the known `ids`.

    The rest of the journal is taken in first. The drain is to be begun once the server answers; at the end it writes
    all that waits.

    Raises `StateError` where the journal is damaged.
    """
    rehearse()
    stored = Stored(journal, settings.lake)
    reception = Reception(kept.loaded.system, ids, stored, Forgotten.read(settings.home))
    _replay(online, kept, journal, reception, built)
    inlet = Inlet(online, journal, reception, stored, durable=durable(kept.loaded.system), limits=limits)
    with Drainer(file, release, inlet, built.versions) as drainer:
        try:
            yield inlet, drainer
        finally:
            inlet.close()  # before the drain ends, so that it finds everything


def durable(system: SystemSpec) -> bool:
    """Whether decisions of a system are answered only once they are on disk."""
    return system.decision is not None and system.decision.log == "durable"


def _replay(online: Online, kept: Kept, journal: Journal, reception: Reception, built: Built) -> None:
    """Take in the rows that are not in the snapshot yet; answer for later instants than anything that was written."""
    after = {name: built.position(journal.id, name) for name in kept.loaded.system.sources}
    records = journal.after(min(after.values()), EVENTS, 2**62)
    for rows in reception.replay(one for one in records if one.first > after.get(one.source, 2**62)):
        kept.resume(rows)
    online.resume_at(journal.at)
