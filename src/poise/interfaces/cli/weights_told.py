"""What `poise weights` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poise.interfaces.cli.proposals import told_of
from poise.interfaces.cli.terminal import say

Show = Callable[[Mapping[str, Any]], None]


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


def proposed(told: Mapping[str, Any]) -> None:
    """A change that waits for somebody."""
    say("Nothing changed yet: the log does not show that every requirement holds by it.", "yellow")
    told_of(told["proposal"])


def shown(told: Mapping[str, Any]) -> None:
    """The live weights."""
    if told["version"]:
        say(f"weights {told['version']}, by {told['who']}, {told['when']}: {told['why']}", "bold")
    else:
        say("No weights are live before the first release; these of the file will be:", "bold")
    _body(told)


def changed(told: Mapping[str, Any]) -> None:
    """The weights after a change."""
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
    differing_from_file(told)


def differing_from_file(told: Mapping[str, Any]) -> None:
    """Where the file says other weights than those that are live."""
    for one in told["file"]:
        change = f"poise weights --set {one['term']}={one['file']:g} --why ..."
        stays = f"{one['live']:g} is live and stays until you change it"
        say(f"  the file says {one['term']} = {one['file']:g}; {stays}: {change}", "yellow")


def versions(told: Mapping[str, Any]) -> None:
    """All versions, the newest first."""
    for one in reversed(told["versions"]):
        values = ", ".join(f"{term} = {value:g}" for term, value in one["values"].items())
        say(f"weights {one['version']}, by {one['who']}, {one['when']}: {one['why']}", "bold")
        say(f"  {values}")
        for sentence in one["changes"]:
            say(f"  {sentence}")
    if not told["versions"]:
        say("no weights were set yet")
