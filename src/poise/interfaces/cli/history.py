"""`poise history`: what happened to a system, in order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from poise.clock import SECOND, to_text
from poise.errors import UsageError
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.contracts import live_at
from poise.interfaces.system import System
from poise.serving.field import instant_of


def history(
    file: FileOption = FILE,
    subject: Annotated[str | None, typer.Option("--of", help="Only of this candidate or release.")] = None,
    last: Annotated[int, typer.Option("--last", help="How many of the newest lines.", min=1)] = 50,
    at: Annotated[
        str | None, typer.Option("--at", help="Only what was live then: an ISO 8601 time, in the system's zone.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Who did what, when and why, the oldest first; with --at what was live at a time."""
    system = System.read(file)
    if at is not None:
        _show_at(live_at(system, _instant(at, system.spec.timezone)), as_json)
        return
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


def _instant(text: str, zone: str) -> int:
    try:
        return instant_of(text, zone)
    except ValueError as error:
        raise UsageError(f"--at: '{text}' came{error}", hint="write e.g. 2026-03-02T11:05") from None


def _show_at(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for one in found["contracts"]:
        say(f"contract {one['contract']}: {one['release']}, since {one['since']}", "bold")
        if "not_answering" in one:
            say(f"  did not answer: {one['not_answering']}")
    if not found["contracts"]:
        say(f"nothing was live at {found['at']}")
    weights = found["weights"]
    if weights is not None:
        values = ", ".join(f"{term} {value:g}" for term, value in weights["values"].items())
        say(f"weights {weights['version']}: {values} (by {weights['who']}: {weights['why']})")
