"""`poise update`: learn again if there is a reason to, once or as long as it runs."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from poise.clock import SECOND, Clock, to_text
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


QUIET = 3600.0
"""Seconds after which a watch says once more what it finds, where nothing changed."""


class _End(BaseException):
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
    told = _Told(seconds, as_json)
    try:
        while True:
            system = None
            try:
                system = System.read(file)
                with working("Looking", silent=True) as progress:
                    found = system.update(who=who, why=why, progress=progress)
                told.found(found)
            except PoiseError as error:
                told.failed(error)
            finally:
                if system is not None:
                    system.state.close()
            time.sleep(seconds)
    except _End:
        if not as_json:
            say("told to end; what was begun goes on when 'poise update' runs again")
    finally:
        signal.signal(signal.SIGTERM, before)


class _Told:
    """What a watch says: what changed, when it looks next, and once an hour that it still looks."""

    def __init__(self, seconds: float, as_json: bool) -> None:
        self.seconds, self.as_json = seconds, as_json
        self._last: tuple[str, str] | None = None
        self._quiet_since, self._looks = time.monotonic(), 0

    def found(self, found: Updated) -> None:
        """A look ended well."""
        looks = self._looks + 1
        if not self._news((found.outcome, ""), always=found.update is not None):
            return
        if self.as_json:
            print_json({**found.to_dict(), "looks": looks, "next_look": self._next()})
            return
        _show(found, False)
        often = "looked once" if looks == 1 else f"looked {looks:,} times since the last line"
        say(f"  {often}; next at {self._next()}")

    def failed(self, error: PoiseError) -> None:
        """A look did not."""
        if self._news(("error", str(error)), always=False):
            print(f"poise: {error}; trying again every {self.seconds:g} s", file=sys.stderr, flush=True)

    def _news(self, now: tuple[str, str], *, always: bool) -> bool:
        self._looks += 1
        if not always and now == self._last and time.monotonic() - self._quiet_since < QUIET:
            return False
        self._last, self._quiet_since, self._looks = now, time.monotonic(), 0
        return True

    def _next(self) -> str:
        return to_text((Clock().now() // SECOND + round(self.seconds)) * SECOND)


def _end(_: int, __: FrameType | None) -> None:
    raise _End


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
