"""`poise history`: what happened to a system, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from poise.clock import SECOND, to_text
from poise.errors import UsageError
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.contracts import live_at
from poise.interfaces.system import System
from poise.serving.field import instant_of
from poise.serving.story import KINDS, kind_of, kinds, sentence
from poise.stores.state_base import HistoryRow


def history(
    file: FileOption = FILE,
    subject: Annotated[str | None, typer.Option("--of", help="Only of this candidate or release.")] = None,
    last: Annotated[int, typer.Option("--last", help="How many of the newest lines.", min=1)] = 50,
    since: Annotated[
        str | None, typer.Option("--since", help="Only from then on: an ISO 8601 time, in the system's zone.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help=f"Only lines about this, e.g. releases,weights: {', '.join(KINDS)}.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Only what was live then: an ISO 8601 time, in the system's zone.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What happened, who did it and why, day by day, the oldest first; with --at what was live at a time."""
    system = System.read(file)
    if at is not None:
        _show_at(live_at(system, _instant(at, system.spec.timezone, "--at")), as_json)
        return
    rows = _chosen(system, subject, since, kind)[-last:]
    live = system.state.live()
    when = [to_text(row.at // SECOND * SECOND, system.spec.timezone) for row in rows]
    if as_json:
        told = [
            {**asdict(row), "at": at, "kind": kind_of(row), "sentence": sentence(row)}
            for row, at in zip(rows, when, strict=True)
        ]
        print_json({"live": live.release if live else None, "history": told})
        return
    _show(rows, when)
    say(f"live: {live.release if live else 'nothing'}", "bold")


def _chosen(system: System, subject: str | None, since: str | None, kind: str | None) -> list[HistoryRow]:
    """The lines that were asked for, the oldest first."""
    start = None if since is None else _instant(since, system.spec.timezone, "--since")
    wanted = None if kind is None else kinds(kind)
    rows = system.state.history(subject=subject)
    return [row for row in rows if (start is None or row.at >= start) and (wanted is None or kind_of(row) in wanted)]


def _show(rows: Sequence[HistoryRow], when: Sequence[str]) -> None:
    """A heading per day, and a sentence per line."""
    day = ""
    for row, at in zip(rows, when, strict=True):
        if at[:10] != day:
            day = at[:10]
            say(day, "bold")
        say(f"  {at[11:19]}  {row.who:<10} {sentence(row)}")
    if not rows:
        say("nothing has happened yet")


def _instant(text: str, zone: str, option: str) -> int:
    try:
        return instant_of(text, zone)
    except ValueError as error:
        raise UsageError(f"{option}: '{text}' came{error}", hint="write e.g. 2026-03-02T11:05") from None


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
