"""Taking a release back, for the command line and for programs; without what reads data or learns."""

from __future__ import annotations

from poise.errors import Tampered
from poise.releases.folder import ReleaseFolder
from poise.rollout.stages import under_way, undo
from poise.settings import Settings
from poise.stores.state import State


def roll_back(state: State, settings: Settings, *, why: str, who: str | None = None, to: str | None = None) -> str:
    """Make the release that was live before (or `to`) live again; returns its name.

    A release that is under way to everybody is taken back first; without `to` nothing else is, and the name is that of
    the release that goes on. The folder of another one is verified: a server would not answer by one that was changed.
    Raises `Tampered`, which names the file, and `StateError` where there is no earlier release.
    """
    if under_way(state) is not None:
        undone, live = undo(state, why=why, who=who), state.live()
        if to is None or (live is not None and live.release == to):
            return to or undone.against
    target = to or state.rollback_target()
    if target is not None:
        row = state.release(target)
        try:
            ReleaseFolder.open(settings.folder_of(row.folder), seal=row.seal)
        except Tampered as error:
            hint = "restore the folder from a copy, or name another release with --to; what is live was not changed"
            raise Tampered(f"{target} cannot answer: {error.message}", where=error.where, hint=hint) from error
    return state.rollback(to=target, why=why, who=who)
