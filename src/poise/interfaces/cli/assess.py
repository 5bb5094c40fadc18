"""`poise assess`: should machine learning be used here at all?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from poise.assessment.assess import Assessment
from poise.assessment.assess import assess as assess_case
from poise.assessment.reading import read_case
from poise.errors import DataError, did_you_mean
from poise.interfaces.cli.terminal import JsonOption, heading, print_json, say, working
from poise.spec.objective import ProblemType


def assess(
    data: Annotated[Path, typer.Argument(help="A table: CSV, Parquet or JSON lines.")],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    time: Annotated[str | None, typer.Option("--time", help="The column that says when each row was asked.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Rows of one key (a customer) stay together.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="binary, regression or multi-class.")] = None,
    costs: Annotated[str | None, typer.Option("--costs", help="What outcomes cost, as JSON.")] = None,
    sensitive: Annotated[str | None, typer.Option("--sensitive", help="Sensitive columns, by commas.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say from evidence whether to use ML, a rule, or neither."""
    with working("Assessing", silent=as_json) as step:
        step(f"reading {data}")
        named = tuple(filter(None, (sensitive or "").split(",")))
        problem = _problem(type_)
        declared: dict[str, Any] = {"costs": _costs(costs), "sensitive": named}
        case = read_case(data, target, time=time, key=key, problem=problem, **declared)
        made = assess_case(case, threads=os.cpu_count() or 1, progress=step)
    if as_json:
        print_json(made.to_dict())
        return
    _print(made)


def _problem(text: str | None) -> ProblemType | None:
    found = {name: name for name in get_args(ProblemType) if name != "multi-label"}
    if text is not None and text not in found:
        raise DataError(f"there is no problem type '{text}'", hint=did_you_mean(text, found))
    return None if text is None else found[text]


def _costs(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"--costs is not JSON: {error}", hint="""e.g. '{"miss": 100, "false_alarm": 5}'""") from error
    if not isinstance(found, dict):
        raise DataError("--costs must be an object of names and numbers")
    return found


def _print(made: Assessment) -> None:
    case, verdict = made.case, made.verdict
    say(f"{case.name}: predict '{case.target_name}' ({case.problem}) from {len(case.types)} inputs, {case.rows:,} rows")
    heading(f"Verdict: {verdict.verdict} (confidence {verdict.confidence})")
    say(f"  {verdict.sentence}")
    for answer in made.answers:
        say(f"{answer.code} {answer.title} {answer.answer}")
        say(f"     {answer.sentence}")
    for note in case.notes:
        say(f"  note: {note}")
