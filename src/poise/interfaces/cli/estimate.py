"""`poise estimate`: what another policy would have come to, told from a log that another system made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from poise.interfaces.cli.terminal import JsonOption, print_json, say
from poise.interfaces.estimating import Columns, estimates


def estimate(
    log: Annotated[Path, typer.Argument(help="CSV or Parquet: one row per action that was taken.")],
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help="The other policy: a column (its probability of the action taken), a file of probabilities, "
            "'uniform', or 'always:ACTION'.",
        ),
    ],
    action: Annotated[str, typer.Option("--action", help="The column of the action taken.")] = "action",
    propensity: Annotated[
        str, typer.Option("--propensity", help="The column of how probable that was.")
    ] = "propensity",
    reward: Annotated[str, typer.Option("--reward", help="The column of what came of it.")] = "reward",
    place: Annotated[
        str | None, typer.Option("--place", help="The column of the place in a list; each place by itself.")
    ] = None,
    time: Annotated[str | None, typer.Option("--time", help="The column of when; limits resample its blocks.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Without time: the column of whom (a user); limits resample those.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the other policy would have come to per row, how sure that is, or why the log cannot tell."""
    told = estimates(log, target, Columns(action, propensity, reward, place, time, by))
    print_json(told) if as_json else _said(told)


def _said(told: Mapping[str, Any]) -> None:
    logged = told["logged"]
    mean = "" if logged["value"] is None else f"; as logged: {logged['value']:.5g} per row{_limits(logged)}"
    say(f"{_many(told['rows'], 'row')}, {_many(told['actions'], 'action')}{mean}", "bold")
    for why, rows in told["left_out"].items():
        say(f"  left out: {rows:,} rows, {why}", "yellow")
    for one in told["estimates"]:
        if one["refused"] is not None:
            continue
        value, share = one["value"], one["gain"]["share"]
        gain = "" if share["value"] is None else f"; {_percent(share)} of what was logged"
        say(f"  {one['estimator']}: {value['value']:.5g}{_limits(value)}{gain}; worth {one['effective']:,.0f} rows")
    if told["refused"] is not None:
        say(f"  cannot tell: {told['refused']}", "yellow")
    for warning in told["warnings"]:
        say(f"  note: {warning}", "yellow")
    say(f"  limits are of 90 %, by {told['blocks']['count']:,} blocks ({told['blocks']['by']})")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _limits(of: Mapping[str, float | None]) -> str:
    """Its limits; nothing where there are none, as of a single block."""
    return "" if of["low"] is None or of["high"] is None else f" (between {of['low']:.5g} and {of['high']:.5g})"


def _percent(share: Mapping[str, float | None]) -> str:
    value, low, high = ((None if one is None else 100 * one) for one in (share["value"], share["low"], share["high"]))
    limits = "" if low is None or high is None else f" (between {low:+.1f} and {high:+.1f} %)"
    return f"{value:+.1f} %{limits}"
