"""`poise rollback`: an earlier release answers again."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, print_json, say
from poise.interfaces.rolling_back import roll_back
from poise.interfaces.stored import state_of
from poise.settings import Settings


def rollback(
    why: Annotated[str, typer.Option("--why", help="The reason, for the history.")],
    to: Annotated[str | None, typer.Option("--to", help="The release; default the one that was live before.")] = None,
    file: FileOption = FILE,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier release live again; a server that runs answers by it within a second."""
    with state_of(file) as state:
        name = roll_back(state, Settings.read(file), to=to, why=why, who=who)
    if as_json:
        print_json({"live": name})
    else:
        say(f"{name} is live again; a server that runs answers by it within a second.", "bold green")
