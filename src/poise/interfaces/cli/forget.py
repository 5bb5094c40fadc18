"""`poise forget`: everything of one person, taken out of all that Poise keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poise.errors import StateError, UsageError
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
from poise.interfaces.forgetting import Forgetting, forget_person, look_for, remember
from poise.interfaces.system import System


def forget(
    person: Annotated[str, typer.Argument(help="Whose: the value of the person: columns.")],
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only rows of this source; may be repeated.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would go.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let rows of this person come in again.")] = False,
    why: WhyOption = "",
    who: WhoOption = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """Take a person out of the lake, its earlier versions, the journal, the online state and the releases' evidence.

    Rows of theirs that come again are left out and counted. Stop the server first. The files that sources were read
    from are your own: delete the person there too.
    """
    system = System.read(file)
    if undo:
        remember(system, person, why=why, who=who)
        if as_json:
            print_json({"undone": True})
        else:
            say("Rows of this person come in again; what was taken out stays out.", "green")
        return
    if not yes:
        found = look_for(system, person, source or ())
        if as_json:
            print_json({**found.to_dict(), "done": False})
            raise typer.Exit(UsageError.exit_code)
        _show(found, done=False)
        raise UsageError("nothing was taken out", hint="say --yes to do it")
    with working("Forgetting", silent=as_json) as step:
        done = forget_person(system, person, source or (), why=why, who=who, progress=step)
    if as_json:
        print_json({**done.to_dict(), "done": True})
        raise typer.Exit(StateError.exit_code if done.still else 0)
    _show(done, done=True)
    _yours(system, source or ())
    if done.still:
        listed = ", ".join(done.still[:5]) + (f" and {len(done.still) - 5} more" if len(done.still) > 5 else "")
        hint = "a source without person: keeps what it has; a release that learned the name has to be replaced"
        raise StateError(f"the id still stands in {listed}", hint=f"{hint}; then forget again")


def _show(found: Forgetting, *, done: bool) -> None:
    for table, rows in found.rows.items():
        say(f"  {table}: {rows:,} rows {'taken out' if done else 'of this person'}, and those of earlier versions")
    if not found.rows:
        say("  no row says that it is of this person")
    for name, read in found.learned.items():
        say(f"  {name} learned from {'an unknown number of' if read is None else f'{read:,}'} rows of theirs", "yellow")
    for name in found.mended:
        say(f"  {name} {'showed' if done else 'shows'} a request of theirs as an example", "yellow")


def _yours(system: System, only: list[str] | tuple[str, ...]) -> None:
    paths = {
        str(Path(one.path))
        for name, one in system.spec.sources.items()
        if one.person is not None and (not only or name in only)
    }
    say(f"Your own files are as they were: {', '.join(sorted(paths))}. Delete the person there too; until then")
    say("'poise ingest' leaves their rows out and counts them.")
