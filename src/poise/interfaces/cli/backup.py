"""`poise backup` and `poise restore`: a copy of everything that is kept, and its return."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poise.clock import to_text
from poise.errors import UsageError
from poise.interfaces.backup import Backup, back_up
from poise.interfaces.backup import restore as put_back
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say, working
from poise.interfaces.system import System
from poise.settings import Settings


def backup(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """Copy state, lake, journal, snapshots, candidates and releases, as of one instant, with a SHA-256 of each file.

    A server may run meanwhile: what it acknowledged before this began is in the copy. The files that sources are read
    from, and modules of your own, are not.
    """
    system = System.read(file)
    with working("Backing up", silent=as_json) as step:
        made = back_up(system, folder, progress=step)
    _show(made, f"Everything up to {to_text(made.made, system.spec.timezone)} is in {folder}", as_json)


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    to: Annotated[Path | None, typer.Option("--to", help="The home to make; default that of the system file.")] = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """Check a backup against its list and put it in place; nothing is written over.

    The system file is written where --file says, unless one stands there.
    """
    settings = Settings.read(file)
    usual = Settings.read(file, {"POISE_HOME": str(settings.home)})
    if (settings.lake, settings.state_url) != (usual.lake, usual.state_url):
        hint = "unset them, or restore into that place by hand"
        raise UsageError("POISE_LAKE_URL or POISE_STATE_URL says that they are not in the home", hint=hint)
    home = to or settings.home
    with working("Restoring", silent=as_json):
        made = put_back(folder, home, file)
    _show(made, f"Everything up to {to_text(made.made, 'UTC')} is in {home}", as_json)


def _show(made: Backup, said: str, as_json: bool) -> None:
    if as_json:
        print_json(made.to_dict())
        return
    say(f"{said}: {made.files:,} files, {made.bytes / 1e6:,.1f} MB, {made.rows:,} rows in the journal", "green")
