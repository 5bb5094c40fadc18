"""`poise ingest`: the files of the sources into the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from poise.data.report import IngestReport
from poise.errors import UsageError, did_you_mean
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say, working
from poise.interfaces.system import System


def ingest(
    file: FileOption = FILE,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only this source; may be repeated.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Read files again that are known already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take the files of the sources into the lake; refused rows go to quarantine with their reasons."""
    system = System.read(file)
    for name in only or ():
        if name not in system.spec.sources:
            raise UsageError(f"there is no source '{name}'", hint=did_you_mean(name, system.spec.sources))
    with working("Ingesting", silent=as_json) as step:
        report = system.ingest(only, force=force, progress=lambda source, rows: step(f"{source}: {rows:,} rows"))
    if as_json:
        print_json(report.to_dict())
    else:
        show(report)


def show(report: IngestReport) -> None:
    """The fates of all rows, source by source."""
    for note in report.notes:
        say(f"  {note}")
    width = max(len(one.source) for one in report.sources)
    for one in report.sources:
        n = one.counts
        fates = [f"{n.rows_in:,} rows in = {n.accepted:,} accepted", f"{n.quarantined:,} quarantined"]
        fates.append(f"{n.duplicates:,} duplicates")
        if n.other_rows:
            fates.append(f"{n.other_rows:,} of no concern to it (where)")
        if n.forgotten:
            fates.append(f"{n.forgotten:,} of people who were forgotten, left out")
        say(f"  {one.source:<{width}}  {' + '.join(fates)}", "" if not n.quarantined else "yellow")
        for code, count in sorted(n.reasons.items(), key=lambda item: -item[1])[:5]:
            say(f"  {'':<{width}}    {count:,} because of {code}", "yellow")
        for warning in one.warnings:
            say(f"  {'':<{width}}    {warning}", "yellow")
    if any(one.counts.quarantined for one in report.sources):
        say("  see them with: poise quarantine")
