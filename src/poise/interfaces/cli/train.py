"""`poise train`: a candidate, learned from the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say, working
from poise.interfaces.system import Report, System


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
    starting(report)
    say(f"candidate {report.folder.name}; judge it with: poise release")


def starting(report: Report) -> None:
    """Of a candidate without models, what the log lacks for the first ones."""
    start = report.folder.json("evidence").get("start")
    if start is not None:
        say(f"The log cannot carry models yet. Until it can, lists are sorted by the rule, {start['rule']}:", "yellow")
        for sentence in start["lacking"]:
            say(f"  {sentence}", "yellow")


def _evidence(folder: object) -> dict[str, object]:
    return {"evidence": folder.json("evidence")}  # type: ignore[attr-defined]
