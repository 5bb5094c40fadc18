"""`poise weights`: what a unit of each term is worth, shown, changed or taken back while the system runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from poise.errors import UsageError
from poise.interfaces.cli import proposals
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, WhyOption, print_json
from poise.interfaces.cli.weights_options import (
    Options,
    goals,
    must_be_one_act,
    must_change_nothing,
    must_stand_alone,
    values,
    version,
)
from poise.interfaces.cli.weights_told import (
    Show,
    changed,
    differing_from_file,
    previewed,
    proposed,
    realised,
    shown,
    versions,
)
from poise.interfaces.system import System


def weights(
    act: Annotated[
        str | None,
        typer.Argument(
            help="preview, suggest: what would it do? realised: what did a change do? proposals, approve, decline, "
            "withdraw: changes that wait for somebody.",
            metavar="[preview|suggest|realised|proposals|approve|decline|withdraw]",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(help="approve, decline, withdraw: of a proposal; realised: a version of the weights."),
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="TERM=WEIGHT; may be repeated. The other weights stay.")
    ] = None,
    gain: Annotated[
        list[str] | None, typer.Option("--gain", help="With suggest: TERM=SHARE, e.g. revenue=3%; may be repeated.")
    ] = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Make the weights before the live ones (or --to) live again.")
    ] = False,
    to: Annotated[int | None, typer.Option("--to", help="With --take-back: the version, of --history.")] = None,
    expect: Annotated[
        int | None,
        typer.Option("--expect", help="Change only if this version is live (0: none); else say who was first."),
    ] = None,
    stands_for: Annotated[
        str | None, typer.Option("--as", help="With approve and decline: the stakeholder for whom this is said.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="With --set: a time from which on the weights before are live again."),
    ] = None,
    file: FileOption = FILE,
    who: WhoOption = None,
    why: WhyOption = "",
    history: Annotated[bool, typer.Option("--history", help="All versions: who set them, when and why.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the live weights, change some of them, or take a change back; a running server follows within a second."""
    options = Options(changes or (), gain or (), take_back, to, expect, until, history, who, why)
    if act in proposals.NEEDS:
        must_stand_alone(act, options)
        given = {"name": name, "as": stands_for, "why": why, "who": who, "expect": expect}
        proposals.act_on(System.read(file), act, given, as_json=as_json)
        return
    if stands_for is not None:
        raise UsageError("--as goes with approve and decline")
    if name is not None and act != "realised":
        raise UsageError(f"'{name}' does nothing here")
    if act is None:
        must_be_one_act(options)
        told, show = _changed_or_shown(System.read(file), options)
    else:
        must_change_nothing(act, options)
        told, show = _foretold(System.read(file), act, name, options)
    print_json(told) if as_json else show(told)


def _foretold(system: System, act: str, name: str | None, options: Options) -> tuple[dict[str, Any], Show]:
    """What weights would do or did, and how that is shown."""
    if act == "realised":
        return system.realised({} if name is None else {"version": version(name)}), realised
    if act == "suggest":
        return system.suggest({"goals": goals(options.gain)}), previewed
    return system.preview({"values": values(options.changes)}), previewed


def _changed_or_shown(system: System, options: Options) -> tuple[dict[str, Any], Show]:
    """What is live, after a change if one was asked for, and how that is shown."""
    asked = {"why": options.why, "who": options.who, "expected_version": options.expect}
    if options.history:
        return system.weights.history(), versions
    if options.changes:
        limit = {} if options.until is None else {"until": options.until}
        told = system.change_weights({"values": values(options.changes), **asked, **limit})
    elif options.take_back:
        told = system.take_back_weights({"to": options.to, **asked})
    else:
        return system.weights.show(), shown
    return told, proposed if "proposal" in told else changed


def differing(system: System) -> None:
    """Say where the file has other weights than those that are live: the file only seeds them."""
    if system.spec.decision is not None:
        differing_from_file(system.weights.show())
