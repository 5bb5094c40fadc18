"""As declared: how each column of a file can be declared in a system file, so that every value of it is read.

What the file holds is tried on the very typing that `poise ingest` does: a column that would lose values is declared
more loosely and derived, and one that no declaration reads is left out, and why is said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from poise.assessment.case import Case, ReadColumn
from poise.assessment.scanning import scan
from poise.data.base import AS_CAME
from poise.data.files import format_by_ending
from poise.data.parse import typed
from poise.errors import DataError
from poise.spec.source import ColumnSpec, ColumnType
from poise.spec.tokens import WORDS

LOST = 0.05
"""Numbers are derived from text where no more than this share of the values spell none."""
MOST_VALUES = 2_000
FROM_NUMBER = {
    "taken as years": "instant({x}, 1, 1, 0, 'UTC')",
    "taken as yyyymmdd": "instant(floor({x} / 10000), floor({x} / 100) - 100 * floor({x} / 10000),"
    " {x} - 100 * floor({x} / 100), 0, 'UTC')",
    "taken as seconds": "instant(1970, 1, 1, 0, 'UTC') + {x} * 1s",
    "taken as milliseconds": "instant(1970, 1, 1, 0, 'UTC') + {x} * 1ms",
    "taken as microseconds": "instant(1970, 1, 1, 0, 'UTC') + {x} * 0.001ms",
    "numbers taken as steps": "instant(1970, 1, 1, 0, 'UTC') + {x} * 1d",
}
"""How an instant is made of a number, by how the number was understood."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One column of the file. name: what it is called in the system; raw: what its values as they came are called,
    where `derive` makes the column of them; else the same name.

    cannot: why no declaration reads it.
    """

    column: str
    name: str
    raw: str
    type: ColumnType
    format: str | None = None
    derive: str | None = None
    cannot: str | None = None
    note: str | None = None

    @property
    def derived_type(self) -> ColumnType:
        """The type of `name`, derived or not."""
        if self.derive is None:
            return self.type
        return "time" if self.derive.startswith("instant") else "float"


@dataclass(frozen=True, slots=True, eq=False)
class InFile:
    """The columns of a file as they can be declared, by their own names, and the spellings of the target's values."""

    columns: Mapping[str, Declared]
    target: tuple[str, ...] = field(default=())
    """The target's different values as the file spells them, where it is text (at most 2,000)."""

    def named(self, names: Iterable[str]) -> dict[str, Declared]:
        """Those of these columns that can be read."""
        return {n: self.columns[n] for n in names if n in self.columns and self.columns[n].cannot is None}


def in_file(case: Case) -> InFile:
    """How the columns of a case's file can be declared. Raises `DataError` for a case that was read from no file."""
    if case.path is None:
        raise DataError("this case was read from no file, so no system can read it", hint="save it, e.g. as Parquet")
    rows, text = scan(case.path).rows, format_by_ending(case.path) == "csv"
    came = rows.collect_schema()
    wanted = [name for name, column in case.columns.items() if _needed(case, column)]
    names = identifiers(wanted)
    tries: dict[str, list[ColumnType]] = {name: _types(case, case.columns[name]) for name in wanted}
    checks = []
    for name in wanted:
        column = case.columns[name]
        checks += [_lost(name, kind, column, came[name], text).alias(f"{name}\n{kind}") for kind in tries[name]]
        checks.append(_no_number(name, came[name], text).alias(f"{name}\nnumber"))
    found = rows.select(checks).collect(engine="streaming").row(0, named=True)
    made = {
        name: _declared(case, name, names[name], tries[name], found, came[name], set(names.values())) for name in wanted
    }
    if "" in made:  # as row numbers often are; a system file says by its name where a column comes from
        made[""] = replace(made[""], cannot="it has no name: give it one in the file")
    return InFile(made, _spellings(rows, case.target_name, came[case.target_name]))


def _needed(case: Case, column: ReadColumn) -> bool:
    roles = (case.target_name, case.time_name, case.key_name)
    return column.name in roles or column.kind == "id" or bool(column.inputs)


def _types(case: Case, column: ReadColumn) -> list[ColumnType]:
    """The types to try, the strictest first."""
    if column.name == case.time_name and column.note and _rule(column.note):
        return ["int", "float"]
    if column.name == case.key_name or column.kind == "id":
        return ["string"]
    if column.kind in ("number", "constant") and column.type in ("int", "float"):
        return ["int", "float"] if column.type == "int" or column.name == case.target_name else ["float"]
    return [column.type]


def _lost(name: str, kind: ColumnType, column: ReadColumn, came: pl.DataType, text: bool) -> pl.Expr:
    """How many values would be refused under this type."""
    try:
        made = typed(name, ColumnSpec.model_validate({"type": kind, "format": column.format}), came, "UTC", text=text)
    except DataError:
        return pl.len()
    raw = made.helpers.get(AS_CAME + name)
    return pl.lit(0) if raw is None else (raw.is_not_null() & made.value.is_null()).sum()


def _no_number(name: str, came: pl.DataType, text: bool) -> pl.Expr:
    """The share of the values that spell no number."""
    if came != pl.String:
        return pl.lit(1.0)
    gone = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False).is_finite().fill_null(False).not_()
    there = pl.col(name).is_not_null() & (pl.col(name) != "")
    return (gone & there).sum() / there.sum()


def _declared(
    case: Case, name: str, new: str, tries: list[ColumnType], found: Mapping[str, float], came: pl.DataType,
    taken: set[str],
) -> Declared:  # fmt: skip
    column = case.columns[name]
    for kind in tries:
        if found[f"{name}\n{kind}"] == 0:
            rule = _rule(column.note or "") if name == case.time_name else None
            if rule is not None:
                raw = _free(f"{new}_number", taken)
                return Declared(name, new, raw, kind, derive=rule.format(x=raw), note=column.note)
            return Declared(name, new, new, kind, column.format if kind == "time" else None)
    if column.kind in ("number", "constant") or (name == case.target_name and column.type in ("int", "float")):
        if found[f"{name}\nnumber"] <= LOST:
            raw = _free(f"{new}_text", taken)
            return Declared(name, new, raw, "category", derive=f"number({raw})", note="some values are no numbers")
        return Declared(name, new, new, "float", cannot=f"save it as plain numbers to use it: {column.note or came}")
    if column.kind == "flag":
        return Declared(name, new, new, "category", note="some values are neither yes nor no")
    if name == case.time_name:
        return Declared(name, new, new, "time", column.format, note="rows whose time is no instant are set apart")
    return Declared(name, new, new, column.type, cannot=f"some of its values are no {column.type}")


def _rule(note: str) -> str | None:
    return next((rule for start, rule in FROM_NUMBER.items() if note.startswith(start)), None)


def _spellings(rows: pl.LazyFrame, name: str, came: pl.DataType) -> tuple[str, ...]:
    if came not in (pl.String, pl.Categorical, pl.Enum):
        return ()
    values = rows.select(pl.col(name).cast(pl.String).drop_nulls().unique()).head(MOST_VALUES)
    return tuple(sorted(values.collect(engine="streaming")[name].to_list()))


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """A name of the system file for each name: letters a-z, digits and `_`, each once.

    >>> identifiers(["Größe (cm)", "2nd", "a b", "a-b", "in"])
    {'Größe (cm)': 'Grosse_cm', '2nd': 'n2nd', 'a b': 'a_b', 'a-b': 'a_b_2', 'in': 'in_'}
    """
    made: dict[str, str] = {}
    taken: set[str] = set()
    for place, name in enumerate(names, 1):
        made[name] = _free(_identifier(name) or f"column_{place}", taken)
        taken.add(made[name])
    return made


def _identifier(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    made = re.sub(r"\W+", "_", plain).strip("_")
    if made[:1].isdigit():
        made = f"n{made}"
    return f"{made}_" if made in WORDS else made


def _free(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it free."""
    made, count = name, 2
    while made in taken:
        made, count = f"{name}_{count}", count + 1
    return made
