"""Whether a release fits into a server that runs: what cannot change while rows come in needs another start."""

from __future__ import annotations

from collections.abc import Iterable

from poise.errors import StateError
from poise.releases.declared import columns_of
from poise.serving.loaded import Loaded
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec

AGAIN = "start the server again"


def must_fit(loaded: Loaded, served: Iterable[Loaded]) -> None:
    """Raises `StateError` where `loaded` cannot take its place beside, or instead of, what is `served` now.

    It cannot where the file reads what comes in in another way: another clock, another identity or time of a source,
    another type of a column; or where a contract that is served on needs columns that rows do not have any more.
    """
    others = [one for one in served if one.contract.major != loaded.contract.major]
    newest = max([loaded, *others], key=lambda one: one.contract.major)
    for one in served:
        _must_read_alike(loaded, one)
    for one in (loaded, *others):
        lacking = _lacking(one, newest.system)
        if lacking:
            major = one.contract.major
            said = f"contract {major} ({one.release}) reads {lacking}, which the file of {newest.release} does not have"
            raise StateError(said, hint=f"keep it in the file, or retire contract {major} first")


def still_fits(before: Loaded, newest: Loaded) -> bool:
    """Whether a release that answered before can go on to see all that it reads."""
    return not _lacking(before, newest.system)


def lacks(loaded: Loaded, newest: Loaded) -> str:
    """The first column that a release reads and rows by the file of `newest` do not have; '' where there is none."""
    return _lacking(loaded, newest.system)


def _must_read_alike(new: Loaded, old: Loaded) -> None:
    if new.system.clock != old.system.clock:
        said = f"{new.release} runs on the clock '{new.system.clock}', {old.release} on '{old.system.clock}'"
        raise StateError(said, hint=AGAIN)
    for name, source in new.system.sources.items():
        before = old.system.sources.get(name)
        if before is None:
            continue
        for what in ("kind", "identity", "time", "known"):
            if getattr(source, what) != getattr(before, what):
                raise StateError(f"the {what} of '{name}' is another one in the file of {new.release}", hint=AGAIN)
        types, before_types = column_types(source, new.system), column_types(before, old.system)
        for column in types.keys() & before_types.keys():
            if types[column] != before_types[column]:
                said = f"{name}.{column} was {before_types[column]} and is {types[column]} in the file of {new.release}"
                raise StateError(said, hint=AGAIN)


def _lacking(loaded: Loaded, system: SystemSpec) -> str:
    """The first column that the features of a release read and rows by `system` do not have; '' where there is none."""
    for name, columns in sorted(columns_of(loaded.declarations).items()):
        source = system.sources.get(name)
        there = set() if source is None else {*column_types(source, system)}
        for column in sorted(columns - there):
            return f"{name}.{column}"
    return ""
