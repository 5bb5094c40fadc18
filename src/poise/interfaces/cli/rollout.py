"""`poise rollout`: how far the newest release is on its way to everybody, and its next step."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from poise.errors import UsageError
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, print_json, say
from poise.interfaces.stored import state_of, system_of
from poise.rollout.plan import share_of
from poise.rollout.told import Step, step, told


def rollout(
    advance: Annotated[bool, typer.Option("--advance", help="The next stage: canary, then live.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the release back that is under way.")] = False,
    share: Annotated[str | None, typer.Option("--share", help="Let the canary answer more, e.g. 25%.")] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for the history; needed by each step.")] = "",
    file: FileOption = FILE,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the release that does not answer everybody yet, what its guardrails say, and take its next step."""
    given: tuple[tuple[Step, bool], ...] = (("advance", advance), ("undo", undo), ("share", share is not None))
    asked = [name for name, was in given if was]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} does not go with --{asked[1]}", hint="one step at a time")
    if asked and not why.strip():
        raise UsageError(f"--{asked[0]} needs --why, for the history")
    if why and not asked:
        raise UsageError("--why goes with a step", hint="--advance, --undo or --share 25%")
    with state_of(file) as state:
        if asked:
            step(state, asked[0], share=None if share is None else share_of(share), why=why, who=who)
        found = told(state, system_of(file).timezone)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    if found["release"] is None:
        say("No release was ever let in by stages: poise release --rollout canary")
        return
    styles = {"undone": "bold red", "live": "bold green"}
    say(found["says"], styles.get(found["stage"], "bold"))
    for one in found["guardrails"]:
        mark, style = {"holds": ("✓", "green"), "breached": ("✗", "bold red")}.get(one["verdict"], ("?", "yellow"))
        say(f"  {mark} {one['says']}", style)
    for line in found["figures"]:
        say(f"  {line}")
    if found["next"]:
        say(found["next"])
