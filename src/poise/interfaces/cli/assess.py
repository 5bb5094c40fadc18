"""`poise assess`: should machine learning be used here at all?"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from poise.assessment.assess import Assessment
from poise.assessment.costs import read_costs
from poise.assessment.report import is_report, render
from poise.assessment.scanning import LEARNED_ROWS
from poise.assessment.signing import read_answers, template
from poise.assessment.summary import WIDTH, summary
from poise.assessment.wording import VERDICTS
from poise.assessment.writing import suspected, system_of
from poise.errors import DataError, Refused, StateError, did_you_mean
from poise.interfaces.assessing import assess as assess_table
from poise.interfaces.assessing import assess_system
from poise.interfaces.cli.terminal import JsonOption, out, print_json, say, working

REPORT = Path("assess-report.html")
EVERY = 5.0
"""Seconds between two lines of progress in a log; a terminal shows each step."""

AnswersOption = Annotated[
    str | None, typer.Option("--answers", help="What a person answered and signed: YAML, or a file of it.")
]
KnownOption = Annotated[
    str | None, typer.Option("--known", help="Columns that are known in time, however late they look, by commas.")
]
QuestionOption = Annotated[list[str] | None, typer.Option("--question", help="Beside PA01 and PA02 ask only this.")]
ReportOption = Annotated[
    Path | None, typer.Option("--report", help="Where the page goes; default assess-report.html here.")
]
SystemOption = Annotated[
    Path | None, typer.Option("--write-system", help="Write a system file that trains as it stands.")
]
FormOption = Annotated[
    Path | None, typer.Option("--write-answers", help="Write the file that a person answers and signs.")
]
ExpectOption = Annotated[list[str] | None, typer.Option("--expect", help="End with 4 if the verdict is none of these.")]


class Unexpected(Refused):
    """The verdict is none of those that `--expect` names."""

    title = "The verdict is another"


def assess(
    data: Annotated[Path | None, typer.Argument(help="A table: CSV, Parquet or JSON lines.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="The column to predict.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="The column that says when each row was asked.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Rows of one key (a customer) stay together.")] = None,
    problem: Annotated[str | None, typer.Option("--problem", help="binary, regression or multi-class.")] = None,
    costs: Annotated[str | None, typer.Option("--costs", help="What answers are worth: YAML, or a file of it.")] = None,
    sensitive: Annotated[str | None, typer.Option("--sensitive", help="Sensitive columns, by commas.")] = None,
    known: KnownOption = None,
    answers: AnswersOption = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Assess a whole system by its file.")] = None,
    question: QuestionOption = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", help="Leave this question out.")] = None,
    rows: Annotated[int, typer.Option("--rows", help="Rows that are read at most.", min=1)] = LEARNED_ROWS,
    threads: Annotated[int | None, typer.Option("--threads", help="Default: all cores.", min=1)] = None,
    report: ReportOption = None,
    write_system: SystemOption = None,
    write_answers: FormOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that stand there.")] = False,
    expect: ExpectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say from evidence whether to use ML, a rule, or neither."""
    wanted = [_verdict(text) for text in expect or ()]
    page = _place(report, force, as_json)
    _check_free(write_system, write_answers, force)
    if write_system is not None and file is not None:
        raise DataError(f"--write-system is for tables: {file} is a system file already")
    more: dict[str, Any] = {
        "costs": None if costs is None else read_costs(costs),
        "answers": None if answers is None else read_answers(answers),
        "sensitive": _names(sensitive),
        "known": _names(known),
        "questions": tuple(question or ()),
        "skip": tuple(skip or ()),
        "rows": rows,
        "threads": threads,
    }
    with working("Assessing", silent=as_json) as step:
        made = _made(data, target, time, key, problem, file, more, _calmly(step))
    contents = [one.to_dict() for one in made]
    wrote = [_write_page(page, contents, asked=report is not None)]
    try:
        if write_answers is not None:
            wrote.append(_write_answers(made[0], write_answers))
        if write_system is not None:
            wrote.append(_write_system(made[0], write_system))
    finally:  # what was found is told even where no system can be written
        if as_json:
            print_json({"assessments": contents})
        else:
            _print(contents, wrote)
    _judge(contents, wanted)


def _names(text: str | None) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _check_free(write_system: Path | None, write_answers: Path | None, force: bool) -> None:
    """Files are overwritten only where that was asked for, which is said before the work is done."""
    for path in (write_system, write_answers):
        if path is not None and path.exists() and not force:
            raise StateError(f"{path} exists already", hint="another name, or --force to overwrite it")


def _made(
    data: Path | None,
    target: str | None,
    time: str | None,
    key: str | None,
    problem: str | None,
    file: Path | None,
    more: dict[str, Any],
    step: Callable[[str], None],
) -> tuple[Assessment, ...]:
    """What was asked for: a table, or a system."""
    if file is not None:
        given = {"a table": data, "--target": target, "--time": time, "--key": key, "--problem": problem}
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise DataError(f"a system says itself what to predict: leave out {', '.join(extra)}")
        return assess_system(file, progress=step, **more)
    if data is None or target is None:
        lacking = "the table" if data is None else "--target, the column to predict"
        raise DataError(f"{lacking} is missing", hint="poise assess data.csv --target COLUMN, or -f poise.yaml")
    step(f"reading {data}")
    return (assess_table(data, target, time=time, key=key, problem=problem, progress=step, **more),)


def _calmly(step: Callable[[str], None]) -> Callable[[str], None]:
    """Every step in a terminal; in a log only the first of each few seconds."""
    if sys.stderr.isatty():
        return step
    last = -EVERY
    started = time.perf_counter()

    def seldom(text: str) -> None:
        nonlocal last
        now = time.perf_counter() - started
        if now - last >= EVERY:
            last = now
            step(text)

    return seldom


def _place(report: Path | None, force: bool, as_json: bool) -> Path | None:
    """Where the page goes; None where nobody asked and it would be in the way. Checked before the work is done."""
    page = report or (None if as_json else REPORT)
    if page is None:
        return None
    if page.is_dir():
        page = page / REPORT.name
    if not page.parent.is_dir():
        raise StateError(f"there is no folder {page.parent} for the report")
    if page.exists() and not force and not is_report(page):
        raise StateError(f"{page} is no report of an assessment", hint="another name, or --force to overwrite it")
    return page


def _write_page(page: Path | None, contents: Sequence[dict[str, Any]], asked: bool) -> str:
    """Write the page; a folder that cannot be written matters only where the page was asked for."""
    if page is None:
        return ""
    try:
        page.write_text(render(contents), encoding="utf-8")
    except OSError as error:
        if asked:
            raise StateError(f"{page} cannot be written: {error.strerror}") from None
        return f"no report: {page} cannot be written ({error.strerror})"
    return f"report: {page}"


def _write_system(made: Assessment, path: Path) -> str:
    """Write a system file for the table, which it names relative to itself."""
    data = made.case.path
    if data is None:
        raise DataError("a system needs a table in a file")
    _write(path, system_of(made.case, made, os.path.relpath(data.absolute(), path.absolute().parent)))
    left = [f"'{name}'" for name in suspected(made)]
    without = f", without {', '.join(left[:4])}{f' and {len(left) - 4} more' if len(left) > 4 else ''} (see PA06)"
    return f"system: {path}{without if left else ''}; next: poise up -f {path}"


def _write_answers(made: Assessment, path: Path) -> str:
    """Write the file for a person to fill in, with what was found about people as comments."""
    asked = made.answer("PA09")
    found = "" if asked is None else "\n".join([asked.sentence, *(one.sentence for one in asked.findings)])
    _write(path, template(made.case, found))
    return f"to answer and sign: {path}; then: --answers {path}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error.strerror}") from None


def _print(contents: Sequence[dict[str, Any]], wrote: Sequence[str]) -> None:
    width = min(WIDTH, out.width) if out.is_terminal else WIDTH
    for at, content in enumerate(contents):
        if at:
            say()
        for line, style in summary(content, width):
            say(line, style)
    if any(wrote):
        say()
        for line in filter(None, wrote):
            say(line)


def _verdict(text: str) -> str:
    found = {name.lower(): name for name in VERDICTS}
    if text.lower() not in found:
        raise DataError(f"there is no verdict '{text}'", hint=did_you_mean(text.lower(), found))
    return found[text.lower()]


def _judge(contents: Sequence[dict[str, Any]], wanted: Sequence[str]) -> None:
    for content in contents:
        if wanted and content["verdict"]["verdict"] not in wanted:
            said = f"'{content['target']}': the verdict is '{content['verdict']['verdict']}'"
            raise Unexpected(said, hint=f"expected: {', '.join(wanted)}")
