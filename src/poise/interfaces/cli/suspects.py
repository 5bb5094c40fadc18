"""`poise suspects`: whose new rows nothing is learned from, with the evidence, until a person lets them in."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.clock import to_text
from poise.errors import UsageError, did_you_mean
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, WhyOption, print_json, say
from poise.interfaces.guarding import guarded_rows
from poise.interfaces.system import System
from poise.updating.suspects import Held, hold_on, let_in, suspects


def suspects_(
    name: Annotated[str | None, typer.Argument(help="Only this suspect, with its evidence.")] = None,
    look: Annotated[bool, typer.Option("--look", help="Weigh what is new now, without learning.")] = False,
    release: Annotated[bool, typer.Option("--let-in", help="Learn from its rows again; needs --why.")] = False,
    again: Annotated[bool, typer.Option("--hold", help="Hold back again what was let in; needs --why.")] = False,
    why: WhyOption = "",
    who: WhoOption = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """List whose new rows are held back from learning; with --let-in, learn from them again, with --hold not."""
    system = System.read(file)
    if look:
        guarded_rows(system, who or "guard", lambda message: None if as_json else say(message))
    if release or again:
        if name is None or not why or (release and again):
            hint = "poise suspects s1 --let-in --why …, or --hold --why …"
            raise UsageError("deciding on a suspect needs its name, one decision and a reason", hint=hint)
        (let_in if release else hold_on)(system.state, name, why, who)
    found = suspects(system.state)
    if name is not None and name not in [one.name for one in found]:
        names = [one.name for one in found]
        raise UsageError(f"there is no suspect '{name}'", hint=did_you_mean(name, names) or "see: poise suspects")
    shown = [one for one in found if name is None or one.name == name]
    if as_json:
        print_json({"suspects": [one.to_dict() for one in shown]})
        return
    for one in shown:
        _show(one, system.spec.timezone, in_full=name is not None)
    if not shown:
        say("Nothing is held back.", "green")


def _show(one: Held, zone: str, *, in_full: bool) -> None:
    colour = "yellow" if one.state == "held" else ""
    say(f"{one.name}  {one.state}  {one.rows:,} {one.left_out.sentence}, {to_text(one.at, zone)}", colour)
    for reason in one.reasons if in_full else one.reasons[:1]:
        say(f"    {reason}")
    for objective, impact in one.impact.items() if in_full else ():
        low, high = impact["low"], impact["high"]
        changed = f"{impact['change']:+.2%} of the loss ({low:+.2%} to {high:+.2%}, {impact['rows']:,} trusted rows)"
        say(f"    learning from them: {changed} of {objective}")
