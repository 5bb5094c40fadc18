"""The functions of the expression language: one table, from which checking and the documentation come.

What they compute stands in the two compilers, `in_numpy` and `in_polars`, which a test holds against this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poise.spec.types import ANY, Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: the types it may have. All `alike` ones have one type; `constant` ones are literal."""

    name: str
    types: tuple[Type, ...] = ANY
    alike: bool = False
    constant: bool = False
    zone: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its arguments (the last `optional` may be left out, the last may `repeat`) and what it gives."""

    parameters: tuple[Parameter, ...]
    result: Type | Literal["alike"]
    does: str
    optional: int = 0
    repeat: bool = False

    def usage(self, name: str) -> str:
        """How it is written, e.g. `hour(time[, zone])`."""
        words = [parameter.name for parameter in self.parameters]
        needed = len(words) - self.optional
        text = ", ".join(words[:needed]) + (", …" if self.repeat else "")
        return f"{name}({text}{''.join(f'[, {word}]' for word in words[needed:])})"


_NUMBER: tuple[Type, ...] = ("number",)
_ORDERED: tuple[Type, ...] = ("number", "time", "duration")
_LENGTH: tuple[Type, ...] = ("number", "duration")
_STRING: tuple[Type, ...] = ("string",)
_TIME: tuple[Type, ...] = ("time",)
_ZONE = Parameter("zone", _STRING, zone=True)


def _of_number(does: str) -> Function:
    return Function((Parameter("x", _NUMBER),), "number", does)


def _of_time(does: str) -> Function:
    return Function((Parameter("time", _TIME), _ZONE), "number", does + " in `zone` (default UTC)", optional=1)


def _of_alike(names: tuple[str, ...], types: tuple[Type, ...], does: str, repeat: bool = False) -> Function:
    return Function(tuple(Parameter(name, types, alike=True) for name in names), "alike", does, repeat=repeat)


FUNCTIONS: dict[str, Function] = {
    "missing": Function((Parameter("x"),), "bool", "whether x is missing"),
    "coalesce": _of_alike(("a", "b"), ANY, "the first that is not missing", repeat=True),
    "if": Function(
        (Parameter("condition", ("bool",)), Parameter("a", alike=True), Parameter("b", alike=True)),
        "alike",
        "a where the condition is true, else b (also where the condition is missing)",
    ),
    "abs": _of_alike(("x",), _LENGTH, "x without its sign"),
    "sqrt": _of_number("the square root; missing below 0"),
    "exp": _of_number("e to the power of x; missing where that is beyond all floats"),
    "log": _of_number("the natural logarithm; missing at and below 0"),
    "floor": _of_number("the largest whole number that is not above x"),
    "ceil": _of_number("the smallest whole number that is not below x"),
    "round": _of_number("the nearest whole number; a half goes to the even one"),
    "least": _of_alike(("a", "b"), _ORDERED, "the smallest; missing if any of them is", repeat=True),
    "greatest": _of_alike(("a", "b"), _ORDERED, "the largest; missing if any of them is", repeat=True),
    "clip": _of_alike(("x", "low", "high"), _ORDERED, "least(greatest(x, low), high)"),
    "lower": Function((Parameter("s", _STRING),), "string", "s in lower case"),
    "length": Function((Parameter("s", _STRING),), "number", "how many characters s has"),
    "contains": Function(
        (Parameter("s", _STRING), Parameter("part", _STRING, constant=True)), "bool", "whether the string part is in s"
    ),
    "starts_with": Function(
        (Parameter("s", _STRING), Parameter("part", _STRING, constant=True)), "bool", "whether s begins with part"
    ),
    "number": Function(
        (Parameter("x", ("string", "bool", "number")),),
        "number",
        "the number that the string x spells (missing where it spells none); 1 and 0 for true and false",
    ),
    "string": Function(
        (Parameter("x", ("number", "bool", "string")),), "string", "x as people write it: `12`, `0.5`, `true`"
    ),
    "year": _of_time("the year"),
    "month": _of_time("the month, 1 to 12,"),
    "day": _of_time("the day of the month, 1 to 31,"),
    "weekday": _of_time("the day of the week, Monday 0 to Sunday 6,"),
    "hour": _of_time("the hour, 0 to 23,"),
    "instant": Function(
        (*(Parameter(name, _NUMBER) for name in ("year", "month", "day", "hhmm")), _ZONE),
        "time",
        "the instant at which clocks in `zone` show that date and hhmm (517 is 5:17, 2400 the end of the day); missing "
        "where there is no such instant, or two of them",
    ),
    "next_clock": Function(
        (Parameter("after", _TIME), Parameter("hhmm", _NUMBER), _ZONE),
        "time",
        "the first instant after `after` at which clocks in `zone` show hhmm; missing where clocks skip or repeat it",
    ),
}
