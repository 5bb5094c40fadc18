"""`python -m poise.interfaces.snapshotting FILE RELEASE_FOLDER SNAPSHOT`: the online state of a release, from the lake.

A process of its own, so that a server never loads what reads the lake.
"""

from __future__ import annotations

import sys
from pathlib import Path

from poise.data.lake import Lake
from poise.errors import PoiseError
from poise.features.function import importable_from
from poise.releases.folder import ReleaseFolder
from poise.releases.snapshot import build
from poise.serving.loaded import Loaded
from poise.settings import Settings
from poise.stores.memory import MemoryStore


def main(file: str, folder: str, snapshot: str) -> int:
    """Build it; the exit code of the error, if there is one."""
    importable_from(Path(file).parent)
    try:
        loaded = Loaded.of(ReleaseFolder.open(Path(folder)))
        lake = Lake(Settings.read(Path(file)).lake)
        build(loaded.system, lake, loaded.declarations, MemoryStore(), Path(snapshot))
    except PoiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
