"""People: which columns are about people, and which of those are sensitive: as declared, by name, by content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poise.assessment.case import Case, ReadColumn
from poise.assessment.column_names import words_of
from poise.assessment.people_words import ANIMALS, DECIDED, EXTRA, NAMES, PERSON, PLACE, THINGS, VALUES, WORDS
from poise.errors import DataError, did_you_mean

MOST_AGE, LEAST_AGE = 120.0, 3.0
"""Ages of people are within 120; a column whose middle is under 3 counts something else."""
MOST_LEVELS = 8
"""A column of more levels is not recognised by its values."""
LONGEST = 3
"""Words in a row that make one of the lists."""


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A sensitive column: of which kind, and how that was found (`declared`, `name`, `values`)."""

    column: str
    kind: str
    found: str

    @property
    def what(self) -> str:
        """In words."""
        return WORDS[self.kind]


@dataclass(frozen=True, slots=True)
class People:
    """What says that people are concerned: sensitive columns, columns about persons, the target; and columns that say
    where people live, which stand for who they are."""

    sensitive: tuple[Sensitive, ...] = ()
    persons: tuple[str, ...] = ()
    target: bool = False
    places: tuple[str, ...] = ()

    @property
    def concerned(self) -> bool:
        """Whether anything points to people."""
        return bool(self.sensitive or self.persons or self.target)


def check_named(case: Case) -> None:
    """Raise `DataError` where `--sensitive` or `--known` names a column that the table does not have."""
    for option, names in (("--sensitive", case.declared.sensitive), ("--known", case.declared.known)):
        for name in names:
            if name not in case.columns:
                raise DataError(f"{option}: there is no column '{name}'", hint=did_you_mean(name, case.columns))


def people_of(case: Case) -> People:
    """What in a case points to people. Raises `DataError` as `check_named`."""
    check_named(case)
    found = [Sensitive(name, _kind(case, name)[0] or "declared", "declared") for name in case.declared.sensitive]
    persons, places = [], []
    for name in case.columns:
        if name in case.declared.sensitive:
            continue
        runs = _runs(name)
        kind, how = _kind(case, name)
        if kind is not None and name != case.target_name:
            found.append(Sensitive(name, kind, how))
        elif runs & PERSON and name != case.target_name:
            persons.append(name)
        if runs & PLACE:
            places.append(name)
    target = bool(_runs(case.target_name) & (DECIDED | PERSON)) or _kind(case, case.target_name)[0] is not None
    if not persons and not target and any(_runs(name) & ANIMALS for name in case.columns):
        found = [one for one in found if one.found == "declared" or one.kind not in ("gender", "age")]
    return People(tuple(found), tuple(persons), target, tuple(places))


def _kind(case: Case, name: str) -> tuple[str | None, str]:
    """The sensitive kind of a column and how it was found; (None, "") where it is none."""
    column = case.columns[name]
    runs = _runs(name)
    for kind, names in NAMES.items():
        if runs & names and (kind != "age" or _of_people(case, name, column)):
            return kind, "name"
    levels = _levels(case, column)
    for kind, lists in VALUES.items():
        for values in lists:
            hits = levels & values
            if len(hits) >= 2 and levels <= values | EXTRA and hits != {"none", "other"}:
                return kind, "values"
    return None, ""


def _runs(name: str) -> set[str]:
    """The words of a name, and up to three in a row as one."""
    words = words_of(name)
    whole = {name.strip().lower(), *name.strip().lower().split("_")}
    runs = {"_".join(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1)}
    return runs | whole


def _of_people(case: Case, name: str, column: ReadColumn) -> bool:
    """Whether an age is that of people: not of a thing, and its numbers within a life."""
    if set(words_of(name)) & THINGS:
        return False
    if column.kind != "number" or not column.inputs or column.inputs[0] not in case.table:
        return True
    values = case.table[column.inputs[0]].values
    values = values[np.isfinite(values)]
    if not len(values) or set(np.unique(values).tolist()) <= {0.0, 1.0}:
        return True  # a flag such as senior
    if values.min() >= 1900 and values.max() <= 2100:
        return True  # a year of birth
    if abs(values.mean()) < 0.5 and values.min() < 0:
        return True  # scaled
    return bool(values.min() >= 0 and values.max() <= MOST_AGE and np.median(values) >= LEAST_AGE)


def _levels(case: Case, column: ReadColumn) -> set[str]:
    """The values of a column of a few levels, lower case; empty for other columns."""
    if column.name == case.target_name:
        return {label.lower() for label in case.classes} if len(case.classes) <= MOST_LEVELS else set()
    if column.kind != "category" or not column.inputs or column.inputs[0] not in case.table:
        return set()
    levels = case.table[column.inputs[0]].levels
    if levels is None or len(levels) > MOST_LEVELS:
        return set()
    return {str(level).strip().lower() for level in levels}
