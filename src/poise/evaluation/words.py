"""Numbers and names as a manager reads them."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, isfinite, log10


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, grouped by thousands; never in powers of ten.

    >>> number(0.0712345), number(1204.5), number(0.5), number(-3.0), number(0.0000123)
    ('0.0712', '1,204', '0.5', '-3', '0.0000123')
    """
    if not isfinite(value):
        return "unknown" if value != value else ("any amount" if value > 0 else "minus any amount")
    if value == 0:
        return "0"
    places = max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def apart(value: float, other: float, shown: Callable[[float, int], str] = number) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart (at most 8).

    >>> apart(0.0500321, 0.05), apart(0.071, 0.05)
    (('0.05003', '0.05'), ('0.071', '0.05'))
    """
    pairs = ((shown(value, digits), shown(other, digits)) for digits in range(3, 9))
    return next((pair for pair in pairs if pair[0] != pair[1]), (shown(value, 3), shown(other, 3)))


def plain(name: str) -> str:
    """A name of the system file in words.

    >>> plain("log_loss")
    'log loss'
    """
    return name.replace("_", " ")


def seconds(value: float, digits: int = 3) -> str:
    """A span of seconds in the unit that people use for it.

    >>> seconds(0.0123), seconds(0.00031), seconds(75)
    ('12.3ms', '0.31ms', '75s')
    """
    return f"{number(value * 1000, digits)}ms" if value < 1 else f"{number(value, digits)}s"


def size(value: float, digits: int = 3) -> str:
    """A number of bytes in a unit that people use for it.

    >>> size(12_345_678), size(800)
    ('12.3MB', '800B')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= factor:
            return f"{number(value / factor, digits)}{unit}"
    return f"{number(value, digits)}B"


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1204, "row"), counted(1, "row")
    ('1,204 rows', '1 row')
    """
    return f"{number(n, 9)} {noun}" + ("" if n == 1 else "s")
