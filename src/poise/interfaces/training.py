"""Learning a candidate from the lake, as `poise train` and `poise update` do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from poise.data.journal_lock import held
from poise.releases.build import Workplace, train
from poise.releases.folder import ReleaseFolder
from poise.releases.learn_from import LearnFrom
from poise.updating.left_out import trusted_rows
from poise.updating.suspects import held_back

if TYPE_CHECKING:
    from poise.interfaces.system import System


def trained(
    system: System,
    *,
    like: str | None,
    learn_from: LearnFrom | None,
    who: str | None,
    why: str,
    progress: Callable[[str], None],
) -> ReleaseFolder:
    """A new candidate, in the history too; asked as for `System.train`."""
    if held(system.settings.journal):
        progress("a server takes rows in: those of the last minute may not be in the lake yet")
    elif said := str(system.caught_up()):
        progress(said)
    versions = None
    if like is not None:
        sources = system.folder(like).json("evidence")["data"]["sources"]
        versions = {name: int(one["version"]) for name, one in sources.items()}
    name = system.free_name("candidate", system.settings.candidates)
    place = Workplace(
        system.spec, system.text, system.lake, system.settings.candidates, system.settings.judged, os.cpu_count() or 1
    )
    limits = learn_from or LearnFrom()
    if like is not None and learn_from is None:
        limits = LearnFrom.from_dict(system.folder(like).json("evidence").get("learned_from", {}))
    limits = limits.also_without((*trusted_rows(system.spec), *held_back(system.state)))
    made = train(place, name, versions=versions, live=system.live_folder(), learn_from=limits, progress=progress)
    chosen = {n: o["chosen"] for n, o in made.json("evidence")["objectives"].items()}
    system.state.record(
        name,
        "candidate",
        folder=str(made.path),
        act="train",
        why=why or (f"trained like {like}" if like else "asked for"),
        who=who,
        seal=made.seal,
        verdict={"chosen": chosen},
    )
    return made
