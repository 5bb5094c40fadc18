"""What makes a server one that takes rows in: its journal, what came before it stopped last, the drain beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poise.data.forgotten import Forgotten
from poise.data.journal import Journal
from poise.data.reception import Reception, rehearse
from poise.data.stored import Stored
from poise.interfaces.drainer import Drainer
from poise.interfaces.loading import EVENTS, Filled
from poise.serving.inlet import Inlet
from poise.serving.limits import Limits
from poise.serving.online import Kept, Online
from poise.settings import Settings
from poise.spec.system import SystemSpec


@contextmanager
def taking_in(
    file: Path,
    settings: Settings,
    release: Path,
    online: Online,
    filled: Filled,
    limits: Limits,
    journal: Journal,
) -> Iterator[tuple[Inlet, Drainer]]:
    """An inlet for `online`, whose first store is `filled`.

    The rest of the journal is taken in first. The drain is to be begun once the server answers; at the end it writes
    all that waits.

    Raises `StateError` where the journal is damaged.
    """
    rehearse()
    stored = Stored(journal, settings.lake)
    reception = Reception(filled.kept.loaded.system, filled.ids, stored, Forgotten.read(settings.home))
    _replay(online, filled.kept, journal, reception)
    inlet = Inlet(online, journal, reception, stored, durable=durable(filled.kept.loaded.system), limits=limits)
    with Drainer(file, release, inlet, filled.built.versions) as drainer:
        try:
            yield inlet, drainer
        finally:
            inlet.close()  # before the drain ends, so that it finds everything


def durable(system: SystemSpec) -> bool:
    """Whether decisions of a system are answered only once they are on disk."""
    return system.decision is not None and system.decision.log == "durable"


def _replay(online: Online, kept: Kept, journal: Journal, reception: Reception) -> None:
    """Take in the rows that are not in the snapshot yet; answer for later instants than anything that was written."""
    after = {name: kept.positions.get(name, 0) for name in kept.loaded.system.sources}
    records = journal.after(min(after.values()), EVENTS, 2**62)
    for rows in reception.replay(one for one in records if one.first > after.get(one.source, 2**62)):
        kept.resume(rows)
    online.resume_at(journal.at)
