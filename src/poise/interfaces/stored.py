"""A system file and its state database, for whoever must not wait for what reads data or learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from poise.errors import SpecError
from poise.settings import Settings
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.state import State


def system_of(file: Path) -> SystemSpec:
    """The system that `file` describes. Raises `SpecError` where it cannot be read, or for what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise SpecError(f"{file} cannot be read: {why}", hint="name the system file with -f") from None
    return read_text(text, name=str(file))


@contextmanager
def state_of(file: Path) -> Iterator[State]:
    """The state of the system that `file` describes. Raises `SpecError` where that cannot be read."""
    system = system_of(file)
    with closing(State(Settings.read(file).state_url, system.system, zone=system.timezone)) as state:
        yield state
