"""`poise explain`: why a decision was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, heading, print_json, say, working
from poise.interfaces.explaining import Explaining
from poise.serving.explain_words import number

MOST_SHOWN = 8
"""Contributions that are printed of each number; `--json` has all."""


def explain(
    decision: Annotated[str, typer.Argument(help="The id of a decision, or of one shown item (impression_id).")],
    item: Annotated[str | None, typer.Option("--item", help="Of a list: only this candidate.")] = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """Say why, from what the decision log kept and the release that decided then."""
    with working("Explaining", silent=as_json):
        told = Explaining(file).decision(decision, item)
    if as_json:
        print_json(told)
        return
    at = f" for {told['time']}" if told["time"] else ""
    say(f"{told['kind']} by {told['release']}{at}, weights {told['weights']['version']}")
    if "said" in told:
        say(told["said"])
    for row in told["rows"]:
        _row(row)
    for change in [told.get("would_change"), *(row.get("would_change") for row in told["rows"])]:
        _would_change(change)


def _row(row: Mapping[str, Any]) -> None:
    if "said" in row:
        heading(row["said"])
    if "not_kept" in row:
        say(f"  contributions are not known: {row['not_kept']}", "yellow")
    for name, found in row.get("predictions", {}).items():
        for label, one in {name: found}.items() if "value" in found else found.items():
            shown = name if label == name else f"{name}.{label}"
            _contributions(f"{shown} {number(one['value'])} (average {number(one['average'])})", one["contributions"])
    for action, found in row.get("actions", {}).items():
        say(f"  {action}: score {_number(found['score'])}")
        _terms(found["terms"], "    ")
    if "actions" not in row:
        _terms(row.get("terms", {}), "  ")


def _terms(terms: Mapping[str, Any], indent: str) -> None:
    for term, one in terms.items():
        place = ", ".join(
            f"{_rank(one[key])} {said}"
            for key, said in (("rank_alone", "by it alone"), ("rank_without", "without it"))
            if key in one
        )
        worth = f"{term} {_number(one['value'])} x {number(one['weight'])} = {_number(one['adds'])}"
        say(f"{indent}{worth}{f' ({place})' if place else ''}")


def _contributions(title: str, contributions: Mapping[str, float] | None) -> None:
    say(f"  {title}")
    for name, value in list((contributions or {}).items())[:MOST_SHOWN]:
        say(f"    {value:+.4g}  {name}")
    rest = len(contributions or {}) - MOST_SHOWN
    if rest > 0:
        say(f"    … and {rest} smaller ones (--json)")


def _would_change(change: Mapping[str, Any] | None) -> None:
    if not change:
        return
    for one in change["weights"]:
        becomes = f"{one['term']} weighed {number(one['becomes'])}, not {number(one['weight'])}"
        say(f"  '{one['then']}' would win if {becomes}")
    one = change.get("input")
    if one:
        say(f"  '{one['then']}' would win if {one['input']} were {_number(one['to'])}, not {_number(one['from'])}")


def _rank(rank: int | None) -> str:
    return "no place" if rank is None else f"place {rank}"


def _number(value: Any) -> str:
    return "missing" if value is None else number(value)
