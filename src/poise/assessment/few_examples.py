"""Few examples: classes and values that hardly occur, whatever the number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from poise.assessment.base import Finding
from poise.assessment.case import Case
from poise.assessment.percent import percent

ENOUGH = 100
"""Examples of a class below which what is learned about it is mostly chance."""
MANY_CLASSES = 20
RARE, MOSTLY_RARE = 10, 0.3
"""A value with fewer rows than this teaches hardly anything; a column is named where it is so in so many rows."""


def few_examples(case: Case) -> tuple[dict[str, Any], list[Finding]]:
    """For `details`, and what somebody should know."""
    details: dict[str, Any] = {"rows": case.rows}
    findings: list[Finding] = []
    if case.problem != "regression":
        counts = np.bincount(case.target.astype(np.int64), minlength=len(case.classes))[: len(case.classes)]
        details["classes"] = [{"class": name, "rows": int(n)} for name, n in zip(case.classes, counts, strict=True)]
        findings += _classes(case, counts)
    details["rare_values"], more = _values(case)
    return details, findings + more


def rarest(case: Case) -> int | None:
    """The rows of the rarest class; None of a regression."""
    if case.problem == "regression":
        return None
    return int(np.bincount(case.target.astype(np.int64), minlength=len(case.classes)).min())


def reframed(case: Case) -> bool:
    """Whether scoring pairs would help: there are many classes, and most of them are rare."""
    if case.problem != "multi-class":
        return False
    counts = np.bincount(case.target.astype(np.int64), minlength=len(case.classes))
    return case.merged > 0 or (len(case.classes) >= MANY_CLASSES and float(np.median(counts)) < ENOUGH)


def _classes(case: Case, counts: np.ndarray[Any, np.dtype[np.int64]]) -> list[Finding]:
    target = (case.target_name,)
    out: list[Finding] = []
    if reframed(case):
        said = (
            f"'{case.target_name}' has {len(case.classes) + max(case.merged - 1, 0):,} classes, many with few examples."
            f" Ask instead how well each '{case.target_name}' fits a row: one row per pair of a row and a"
            f" '{case.target_name}', with columns of both, and yes or no as the target. What is learned about one then"
            " serves all, new ones too."
        )
        out.append(Finding(said, "warn", target))
    few = [(case.classes[i], int(counts[i])) for i in np.argsort(counts, kind="stable") if counts[i] < ENOUGH]
    if few:
        listed = ", ".join(f"'{name}' {n}" for name, n in few[:4]) + (" …" if len(few) > 4 else "")
        what = "One class has" if len(few) == 1 else f"{len(few)} of {len(counts)} classes have"
        out.append(Finding(f"{what} fewer than {ENOUGH} examples: {listed}.", "warn", target))
    return out


def _values(case: Case) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Columns of categories most of whose rows have a value that is rare."""
    listed, findings = [], []
    for name, of in case.types.items():
        column = case.table[name]
        if of != "category" or column.levels is None:
            continue
        there = column.values[column.values >= 0]
        if not len(there):
            continue
        counts = np.bincount(there, minlength=len(column.levels))
        share = float(counts[counts < RARE].sum() / len(there))
        if share > MOSTLY_RARE:
            levels = int((counts > 0).sum())
            listed.append({"column": name, "values": levels, "rare": share})
            said = (
                f"'{name}' has {levels:,} values, and {percent(share)} of the rows have one with fewer than {RARE}"
                " rows: numbers or groups that describe the values would teach more than their names."
            )
            findings.append(Finding(said, "note", (name,)))
    return listed, findings
