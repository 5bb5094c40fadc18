"""Shares in sentences, spelt as everywhere else: a number, a space, the sign."""

from __future__ import annotations


def percent(value: float, places: int = 0) -> str:
    """A fraction as per cent with so many places.

    >>> percent(0.314), percent(0.0314, 1), percent(1.0)
    ('31 %', '3.1 %', '100 %')
    """
    return f"{value * 100:.{places}f} %"
