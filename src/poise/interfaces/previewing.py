"""`python -m poise.interfaces.previewing FILE RELEASE_FOLDER`: the logged lists of a release, for previews of weights.

A process of its own, so that a server never loads what reads the lake. It writes one array file per release into the
home; who asks for a preview reads that.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from poise.clock import Clock
from poise.data.lake import Lake
from poise.decisions.of_system import ranker_of
from poise.errors import PoiseError, StateError
from poise.features.function import importable_from
from poise.monitoring.list_outcomes import gather
from poise.releases.folder import ReleaseFolder
from poise.serving.loaded import Loaded
from poise.settings import Settings

FOLDER, LISTS, ABOUT = "previews", "lists.npz", "about.json"
"""Where in the home, by release; and the files there."""


def written(settings: Settings, lake: Lake, loaded: Loaded) -> Path:
    """Gather the lists of a release from the lake and write them; the folder that they stand in.

    Raises `StateError` where the release lists nothing or nothing was learned yet, so that there are no terms.
    """
    ranker = ranker_of(loaded.system, {one.name: one.classes for one in loaded.contract.outputs})
    if ranker is None or loaded.basis is None:
        raise StateError(
            f"release {loaded.release} lists nothing by what it learned, so that no effect of weights can be told",
            hint="previews are of decisions that list items",
        )
    made = gather(loaded.system, ranker, dict(loaded.basis.exposure), lake, loaded.release)
    folder = settings.home / FOLDER / loaded.release
    folder.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {"made": Clock().now(), "lists": made.lists, "left_out": made.left_out}
    if made.log is not None:
        fresh = folder / f".{os.getpid()}.npz"
        made.log.save(fresh)
        fresh.replace(folder / LISTS)
    else:
        (folder / LISTS).unlink(missing_ok=True)
    fresh = folder / f".{os.getpid()}.json"
    fresh.write_text(json.dumps(about), encoding="utf-8")
    fresh.replace(folder / ABOUT)
    return folder


def main(file: str, folder: str) -> int:
    """Write them; the exit code of the error, if there is one."""
    importable_from(Path(file).parent)
    try:
        settings = Settings.read(Path(file))
        written(settings, Lake(settings.lake), Loaded.of(ReleaseFolder.open(Path(folder))))
    except PoiseError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
