"""`poise train`: a candidate, learned from the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say, working
from poise.interfaces.system import System


def train(
    file: FileOption = FILE,
    like: Annotated[
        str | None, typer.Option("--like", help="Train on the table versions that this candidate or release read.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn the simplest sufficient model per objective; no gate judges it yet."""
    system = System.read(file)
    with working("Training", silent=as_json) as step:
        report = system.train(like=like, progress=step)
    if as_json:
        print_json({"candidate": report.folder.name, "folder": str(report.folder.path)} | _evidence(report.folder))
        return
    say(str(report))
    say(f"candidate {report.folder.name}; judge it with: poise release")


def _evidence(folder: object) -> dict[str, object]:
    return {"evidence": folder.json("evidence")}  # type: ignore[attr-defined]
