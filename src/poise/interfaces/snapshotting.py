"""`python -m poise.interfaces.snapshotting FILE RELEASE_FOLDER SNAPSHOT [beside]`: the online state of a release.

A process of its own, so that a server never loads what reads the lake. Who has loaded that calls `made_ready`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from poise.data.journal_reader import reading
from poise.data.journal_tables import JOURNAL
from poise.data.lake import Lake
from poise.errors import PoiseError
from poise.features.function import importable_from
from poise.interfaces.behind import stand_back
from poise.releases.built import Built, fingerprint, local_versions
from poise.releases.folder import ReleaseFolder
from poise.releases.snapshot import renew
from poise.serving.loaded import Loaded
from poise.settings import Settings
from poise.stores.memory import MemoryStore


def made_ready(settings: Settings, lake: Lake, folder: ReleaseFolder) -> None:
    """The online state of a release, so that its server finds it; built unless it stands there already.

    Raises `StateError` where the lake lacks a source that the release reads.
    """
    loaded = Loaded.of(folder)
    snapshot = settings.online / fingerprint(loaded.declarations)
    built = Built.read(snapshot)
    if built is None or built.versions != local_versions(settings.lake):
        renew(loaded.system, lake, loaded.declarations, MemoryStore, snapshot, journal=_journal(settings))


def main(file: str, folder: str, snapshot: str, beside: str = "") -> int:
    """Build it, behind a server that answers `beside` it; the exit code of the error, if there is one."""
    if beside:
        stand_back()
    importable_from(Path(file).parent)
    try:
        loaded = Loaded.of(ReleaseFolder.open(Path(folder)))
        settings = Settings.read(Path(file))
        journal = _journal(settings)
        renew(loaded.system, Lake(settings.lake), loaded.declarations, MemoryStore, Path(snapshot), journal=journal)
    except PoiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _journal(settings: Settings) -> str:
    """The id of the journal, '' where there is none."""
    if not (settings.journal / JOURNAL).exists():
        return ""
    reader = reading(settings.journal)
    reader.close()
    return reader.id


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
