"""What nothing is ever learned from, whoever trains: the time whose rows are trusted to judge."""

from __future__ import annotations

from poise.errors import SpecError
from poise.releases.learn_from import LeftOut
from poise.serving.field import instant_of
from poise.spec.system import SystemSpec


def trusted_rows(system: SystemSpec) -> tuple[LeftOut, ...]:
    """The rows of `updates.trusted`, of each source that is predicted for. Raises `SpecError` for a local time that
    does not exist."""
    if system.updates is None or system.updates.trusted is None:
        return ()
    block = system.updates.trusted
    try:
        since, until = (instant_of(text, system.timezone) for text in (block.from_, block.to))
    except ValueError as error:
        raise SpecError(f"updates.trusted: '{block.from_}' to '{block.to}'{error}") from None
    pers = dict.fromkeys(objective.per for objective in system.objectives.values())
    return tuple(LeftOut(per, since=since, until=until, why="trusted, so that they judge") for per in pers)
