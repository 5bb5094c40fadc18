"""Cross-checks of declared columns: names, and checks that fit their types."""

from __future__ import annotations

import re
from math import isfinite

from poise.errors import did_you_mean
from poise.spec.faults import Faults
from poise.spec.source import ColumnSpec, Source
from poise.spec.tokens import WORDS
from poise.spec.yaml_text import KeyPath
from poise.spec.zones import is_zone, zone_names

_STRINGS = ("string", "category", "text")
_LOOKS = re.compile(r"\(\?<?[=!]|\\[1-9]")  # look-around and back-references need unbounded time on some strings


def check_columns(faults: Faults, name: str, source: Source) -> None:
    """Note what is wrong with the declared columns of one source."""
    for column, spec in source.columns.items():
        path: KeyPath = ("sources", name, "columns", column)
        plain = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "a_name"
        plain = f"c_{plain}" if not plain[0].isalpha() or plain in WORDS else plain
        faults.word(path, column, f"write {plain}: {{type: {spec.type}, from: '{column}'}}")
        _bounds(faults, path, column, spec)
        _values(faults, path, column, spec)
        _pattern(faults, path, column, spec)
        if spec.type != "time":
            for key in ("format", "timezone"):
                if getattr(spec, key) is not None:
                    faults.add((*path, key), f"'{key}' goes with columns of type time; '{column}' is {spec.type}")
        check_zone(faults, (*path, "timezone"), spec.timezone)


def check_zone(faults: Faults, path: KeyPath, zone: str | None) -> None:
    """Note a time zone that does not exist."""
    if zone is not None and not is_zone(zone):
        hint = did_you_mean(zone, zone_names())
        hint = hint if hint.startswith("did") else "IANA names are meant, e.g. Asia/Singapore"
        faults.add(path, f"there is no time zone '{zone}'", hint)


def _bounds(faults: Faults, path: KeyPath, column: str, spec: ColumnSpec) -> None:
    for key in ("min", "max"):
        bound = getattr(spec, key)
        if bound is not None and spec.type not in ("int", "float"):
            faults.add((*path, key), f"'{key}' bounds numbers; '{column}' is {spec.type}")
        elif bound is not None and not isfinite(bound):
            faults.add((*path, key), f"'{key}' must be a finite number; leave it out for no bound")
    if spec.min is not None and spec.max is not None and spec.min > spec.max:
        faults.add((*path, "min"), f"min {spec.min:g} is above max {spec.max:g}: every value would be refused")


def _values(faults: Faults, path: KeyPath, column: str, spec: ColumnSpec) -> None:
    if spec.values is None:
        return
    path = (*path, "values")
    if spec.type == "time":
        faults.add(path, f"'values' lists no instants; '{column}' is time", "use rules: with an expression")
    elif not spec.values:
        faults.add(path, "an empty list allows nothing", "leave 'values' out to allow everything")
    for value in spec.values:
        fits = {
            "int": isinstance(value, float | int) and not isinstance(value, bool) and float(value).is_integer(),
            "float": isinstance(value, float | int) and not isinstance(value, bool),
            "bool": isinstance(value, bool),
        }
        if not fits.get(spec.type, True):
            faults.add(path, f"{value!r} is not a value of a column of type {spec.type}")


def _pattern(faults: Faults, path: KeyPath, column: str, spec: ColumnSpec) -> None:
    if spec.pattern is None:
        return
    path = (*path, "pattern")
    if spec.type not in _STRINGS:
        faults.add(path, f"'pattern' matches strings; '{column}' is {spec.type}")
    try:
        re.compile(spec.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        faults.add(path, f"'{spec.pattern}' is not a regular expression: {error}")
        return
    if _LOOKS.search(spec.pattern):
        faults.add(path, f"'{spec.pattern}' looks around or back, which patterns here cannot", "see the syntax of RE2")
