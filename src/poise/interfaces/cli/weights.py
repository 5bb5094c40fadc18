"""`poise weights`: what a unit of each term is worth, shown or changed while the system runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from poise.clock import SECOND, to_text
from poise.decisions.weights import exchange_rates
from poise.errors import SpecError
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, WhyOption, print_json, say
from poise.interfaces.system import System


def weights(
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="TERM=WEIGHT; may be repeated. The other weights stay.")
    ] = None,
    file: FileOption = FILE,
    who: WhoOption = None,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the live weights, or change some of them; a running server follows within a second."""
    system = System.read(file)
    if system.spec.decision is None:
        raise SpecError("this system decides nothing, so it has no weights")
    if changes:
        if not why:
            raise SpecError("a change of weights needs a reason", hint='add --why "..."')
        system.set_weights(_parsed(changes), why=why, who=who)
    live = system.weights()
    if as_json:
        told = None if live is None else {"version": live.version, "values": dict(live.values), "why": live.why}
        print_json({"weights": told, "unlike_file": system.unlike_file()})
        return
    if live is None:
        say("No weights are live before the first release; the file's will be.")
        return
    when = to_text(live.at // SECOND * SECOND, system.spec.timezone)
    say(f"weights {live.version}, by {live.who}, {when}: {live.why}", "bold")
    for term, value in live.values.items():
        say(f"  {term} = {value:g}")
    for sentence in exchange_rates(system.spec.decision, live.values):
        say(f"  {sentence}")
    differing(system)


def differing(system: System) -> None:
    """Say where the file has other weights than those that are live: the file only seeds them."""
    for term, (live, said) in system.unlike_file().items():
        change = f"poise weights --set {term}={said:g} --why ..."
        say(f"  the file says {term} = {said:g}; {live:g} is live and stays until you change it: {change}", "yellow")


def _parsed(changes: Sequence[str]) -> dict[str, float]:
    out = {}
    for text in changes:
        term, equals, value = text.partition("=")
        try:
            out[term.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise SpecError(f"'{text}' is not a weight", hint="write e.g. --set revenue=0.4")
    return out
