"""`poise quarantine`: what was refused, why, and taking it in after a rule is mended."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from poise.clock import to_text
from poise.data.journal_lock import held
from poise.data.quarantine import explain, listing
from poise.data.quarantine import readmit as take_in
from poise.errors import UsageError, did_you_mean
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System


def quarantine(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    entry: Annotated[int | None, typer.Argument(help="Explain this entry of the source.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Only rows refused for this reason.")] = None,
    readmit: Annotated[bool, typer.Option("--readmit", help="Judge the source's rows again by today's rules.")] = False,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """List refused rows by reason; with a source and an entry, explain one; with --readmit, judge them again."""
    system = System.read(file)
    if source is not None and source not in system.spec.sources:
        raise UsageError(f"there is no source '{source}'", hint=did_you_mean(source, system.spec.sources))
    if readmit:
        _readmit(system, source, as_json)
    elif source is not None and entry is not None:
        _explain(system, source, entry, as_json)
    else:
        _list(system, source, reason, as_json)


def _list(system: System, source: str | None, reason: str | None, as_json: bool) -> None:
    groups = listing(system.lake, [source] if source else list(system.spec.sources), reason)
    if as_json:
        print_json({"groups": [asdict(group) for group in groups]})
        return
    for group in groups:
        say(f"  {group.source}: {group.rows:,} rows  {group.reason}")
        say(f"      e.g. {group.example}  (poise quarantine {group.source} {group.entry})")
    if not groups:
        say("Nothing is in quarantine.", "green")


def _explain(system: System, source: str, entry: int, as_json: bool) -> None:
    found = explain(system.lake, source, entry)
    if as_json:
        print_json(asdict(found))
        return
    when = to_text(found.at, system.spec.timezone)
    say(f"Row {found.position:,} of {found.path}, refused {when}:", "bold")
    for code, sentence in found.reasons:
        say(f"  {code}: {sentence}", "yellow")
    say(json.dumps(found.row, indent=2, ensure_ascii=False, default=str))


def _readmit(system: System, source: str | None, as_json: bool) -> None:
    names = [source] if source else list(system.spec.sources)
    live = held(system.settings.journal)
    counts = {name: take_in(system.spec, system.lake, name, live=live) for name in names}
    taken = {name: asdict(n) for name, n in counts.items() if n.rows_in}
    if taken:
        system.state.note("readmit", system.spec.system, why="asked for", details={"sources": taken})
    if as_json:
        print_json({"sources": taken})
        return
    for name, n in counts.items():
        if n.rows_in:
            say(f"  {name}: {n.rows_in:,} judged again = {n.accepted:,} accepted + {n.quarantined:,} still refused"
                f" + {n.duplicates:,} duplicates + {n.other_rows:,} of no concern")  # fmt: skip
    if not taken:
        say("Nothing is in quarantine.", "green")
