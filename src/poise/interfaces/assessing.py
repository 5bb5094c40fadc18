"""Assessing in Python: `poise.assess` for tables, and for whole systems; what the command line calls too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import polars as pl

from poise import registry
from poise.assessment.assess import Assessment
from poise.assessment.assess import assess as assess_case
from poise.assessment.case import Case, Declared
from poise.assessment.costs import costs_of
from poise.assessment.of_system import cases_of
from poise.assessment.people import check_named
from poise.assessment.reading import read_case
from poise.assessment.scanning import LEARNED_ROWS
from poise.data.ingest import ingest
from poise.data.lake import Lake
from poise.errors import DataError, did_you_mean
from poise.interfaces.system import System
from poise.spec.objective import ProblemType

Progress = Callable[[str], None]
NEEDED = ("PA01", "PA02")
"""Questions that every verdict rests on: whether there is something to learn, and whether a rule says it."""


def assess(
    data: Path | str | Any,
    target: str,
    *,
    time: str | None = None,
    key: str | None = None,
    problem: str | None = None,
    costs: Mapping[str, Any] | None = None,
    sensitive: Sequence[str] = (),
    known: Sequence[str] = (),
    answers: Mapping[str, Any] | None = None,
    questions: Sequence[str] = (),
    skip: Sequence[str] = (),
    rows: int = LEARNED_ROWS,
    threads: int | None = None,
    progress: Progress = lambda _: None,
) -> Assessment:
    """Should ML be used on this table? `print` the answer, or look at it in a notebook.

    data: a CSV, Parquet or JSON lines file, or a data frame (Polars, or pandas); target: the column to predict.
    time: when each row was asked about; key: rows of one key stay together; problem: binary, regression, multi-class.
    known: columns that are known when the question is asked, however late they look.
    questions, skip: codes to ask beside PA01 and PA02, or to leave out; rows: the most that are learned from.
    Raises `DataError` for a file or a column that cannot be used.
    """
    codes = question_codes(questions, skip)
    named = _of_type(problem)
    frame = data if isinstance(data, str | Path | pl.DataFrame) else _frame(data)
    if rows < 1:
        raise DataError(f"{rows} rows cannot be learned from", hint="rows: at least 1")
    case = read_case(
        frame, target, time=time, key=key, problem=named, costs=costs, sensitive=tuple(sensitive), known=tuple(known),
        answers=answers, rows=rows,
    )  # fmt: skip
    _check(case)
    return assess_case(case, threads=threads or os.cpu_count() or 1, progress=progress, codes=codes)


def assess_system(
    file: Path | str = "poise.yaml",
    *,
    costs: Mapping[str, Any] | None = None,
    sensitive: Sequence[str] = (),
    known: Sequence[str] = (),
    answers: Mapping[str, Any] | None = None,
    questions: Sequence[str] = (),
    skip: Sequence[str] = (),
    rows: int = LEARNED_ROWS,
    threads: int | None = None,
    progress: Progress = lambda _: None,
) -> tuple[Assessment, ...]:
    """The same for every objective of a system: from its lake, or, where that is empty, from its files."""
    codes = question_codes(questions, skip)
    system = System.read(file)
    declared = Declared(costs or {}, tuple(sensitive), answers or {}, tuple(known))
    with tempfile.TemporaryDirectory() as folder:
        lake = system.lake
        if not lake.versions():
            progress("reading the sources")
            lake = Lake(folder)
            ingest(system.spec, lake, base=system.path.parent)
        progress("features as of the time of each request")
        cases = cases_of(system.spec, lake, declared, rows)
    for case in cases:
        _check(case)
    many = threads or os.cpu_count() or 1
    return tuple(
        assess_case(case, threads=many, codes=codes, progress=_about(case.target_name, progress)) for case in cases
    )


def _about(name: str, progress: Progress) -> Progress:
    """Progress that says which objective it is about."""
    return lambda step: progress(f"{name}: {step}")


def _check(case: Case) -> None:
    """What was declared wrongly is said before anything is learned. Without a target there is nothing to cost."""
    check_named(case)
    if case.obstacle is None:
        costs_of(case)


def question_codes(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...] | None:
    """The codes to ask, always with those of `NEEDED`; None for all. Raises `DataError` for a code that none has."""
    known = tuple(registry.names("question"))
    for code in (*only, *skip):
        if code not in known:
            raise DataError(f"there is no question '{code}'", hint=did_you_mean(code, known))
    if needed := [code for code in NEEDED if code in skip]:
        raise DataError(f"{needed[0]} cannot be left out: every verdict rests on it")
    if not only and not skip:
        return None
    return tuple(code for code in known if (not only or code in (*only, *NEEDED)) and code not in skip)


def _of_type(name: str | None) -> ProblemType | None:
    found = {one: one for one in get_args(ProblemType) if one != "multi-label"}
    if name is not None and name not in found:
        raise DataError(f"there is no problem type '{name}'", hint=did_you_mean(name, found))
    return None if name is None else found[name]


def _frame(data: Any) -> pl.DataFrame:
    """A data frame of another library, through Arrow or column by column."""
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return pl.DataFrame(data)
        if hasattr(data, "columns") and hasattr(data, "__getitem__"):
            return pl.DataFrame({str(name): data[name].tolist() for name in data.columns}, strict=False)
        return pl.DataFrame(data, strict=False)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(f"a {type(data).__name__} is no table: {error}", hint="a path, or a data frame") from error
