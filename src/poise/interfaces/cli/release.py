"""`poise release`: every requirement judges a candidate."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.errors import Refused
from poise.interfaces.cli.terminal import (
    FILE,
    FileOption,
    JsonOption,
    WhoOption,
    WhyOption,
    print_json,
    say,
    working,
)
from poise.interfaces.system import Report, System
from poise.releases.evidence import Evidence
from poise.rollout.stages import Rollout, under_way


def release(
    candidate: Annotated[str | None, typer.Argument(help="The candidate, e.g. c3; default the newest.")] = None,
    file: FileOption = FILE,
    who: WhoOption = None,
    why: WhyOption = "",
    major: Annotated[
        bool, typer.Option("--major", help="It breaks the contract: serve it under a new one, beside the old one.")
    ] = False,
    rollout: Annotated[
        str | None,
        typer.Option("--rollout", help="Begin as: live, shadow, canary or canary=10%; default what the file says."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a candidate by every requirement: it goes live, or begins to, or whoever refuses it is named."""
    system = System.read(file)
    with working("Releasing", silent=as_json) as step:
        report = system.release(candidate, who=who, why=why, major=major, rollout=rollout, progress=step)
    if as_json:
        evidence = report.folder.json("evidence")
        print_json({k: evidence.get(k) for k in ("release", "verdict", "requirements", "serving", "live")})
    else:
        show(report, under_way(system.state))
    refuse(report)


def show(report: Report, rollout: Rollout | None = None) -> None:
    """The verdicts, where the report is, and where it begins, if it is under way."""
    assert report.outcome is not None
    for verdict in report.outcome.verdicts:
        mark, style = ("✗", "bold red") if verdict.refuses else ("✓", "green")
        if not verdict.refuses and verdict.status != "pass":
            mark, style = "?", "yellow"
        say(f"  {mark} {verdict.sentence}", style)
    for change in Evidence.of(report.folder.json("evidence")).breaking:
        say(f"  ! callers must change: {change.field}: {change.sentence}", "yellow")
    name = report.folder.name
    if rollout is not None and rollout.release == name:
        does = f"answers {100 * rollout.share:.3g}% of the callers" if rollout.stage == "canary" else "only scores"
        say(f"{name} {does}, {rollout.against} goes on: poise rollout", "bold green")
    elif report.outcome.released:
        major = report.folder.json("contract")["major"]
        say(f"{name} is live." if major == 1 else f"{name} is live, by contract {major}.", "bold green")
    else:
        owners = ", ".join(dict.fromkeys(v.requirement.who for v in report.outcome.refusals))
        say(f"{name} was refused by {owners}.", "bold red")
    say(f"report: {report.folder.path / 'report.html'}")


def refuse(report: Report) -> None:
    """End with the exit code of a refusal where there was one."""
    assert report.outcome is not None
    if not report.outcome.released:
        raise typer.Exit(Refused.exit_code)
