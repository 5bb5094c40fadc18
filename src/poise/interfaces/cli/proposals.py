"""The part of `poise weights` that is about changes which wait for stakeholders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.errors import UsageError
from poise.interfaces.cli.terminal import print_json, say
from poise.interfaces.system import System

NEEDS = {
    "proposals": (),
    "approve": ("name", "as", "why"),
    "decline": ("name", "as", "why"),
    "withdraw": ("name", "why"),
}
"""Act -> what it cannot do without."""


def act_on(system: System, act: str, given: Mapping[str, Any], *, as_json: bool) -> None:
    """Show the proposals, or approve, decline or withdraw one. Raises `UsageError` for what lacks or does nothing."""
    _fitting(act, given)
    proposals = system.proposals
    if act == "proposals":
        told = proposals.show()
        print_json(told) if as_json else _listed(told)
        return
    asked = {"why": given["why"], "who": given["who"]}
    if act != "withdraw":
        asked |= {"as": given["as"], "expected_version": given["expect"]}
    done = {"approve": proposals.approve, "decline": proposals.decline, "withdraw": proposals.withdraw}[act]
    told = done(given["name"], asked)
    print_json(told) if as_json else told_of(told["proposal"])


def told_of(one: Mapping[str, Any]) -> None:
    """One proposal in a few lines."""
    values = ", ".join(f"{term} = {value:g}" for term, value in one["values"].items())
    style = {"open": "bold yellow", "applied": "bold green"}.get(one["standing"], "bold")
    say(f"proposal {one['name']} ({one['standing']}): {values}, by {one['who']}, {one['when']}: {one['why']}", style)
    for sentence in (*one["changes"], *one["foreseen"]):
        say(f"  {sentence}")
    for owner, touched in one["touches"].items():
        said = one["approved"].get(owner)
        word = f"approved by {said['who']}: {said['why']}" if said else "has not approved"
        say(f"  {owner}, whose {'; '.join(touched)}: {word}")
    if one["ended"]:
        say(f"  {one['standing']} by {one['ended']['who']}, {one['ended']['at']}: {one['ended']['why']}")
    for owner in one["waits_for"]:
        say(f"  waits: poise weights approve {one['name']} --as {owner} --why ...", "yellow")


def _listed(told: Mapping[str, Any]) -> None:
    for one in reversed(told["proposals"]):
        told_of(one)
    if not told["proposals"]:
        say("no change of weights was proposed; they are where 'approval: touched' asks for it")


def _fitting(act: str, given: Mapping[str, Any]) -> None:
    needs = NEEDS[act]
    shown = {"name": "the name of a proposal", "as": "--as STAKEHOLDER", "why": '--why "..."'}
    for what in needs:
        if not given[what]:
            raise UsageError(f"'poise weights {act}' needs {shown[what]}", hint="'poise weights proposals' lists them")
    takes = {*needs, *(("who",) if needs else ()), *(("expect",) if "as" in needs else ())}
    idle = [name for name, value in given.items() if value not in (None, "") and name not in takes]
    if idle:
        word = "a name" if idle[0] == "name" else f"--{idle[0]}"
        raise UsageError(f"{word} does nothing with 'poise weights {act}'")
