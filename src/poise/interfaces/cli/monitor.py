"""`poise monitor`: what changed since the live release was judged, and whether it matters."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from poise.clock import SECOND, to_text
from poise.errors import PoiseError, Refused, UsageError
from poise.evaluation.words import counted
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, err, heading, print_json, say, working
from poise.interfaces.monitor_page import render
from poise.interfaces.monitoring import Monitored, Monitoring
from poise.interfaces.scraping import answers_of
from poise.interfaces.system import System
from poise.monitoring.finding import Finding
from poise.registry import names
from poise.serving.field import instant_of
from poise.spec.units import parse_duration

STYLES = {"alarm": "bold red", "notice": "yellow", "unknown": "dim", "fine": "green"}
SIGNS = {"alarm": "!", "notice": "~", "unknown": "?", "fine": "✓"}


def monitor(
    file: FileOption = FILE,
    since: Annotated[
        str | None, typer.Option("--since", help="Only rows with T from then on; default since the release was judged.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="As if that were now: later rows and labels do not count.")
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="Watch this one instead of the live one.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only these monitors, by code (PM11).")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with plots over time here.")] = None,
    server: Annotated[
        str | None, typer.Option("--server", help="Ask this server how fast it answers: http://127.0.0.1:8080")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what is fine, too.")] = False,
    watch: Annotated[
        str | None, typer.Option("--watch", help="Look again every so long (15min), until it is stopped.")
    ] = None,
    silent: Annotated[bool, typer.Option("--no-webhook", help="Tell the webhook nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What changed since the live release was judged, what to read first at the front; ends with 4 where something is
    an alarm.

    Rows that no server answered are scored by the release as it would have answered them.
    """
    system = System.read(file)
    codes = _codes(only)
    zone = system.spec.timezone
    first, last = _instant("--since", since, zone), _instant("--until", until, zone)
    if first is not None and last is not None and first >= last:
        raise UsageError(f"--since {since} is not before --until {until}")

    def look() -> Monitored:
        with working("Watching", silent=as_json) as step:
            measured = {} if server is None else {"answers": answers_of(server)}
            found = Monitoring(system).look(
                last, codes, since=first, release=release, telling=not silent, measured=measured, progress=step
            )
        if html is not None:
            html.write_text(render(found), encoding="utf-8")
        if as_json:
            print_json(found.to_dict())
        else:
            show(found, everything)
            if html is not None:
                say(f"page: {html}")
        return found

    if watch is None:
        if look().alarms:
            raise typer.Exit(Refused.exit_code)
        return
    if last is not None:
        raise UsageError("--watch goes with what comes in, and --until ends it", hint="leave one out")
    _again(look, _every(watch))


def _again(look: Callable[[], Monitored], every: float) -> None:
    """Look every so many seconds until it is stopped. What cannot be read now may be in a while."""
    while True:
        began = time.monotonic()
        try:
            look()
        except PoiseError as error:
            err.print(f"poise: {error}", markup=False)
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _every(text: str) -> float:
    try:
        every = parse_duration(text) / SECOND
    except ValueError as error:
        raise UsageError(f"--watch: {error}") from None
    if every < 1:
        raise UsageError(f"--watch {text} is too often", hint="at least 1s; 15min is usual")
    return every


def _codes(only: list[str] | None) -> set[str] | None:
    if not only:
        return None
    known = names("monitor")
    for code in only:
        if code not in known:
            raise UsageError(f"there is no monitor '{code}'", hint=f"there are {', '.join(known)}")
    return set(only)


def _instant(option: str, text: str | None, zone: str) -> int | None:
    if text is None:
        return None
    try:
        return instant_of(text, zone)
    except ValueError as error:
        raise UsageError(
            f"{option} {text} is no time{error}", hint="e.g. 2026-03-01 or 2026-03-01T08:00+01:00"
        ) from None


def show(found: Monitored, everything: bool) -> None:
    """Alarms and notices with what they mean, then in a line what is not known and what is fine."""
    rows = ", ".join(f"{n:,} rows of {per}" for per, n in found.rows.items()) or "no rows"
    span = f"{_day(found.since, found.zone)} to {_day(found.until, found.zone)}"
    heading(f"{found.system} {found.release}: {rows}, {span}")
    for one in found.findings:
        if everything or one.level in ("alarm", "notice"):
            _show(one, found.zone)
    counts = {level: sum(one.level == level for one in found.findings) for level in STYLES}
    if not everything:
        for one in found.findings:
            if one.level == "unknown":
                say(f"{SIGNS['unknown']} {one.code} not known: {one.what}", STYLES["unknown"])
    said = f"{counted(counts['alarm'], 'alarm')}, {counted(counts['notice'], 'notice')}"
    said += f", {counts['unknown']} not known, {counts['fine']} fine"
    say(said, STYLES["alarm"] if counts["alarm"] else STYLES["fine"])
    if found.told is not None:
        say(found.told)


def _show(one: Finding, zone: str) -> None:
    since = "" if one.since is None else f", since {_day(one.since, zone)}"
    who = f" [{', '.join(one.who)}]" if one.who else ""
    say(f"{SIGNS[one.level]} {one.code} {one.what}{since}{who}", STYLES[one.level])
    moved = {True: "performance moved with it", False: "performance did not move with it", None: ""}[one.moved]
    said = "; ".join(part for part in (one.why.rstrip("."), moved if one.level != "fine" else "") if part)
    if said:
        say(f"      {said}")


def _day(instant: int, zone: str) -> str:
    """An instant to the minute."""
    return to_text(instant // (60 * SECOND) * 60 * SECOND, zone)[:16].replace("T", " ")
