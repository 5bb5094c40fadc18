"""Numbers, times and verdicts as the console writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unicodedata import category

from poise.evaluation.words import number, seconds, size

VERDICTS = {
    "pass": ("✓", "holds", "good"),
    "fail": ("✗", "fails", "bad"),
    "insufficient": ("✗", "too little evidence", "bad"),
    "allowed": ("○", "too little evidence, allowed", "unsure"),
    "cannot tell": ("?", "cannot tell yet", "unsure"),
}
"""Status of a requirement -> symbol, words, tone."""
_TURNS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of the text around them."""


def clean(text: str) -> str:
    """`text` without what would disturb the page around it.

    >>> clean("a\\x00b\\u202ec")
    'a�b�c'
    """
    return "".join("�" if c in _TURNS or (category(c) in ("Cc", "Cs") and c not in "\n\t") else c for c in text)


def figure(value: float | None) -> str:
    """A number with three digits that count.

    >>> figure(0.61234), figure(-48211.0), figure(None)
    ('0.612', '−48,211', 'not known')
    """
    if value is None:
        return "not known"
    return number(value).replace("-", "−", 1)


def percent(value: float | None) -> str:
    """A share with its sign, of a change.

    >>> percent(0.0312), percent(-0.2), percent(0.0), percent(None)
    ('+3.1 %', '−20.0 %', '±0.0 %', 'not known')
    """
    if value is None:
        return "not known"
    text = f"{100 * abs(value):.1f}"
    sign = "±" if float(text) == 0 else "+" if value > 0 else "−"
    return f"{sign}{text} %"


def signed(value: float | None) -> str:
    """A number with its sign.

    >>> signed(0.0516), signed(-1234.5), signed(0), signed(None)
    ('+0.0516', '−1,234', '±0', 'not known')
    """
    if value is None:
        return "not known"
    return "±0" if not value else ("+" if value > 0 else "−") + number(abs(value))


def exact(value: float) -> str:
    """A weight as a form takes it back: all of it, in the shortest way.

    >>> exact(1.0), exact(0.1), exact(1e-07)
    ('1', '0.1', '1e-07')
    """
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(float(value))


def short_moment(instant: str | None) -> str:
    """Day and minute of an ISO 8601 instant, as its zone has them.

    >>> short_moment("2026-03-02T11:05:09+08:00"), short_moment(None)
    ('2 Mar 2026, 11:05', 'not known')
    """
    try:
        when = datetime.fromisoformat(instant or "")
    except ValueError:
        return instant or "not known"
    return f"{when.day} {when:%b %Y, %H:%M}"


def shown(value: Any) -> str:
    """A value of a feature: numbers with the digits that count.

    >>> shown(0.123456), shown(None), shown("Thai"), shown(True)
    ('0.123', 'missing', 'Thai', 'true')
    """
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return figure(value) if isinstance(value, int | float) else str(value)


def measured(one: Mapping[str, Any]) -> str:
    """The value that decided on a requirement, in the unit of its metric.

    >>> measured({"metric": "latency_p99", "value": 0.0123}), measured({"metric": "order.auc", "value": None})
    ('12.3ms', 'not measured')
    """
    metric, value = str(one.get("metric", "")), one.get("value")
    if value is None:
        return "not measured"
    if metric.startswith("latency"):
        return seconds(value)
    return size(value) if metric == "release_size" else figure(value)


def verdict(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """Symbol, words and tone of what was found on a requirement.

    >>> verdict({"status": "pass"})
    ('✓', 'holds', 'good')
    """
    status = str(one.get("status", "cannot tell"))
    status = "allowed" if status == "insufficient" and one.get("allowed") else status
    return VERDICTS.get(status, VERDICTS["cannot tell"])
