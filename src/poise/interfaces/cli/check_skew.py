"""What `poise check skew` says: feature by feature, were answers made from what the lake says?"""

from __future__ import annotations

import json
from typing import Any

import typer

from poise.clock import to_text
from poise.errors import Refused, UsageError
from poise.interfaces.cli.terminal import heading, print_json, say, working
from poise.interfaces.system import System
from poise.monitoring.skew import FeatureSkew, SkewReport
from poise.serving.field import instant_of


def check_skew(
    system: System, since: str | None, until: str | None, release: str | None, limit: int, as_json: bool
) -> None:
    """Compare and print; end with the code of a refusal where anything disagrees."""
    zone = system.spec.timezone
    with working("Comparing", silent=as_json) as step:
        found = system.check_skew(
            since=_instant("--since", since, zone),
            until=_instant("--until", until, zone),
            release=release,
            limit=limit,
            progress=step,
        )
    if as_json:
        print_json({"system": system.spec.system, **found.to_dict()})
    else:
        show(found)
    if found.disagreeing:
        raise typer.Exit(Refused.exit_code)


def _instant(option: str, text: str | None, zone: str) -> int | None:
    if text is None:
        return None
    try:
        return instant_of(text, zone)
    except ValueError as error:
        raise UsageError(
            f"{option} {text} is no time{error}", hint="e.g. 2026-03-01 or 2026-03-01T08:00+01:00"
        ) from None


def show(found: SkewReport) -> None:
    """What was compared, what disagrees and how, what could not be compared."""
    if not found.answers:
        say("There are no answers to compare: a server logs them, and they reach the lake within seconds.")
    else:
        of = f"the newest {found.answers:,} of {found.there:,} answers" if found.sampled else f"{found.there:,} answers"
        say(f"{found.compared:,} of {found.rows:,} rows that the log kept in full of {of} were compared.")
    for reason, rows in found.skipped.items():
        say(f"  not compared: {rows:,} rows: {reason}", "yellow")
    if found.upto is not None:
        say(f"  in the lake are answers until {to_text(found.upto, found.zone)}{_waits(found)}")
    for one in found.disagreeing:
        _disagreement(one, found.zone)
    for one in found.features:
        for reason, count in one.explained.items():
            say(f"  {one.name}: {count:,} of {one.compared:,} values differ for a reason: {reason}")
    if found.compared and not found.disagreeing:
        say(f"All {len(found.features)} features are what the lake says.", "green")


def _waits(found: SkewReport) -> str:
    waiting = found.waiting
    if not waiting.answers and not waiting.rows:
        return ""
    return f"; {waiting.answers:,} answers and {waiting.rows:,} rows are on their way there"


def _disagreement(one: FeatureSkew, zone: str) -> None:
    share = f"{one.disagreements:,} of {one.compared:,} values disagree ({one.rate:.2%})"
    heading(f"{one.name}: {share}")
    if one.worst is not None:
        worst = one.worst
        say(f"  worst: {worst.decision}, row {worst.row}, {worst.release}, T {to_text(worst.time, zone)}")
        say(f"    served {_value(worst.served)}, the lake says {_value(worst.batch)}; {_value(worst.keys)}")


def _value(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
