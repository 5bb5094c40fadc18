"""The state database of a system file, for commands that must not wait for what reads data or learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from poise.errors import SpecError
from poise.settings import Settings
from poise.spec.reading import read_text
from poise.stores.state import State


@contextmanager
def state_of(file: Path) -> Iterator[State]:
    """The state of the system that `file` describes. Raises `SpecError` where that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{file} cannot be read: {error}", hint="name the system file with -f") from error
    system = read_text(text, name=str(file))
    with closing(State(Settings.read(file).state_url, system.system, zone=system.timezone)) as state:
        yield state
