"""`poise history`: what happened to a system, in order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from poise.clock import SECOND, to_text
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System


def history(
    file: FileOption = FILE,
    subject: Annotated[str | None, typer.Option("--of", help="Only of this candidate or release.")] = None,
    last: Annotated[int, typer.Option("--last", help="How many of the newest lines.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Who did what, when and why, the oldest first."""
    system = System.read(file)
    rows = system.state.history(subject=subject, limit=last)
    live = system.state.live()
    when = [to_text(row.at // SECOND * SECOND, system.spec.timezone) for row in rows]
    if as_json:
        told = [{**asdict(row), "at": at} for row, at in zip(rows, when, strict=True)]
        print_json({"live": live.release if live else None, "history": told})
        return
    for row, at in zip(rows, when, strict=True):
        say(f"{at}  {row.who:<10} {row.act:<9} {row.subject:<10} {row.why}")
    if not rows:
        say("nothing has happened yet")
    say(f"live: {live.release if live else 'nothing'}", "bold")
