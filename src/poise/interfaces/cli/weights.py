"""`poise weights`: what a unit of each term is worth, shown, changed or taken back while the system runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from poise.errors import UsageError, did_you_mean
from poise.interfaces.cli import proposals
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, WhoOption, WhyOption, print_json, say
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
    if act in proposals.NEEDS:
        if changes or gain or take_back or history or to is not None or until:
            raise UsageError(f"'poise weights {act}' changes no weights by itself", hint="leave the other options out")
        given = {"name": name, "as": stands_for, "why": why, "who": who, "expect": expect}
        proposals.act_on(System.read(file), act, given, as_json=as_json)
        return
    if stands_for is not None:
        raise UsageError("--as goes with approve and decline")
    if act == "realised":
        _looks_only(act, changes, gain, take_back or history, to=to, expect=expect, until=until, who=who, why=why)
        told = System.read(file).realised({} if name is None else {"version": _number(name)})
        print_json(told) if as_json else realised(told)
        return
    if name is not None:
        raise UsageError(f"'{name}' does nothing here")
    if act is not None:
        _looks_only(act, changes, gain, take_back or history, to=to, expect=expect, until=until, who=who, why=why)
        system = System.read(file)
        told = system.suggest(_goals(gain)) if gain else system.preview({"values": _parsed(changes or ())})
        print_json(told) if as_json else previewed(told)
        return
    if gain:
        raise UsageError("--gain goes with 'poise weights suggest'")
    _one_act(changes, take_back, history, to=to, expect=expect, until=until, who=who, why=why)
    system = System.read(file)
    live = system.weights
    asked = {"why": why, "who": who, "expected_version": expect}
    limit = {} if until is None else {"until": until}
    if history:
        told, show = live.history(), _versions
    elif changes:
        told = system.change_weights({"values": _parsed(changes), **asked, **limit})
        show = _proposed if "proposal" in told else _changed
    elif take_back:
        told = system.take_back_weights({"to": to, **asked})
        show = _proposed if "proposal" in told else _changed
    else:
        told, show = live.show(), _shown
    if as_json:
        print_json(told)
    else:
        show(told)


def differing(system: System) -> None:
    """Say where the file has other weights than those that are live: the file only seeds them."""
    if system.spec.decision is not None:
        _differing(system.weights.show())


def _looks_only(
    act: str, changes: Sequence[str] | None, gain: Sequence[str] | None, other: bool, **given: object
) -> None:
    """Raises `UsageError` for a word that is neither act, and for options that would do nothing with it."""
    needs = {"preview": "--set", "suggest": "--gain", "realised": ""}
    if act not in needs:
        hint = did_you_mean(act, (*needs, *proposals.NEEDS))
        raise UsageError(f"'{act}' is nothing that can be done with weights", hint=hint)
    if other or bool(changes) != (act == "preview") or bool(gain) != (act == "suggest"):
        if not needs[act]:
            raise UsageError(f"'poise weights {act}' goes with the number of a version alone")
        raise UsageError(f"'poise weights {act}' goes with {needs[act]} alone", hint=f"add {needs[act]} TERM=…")
    idle = [f"--{name}" for name, value in given.items() if value not in (None, "")]
    if idle:
        raise UsageError(f"{idle[0]} goes with a change; '{act}' changes nothing")


def _goals(texts: Sequence[str]) -> dict[str, Any]:
    """`revenue=3%` or `revenue=0.03`, one or more of them, as a request."""
    goals: dict[str, float] = {}
    for text in texts:
        term, _, share = text.partition("=")
        number, percent = share.strip().removesuffix("%"), share.strip().endswith("%")
        try:
            goals[term.strip()] = float(number) / (100 if percent else 1)
        except ValueError:
            raise UsageError(f"'{text}' is not a gain", hint="write e.g. --gain revenue=3%") from None
    return {"goals": goals}


def previewed(told: Mapping[str, Any]) -> None:
    """Who gains, who loses, by how much, how sure."""
    values = ", ".join(f"{term} = {value:g}" for term, value in told["values"].items())
    say(f"What {values} would do, told from {told['lists']:,} {told['counts']} of {told['release']}:", "bold")
    if "asked" in told:
        found = "come nearest" if not told["reached"] else "bring it that far"
        expected = ", ".join(f"{100 * told['expected_of'][term]:+.1f} % of {term}" for term in told["asked"]["goals"])
        expects = f"the models expect {expected}"
        say(f"  of all weights these {found}: {expects}; what the log says:", "" if told["reached"] else "yellow")
        for bound in told["binds"]:
            say(f"  held back by what is required: {bound}", "yellow")
    for sentence in told["changes"]:
        say(f"  {sentence}")
    styles = {"gains": "green", "loses": "red"}
    for one in told["terms"]:
        say(f"  {one['sentence']}", styles.get(one["effect"], ""))
    for one in told["requirements"]:
        say(f"  {one['who']} requires {one['metric']}: {one['verdict']} ({one['why']})", "yellow")
    for warning in told["warnings"]:
        say(f"  note: {warning}", "yellow")
    if told["refused"] is None:
        say("  limits are of 90 %; nothing was changed")


def realised(told: Mapping[str, Any]) -> None:
    """What a change was said to do, and what it did."""
    say(f"weights {told['version']} after {told['before']}, by {told['who']}, {told['when']}: {told['why']}", "bold")
    for sentence in told["changes"]:
        say(f"  {sentence}")
    counts = told.get("counts", "lists")
    say(f"  foretold from {told['foretold_from']:,} {counts} before, told from {told['told_from']:,} since")
    for one in told["terms"]:
        say(f"  {one['sentence']}", "" if one["agrees"] else "yellow")
    for warning in told["warnings"]:
        say(f"  note: {warning}", "yellow")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"'{text}' is not the number of a version", hint="see 'poise weights --history'") from None


def _proposed(told: Mapping[str, Any]) -> None:
    say("Nothing changed yet: the log does not show that every requirement holds by it.", "yellow")
    proposals.told_of(told["proposal"])


def _one_act(changes: Sequence[str] | None, take_back: bool, history: bool, **given: object) -> None:
    """Raises `UsageError` for two acts at once, and for options that would do nothing."""
    if (changes is not None and bool(changes)) + take_back + history > 1:
        raise UsageError("--set, --take-back and --history do not go together", hint="one at a time")
    if given["to"] is not None and not take_back:
        raise UsageError("--to goes with --take-back")
    if given["until"] is not None and not changes:
        raise UsageError("--until goes with --set")
    idle = [f"--{name}" for name, value in given.items() if value not in (None, "")]
    if idle and not changes and not take_back:
        raise UsageError(f"{idle[0]} goes with a change", hint="add --set TERM=WEIGHT or --take-back")
    if (changes or take_back) and not given["why"]:
        raise UsageError("a change of weights needs a reason", hint='add --why "..."')


def _shown(told: Mapping[str, Any]) -> None:
    if told["version"]:
        say(f"weights {told['version']}, by {told['who']}, {told['when']}: {told['why']}", "bold")
    else:
        say("No weights are live before the first release; these of the file will be:", "bold")
    _body(told)


def _changed(told: Mapping[str, Any]) -> None:
    if told["changed"]:
        say(f"weights {told['version']} are live, after {told['before']['version']}.", "bold green")
    else:
        say(f"Nothing changed: these values are live already, as weights {told['version']}.", "yellow")
    for sentence in told["changes"]:
        say(f"  {sentence}")
    _body(told)


def _body(told: Mapping[str, Any]) -> None:
    if told["until"]:
        say(f"  until {told['until']}: then the weights before are live again", "yellow")
    for term, value in told["values"].items():
        unit = told["units"][term]
        say(f"  {term} = {value:g}{f' ({unit})' if unit else ''}")
    for sentence in told["exchange_rates"]:
        say(f"  {sentence}")
    for term, value in told["unused"].items():
        say(f"  {term} = {value:g} was set once; this file has no such term", "yellow")
    _differing(told)


def _differing(told: Mapping[str, Any]) -> None:
    for one in told["file"]:
        change = f"poise weights --set {one['term']}={one['file']:g} --why ..."
        stays = f"{one['live']:g} is live and stays until you change it"
        say(f"  the file says {one['term']} = {one['file']:g}; {stays}: {change}", "yellow")


def _versions(told: Mapping[str, Any]) -> None:
    for one in reversed(told["versions"]):
        values = ", ".join(f"{term} = {value:g}" for term, value in one["values"].items())
        say(f"weights {one['version']}, by {one['who']}, {one['when']}: {one['why']}", "bold")
        say(f"  {values}")
        for sentence in one["changes"]:
            say(f"  {sentence}")
    if not told["versions"]:
        say("no weights were set yet")


def _parsed(changes: Sequence[str]) -> dict[str, float]:
    out: dict[str, float] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        term = name.strip()
        if term in out:
            raise UsageError(f"'{term}' is set twice")
        try:
            out[term] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"'{text}' is not a weight", hint="write e.g. --set revenue=0.4")
    return out
