"""`poise update`: learn again if there is a reason to, once or as long as it runs."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from poise.errors import PoiseError, Refused, UsageError
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
from poise.interfaces.system import System
from poise.interfaces.updating import Updated
from poise.spec.units import parse_duration

STYLES = {"promoted": "bold green", "begun": "green", "refused": "bold red", "failed": "bold red", "kept": "yellow"}


class _Told(BaseException):
    """This process was told to end."""


def update(
    file: FileOption = FILE,
    watch: Annotated[bool, typer.Option("--watch", help="Go on looking until told to end (SIGTERM).")] = False,
    poll: Annotated[str, typer.Option("--poll", help="With --watch: how long between two looks.")] = "60s",
    now: Annotated[bool, typer.Option("--now", help="Learn again without waiting for a reason.")] = False,
    override: Annotated[
        bool, typer.Option("--override-freeze", help="Although a freeze window holds; needs --why, and is recorded.")
    ] = False,
    staleness: Annotated[
        bool, typer.Option("--staleness", help="Learn nothing: measure how fast models lose value, and what pays.")
    ] = False,
    worth: Annotated[
        float | None, typer.Option("--worth", help="With --staleness: what the models gain per day, in your currency.")
    ] = None,
    who: WhoOption = None,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Learn again if there is a reason to; only what is significantly better than the live release goes live.

    Ends with 0 where there was nothing to do or a better release began to answer, and where none is better; with 4
    where a requirement refused it, and with 75 where another process is updating.
    """
    if worth is not None and not staleness:
        raise UsageError("--worth goes with --staleness")
    if staleness:
        _staleness(file, worth, as_json)
        return
    if watch and (now or override):
        raise UsageError("--watch waits for reasons, and never overrides a freeze window", hint="leave it out")
    if watch:
        _watch(file, _seconds(poll), who, why, as_json)
        return
    with working("Updating", silent=as_json) as progress:
        found = System.read(file).update(now=now, override=override, who=who, why=why, progress=progress)
    _show(found, as_json)
    if found.outcome in ("refused", "failed"):
        raise typer.Exit(Refused.exit_code)


def _staleness(file: Path, worth: float | None, as_json: bool) -> None:
    with working("Measuring", silent=as_json) as progress:
        found = System.read(file).staleness(worth=worth, progress=progress)
    if as_json:
        print_json({"staleness": [one.to_dict() for one in found]})
        return
    for one in found:
        say(one.sentence, "bold")
        for aged in one.aged:
            say(
                f"  {aged.days:6.1f} days old: {100 * aged.lost:6.1f}% lost ({100 * aged.low:.1f} to"
                f" {100 * aged.high:.1f}%; {aged.rows:,} rows)"
            )


def _watch(file: Path, seconds: float, who: str | None, why: str, as_json: bool) -> None:
    """Look again and again. What goes wrong is said and tried again; the file is read anew each time."""
    before = signal.signal(signal.SIGTERM, _end)
    last: tuple[str, str] | None = None
    try:
        while True:
            system = None
            try:
                system = System.read(file)
                with working("Looking", silent=True) as progress:
                    found = system.update(who=who, why=why, progress=progress)
                if found.update is not None or (found.outcome, "") != last:
                    _show(found, as_json)
                last = (found.outcome, "")
            except PoiseError as error:
                if ("error", str(error)) != last:
                    print(f"poise: {error}; trying again every {seconds:g} s", file=sys.stderr, flush=True)
                last = ("error", str(error))
            finally:
                if system is not None:
                    system.state.close()
            time.sleep(seconds)
    except _Told:
        if not as_json:
            say("told to end; what was begun goes on when 'poise update' runs again")
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_: int, __: FrameType | None) -> None:
    raise _Told


def _show(found: Updated, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
        return
    if found.update is not None:
        say(f"{found.update.name}: {'; '.join(found.update.reasons)}")
        windows = found.update.windows
        if windows is not None:
            say(f"  {windows['sentence']}")
    say(found.sentence, STYLES.get(found.outcome, ""))


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text) / 1e6
    except ValueError as error:
        raise UsageError(f"--poll: {error}") from None
    if seconds < 0.1:
        raise UsageError(f"--poll: {text} came, and 100ms is the least")
    return seconds
