"""`poise usage`: who uses which contract, and which field of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System
from poise.serving.usage import told


def usage(
    token: Annotated[str | None, typer.Option("--token", help="Only of this token.")] = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """What every token has asked for and sent, and when last; servers write it every few seconds."""
    system = System.read(file)
    found = told(system.state.usage(token), system.spec.timezone)
    if as_json:
        print_json(found)
        return
    for one in found["consumers"]:
        say(f"{one['token']}: {one['requests']:,} requests, last {one['last']}", "bold")
        for contract in one["contracts"]:
            say(f"  contract {contract['contract']}")
            for kind in ("routes", "fields"):
                _lines(contract[kind])
    if not found["consumers"]:
        say("nobody has asked for anything yet" if token is None else f"'{token}' has asked for nothing yet")


def _lines(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say(f"    {row['name']:<40} {row['requests']:>12,}  since {row['first']}, last {row['last']}")
