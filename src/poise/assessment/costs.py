"""Costs: what answers bring and cost, as people declare it with `--costs`, checked and in arrays.

Values are signed and per decision: what brings money is positive, what costs money negative. `docs/assess-questions.md`
has the table of keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.assessment.case import Case
from poise.errors import DataError, did_you_mean
from poise.spec.yaml_text import decode, load

Floats = NDArray[np.float64]
BINARY = ("hit", "miss", "false_alarm", "correct_rejection")
MULTI = ("right", "wrong", "values")
REGRESSION = ("over", "under")
SPENT = ("per_month", "months", "build", "run_per_month", "core_hour")
COMMON = (*SPENT, "person", "currency")
KEYS = {"binary": BINARY, "multi-class": MULTI, "regression": REGRESSION}
EXAMPLE = {
    "binary": "{hit: 40, false_alarm: -5, per_month: 20000}",
    "multi-class": "{right: 1, wrong: -3, per_month: 20000}",
    "regression": "{over: -1, under: -4, per_month: 20000}",
}
MONTHS = 24.0
"""What is built should have paid for itself within two years, where `months` says nothing else."""
CORE_SECONDS, CORE_HOURS = 0.005, 4.0
"""Assumed where `core_hour` is declared: 5 ms of a core per answer, and four core hours of training a month."""


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What was declared. `outcomes`: (k, k) the value of a truth (row) under an answer (column); for a regression
    (over, under), the value of one unit of error; None where no outcome was declared. Money is in `currency`."""

    outcomes: Floats | None
    per_month: float | None = None
    months: float = MONTHS
    build: float = 0.0
    run_per_month: float = 0.0
    core_hour: float = 0.0
    person: float | None = None
    currency: str = ""

    def each_month(self, decisions: float) -> float:
        """What it costs to run, in a month of so many decisions."""
        cores = self.core_hour * (CORE_HOURS + decisions * CORE_SECONDS / 3600) if self.core_hour else 0.0
        return self.run_per_month + cores

    def needed(self, decisions: float) -> float:
        """What each decision must gain, so that running is paid and what was built is paid back in time."""
        return (self.each_month(decisions) + self.build / self.months) / decisions


def read_costs(text: str) -> dict[str, Any]:
    """What `--costs` says: YAML or JSON, as text or in a file.

    Raises `DataError` where it is no mapping of names, and `SpecError` with line and column where it is not YAML.

    >>> read_costs("{hit: 40, false_alarm: -5, currency: USD}")["hit"]
    40
    """
    return read_mapping(text, "--costs", EXAMPLE["binary"])


def read_mapping(text: str, option: str, example: str) -> dict[str, Any]:
    """A mapping out of YAML text, or out of the file that `text` names. Raises `DataError` for anything else."""
    name = option
    if "{" not in text and "\n" not in text:
        path = Path(text).expanduser()
        if path.is_file():
            name, text = path.name, decode(path.read_bytes(), path.name)
        elif ": " not in text:
            raise DataError(f"{option}: there is no file '{text}'", hint=f"a file, or text such as {example}")
    content = load(text, name).content
    if not isinstance(content, dict):
        raise DataError(f"{option} must be names with values, and came as {content!r:.60}", hint=f"e.g. {example}")
    return content


def costs_of(case: Case) -> Costs | None:
    """The declared costs of a case, in arrays; None where nothing was declared.

    Raises `DataError` that names the key: unknown, no number, or values that say that it pays to be wrong.
    """
    said = case.declared.costs
    if not said:
        return None
    allowed = (*KEYS[case.problem], *COMMON)
    for key in said:
        if key not in allowed:
            raise _wrong(case, str(key), f"is not known for a {case.problem} target", did_you_mean(str(key), allowed))
    plain = {key: _number(case, key, said[key]) for key in said if key not in ("currency", "values")}
    for key in SPENT:
        if plain.get(key, 0.0) < 0:
            raise _wrong(case, key, f"is {plain[key]:g}: how much or how many, so 0 or more")
    for key in ("per_month", "months"):
        if key in plain and plain[key] == 0:
            raise _wrong(case, key, "is 0: more than 0 is needed")
    common = {key: plain[key] for key in (*SPENT, "person") if key in plain}
    return Costs(_outcomes(case, plain), currency=str(said.get("currency", "")), **common)


def _outcomes(case: Case, plain: Mapping[str, float]) -> Floats | None:
    if not any(key in case.declared.costs for key in KEYS[case.problem]):
        return None
    if case.problem == "binary":
        return _of_two(case, plain)
    if case.problem == "regression":
        made = np.array([plain.get(key, 0.0) for key in REGRESSION])
        for key, value in zip(REGRESSION, made, strict=True):
            if value > 0:
                raise _wrong(case, key, f"is {value:g}, as if errors brought money", f"a cost is negative: {-value:g}")
        if not made.any():
            raise _wrong(case, "over", "and 'under' are both 0: then errors cost nothing")
        return made
    return _of_classes(case, plain)


def _of_two(case: Case, plain: Mapping[str, float]) -> Floats:
    hit, miss, false_alarm, rejection = (plain.get(key, 0.0) for key in BINARY)
    if false_alarm > rejection:
        hint = f"values are signed, and a cost is negative: false_alarm: {-abs(false_alarm):g}"
        raise _wrong(
            case, "false_alarm", f"is {false_alarm:g}, more than a correct rejection brings ({rejection:g})", hint
        )
    if miss > hit:
        hint = f"values are signed, and a cost is negative: miss: {-abs(miss):g}"
        raise _wrong(case, "miss", f"is {miss:g}, more than a hit brings ({hit:g}): then no alarm ever pays", hint)
    if hit == miss and false_alarm == rejection:
        raise _wrong(case, "hit", "and the other outcomes are all alike: then nothing depends on the answer")
    return np.array([[rejection, false_alarm], [miss, hit]])


def _of_classes(case: Case, plain: Mapping[str, float]) -> Floats:
    right, wrong = plain.get("right", 0.0), plain.get("wrong", 0.0)
    k = len(case.classes)
    made = np.full((k, k), wrong)
    np.fill_diagonal(made, right)
    rows = case.declared.costs.get("values", {})
    if not isinstance(rows, Mapping):
        raise _wrong(case, "values", "must be {class: {answer: value}}")
    for truth, answers in rows.items():
        i = _class(case, str(truth))
        if not isinstance(answers, Mapping):
            raise _wrong(case, f"values.{truth}", "must be {answer: value}")
        for answer, value in answers.items():
            made[i, _class(case, str(answer))] = _number(case, f"values.{truth}.{answer}", value)
    best = made.max(axis=1)
    off = np.flatnonzero(made.diagonal() < best)
    if len(off):
        truth = case.classes[int(off[0])]
        raise _wrong(case, f"values.{truth}" if rows else "wrong", f"says that for '{truth}' another answer is worth"
                     f" more ({best[off[0]]:g}) than the right one ({made[off[0], off[0]]:g})",
                     "values are signed, and a cost is negative")  # fmt: skip
    if (made == made[:, :1]).all():
        raise _wrong(case, "right", "and 'wrong' are alike: then nothing depends on the answer")
    return made


def _class(case: Case, name: str) -> int:
    if name not in case.classes:
        raise _wrong(
            case, "values", f"names the class '{name}', which does not exist", did_you_mean(name, case.classes)
        )
    return case.classes.index(name)


def _number(case: Case, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise _wrong(case, key, f"is {value!r}; a number is needed")
    return float(value)


def _wrong(case: Case, key: str, what: str, hint: str | None = None) -> DataError:
    return DataError(f"--costs: '{key}' {what}", hint=hint or f"e.g. {EXAMPLE[case.problem]}")
