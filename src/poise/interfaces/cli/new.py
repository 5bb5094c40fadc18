"""`poise new`: a folder with a system that trains as it stands, to be changed from there."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from poise.interfaces.cli.terminal import JsonOption, print_json, say, working
from poise.interfaces.templates import make, templates

DEFAULT = "table"


def new(
    folder: Annotated[
        Path | None, typer.Argument(help="The folder to make; without it the templates are listed.")
    ] = None,
    template: Annotated[str, typer.Option("--template", "-t", help="Which example to start from.")] = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Make a folder with a system file, its data and the editor's schema, from one of the examples."""
    if folder is None:
        _list(as_json)
        return
    with working(f"Making {folder}", silent=as_json) as step:
        made = make(folder, template, step)
    if as_json:
        print_json({"folder": str(folder), "template": template, "files": made})
        return
    say(f"{folder} holds {', '.join(made)}: {templates()[template]}", "green")
    say("Its system trains as it stands; poise.yaml says what it is for, and is yours to change:")
    say(f"  cd {quote(str(folder))} && poise up")


def _list(as_json: bool) -> None:
    known = templates()
    if as_json:
        print_json({"templates": known, "default": DEFAULT})
        return
    say("poise new DIR --template TEMPLATE makes a folder with a system that trains as it stands. Templates:")
    for name, line in known.items():
        say(f"  {name:12} {line}{' (the default)' if name == DEFAULT else ''}")
