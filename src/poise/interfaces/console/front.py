"""The plot of a trade-off: across what one term gains as its weight changes, up what another does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any
from urllib.parse import urlencode

from poise.interfaces.console.words import exact

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 26, 58
"""Room for what stands beside the axes."""
TICKS = 4


def plot(told: Mapping[str, Any], term: str, against: str | None, terms: Sequence[str]) -> dict[str, Any]:
    """What is drawn of a front, in the coordinates of an SVG of `WIDTH` x `HEIGHT`, and the rows of its table.

    against: the term that goes up; None of a system with one term, of which nothing is drawn.
    """
    known = [one for one in told["points"] if one["refused"] is None]
    rows = [_row(one, terms) for one in told["points"]]
    made: dict[str, Any] = {
        "refused": None,
        "of": told["term"],
        "term": term,
        "against": against,
        "terms": list(terms),
        "rows": rows,
    }
    made |= {"lists": told["lists"], "width": WIDTH, "height": HEIGHT, "points": [], "line": ""}
    if against is None or len(known) < 2:
        return made
    across = _Axis([one["gains"][term] for one in known], LEFT, WIDTH - RIGHT)
    up = _Axis([one["gains"][against] for one in known], HEIGHT - BOTTOM, TOP)
    points = [_point(one, across, up, term, against, terms) for one in known if _told(one, term, against)]
    if told["term"] is None:
        points.sort(key=lambda one: float(one["x"]))
    made |= {
        "points": points,
        "line": " ".join(f"{one['x']},{one['y']}" for one in points if not one["dominated"]),
        "across": across.ticks(),
        "up": up.ticks(),
        "zero": {"x": across.at(0.0), "y": up.at(0.0)},
        "box": {"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM},
    }
    return made


class _Axis:
    """Places gains between two coordinates; no change is always among them."""

    def __init__(self, gains: Sequence[Mapping[str, float | None]], start: float, end: float) -> None:
        values = [0.0, *(v for gain in gains if (v := gain["value"]) is not None)]
        room = (max(values) - min(values) or 0.02) * 0.08
        self._low, self._high = min(values) - room, max(values) + room
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        inside = min(self._high, max(self._low, value))
        return round(self._start + (inside - self._low) / (self._high - self._low) * (self._end - self._start), 1)

    def ticks(self) -> list[dict[str, Any]]:
        """Some round values, with where they stand.

        >>> [one["said"] for one in _Axis([{"value": 0.1}, {"value": -0.05}], 0, 100).ticks()]
        ['−5 %', '0 %', '+5 %', '+10 %']
        """
        rough = (self._high - self._low) / TICKS
        size = 10 ** floor(log10(rough))
        step = size * next((m for m in (1, 2, 5) if m * size >= rough), 10)
        first = -floor(-self._low / step)
        values = [n * step for n in range(first, floor(self._high / step) + 1)]
        places = max(0, -floor(log10(step)) - 2)
        return [{"at": self.at(v), "said": _said(100 * v, places)} for v in values]


def _said(value: float, places: int) -> str:
    text = f"{abs(value):.{places}f}"
    return f"{'' if not float(text) else '+' if value > 0 else '−'}{text} %"


def _told(one: Mapping[str, Any], *terms: str) -> bool:
    return all(one["gains"][term]["value"] is not None for term in terms)


def _point(
    one: Mapping[str, Any], across: _Axis, up: _Axis, term: str, against: str, terms: Sequence[str]
) -> dict[str, Any]:
    x, y = one["gains"][term], one["gains"][against]
    limits = [v for gain in (x, y) for v in (gain["low"], gain["high"])]
    return {
        **_row(one, terms),
        "x": across.at(x["value"]),
        "y": up.at(y["value"]),
        "limits": None
        if None in limits
        else {"x1": across.at(x["low"]), "x2": across.at(x["high"]), "y1": up.at(y["low"]), "y2": up.at(y["high"])},
    }


def _row(one: Mapping[str, Any], terms: Sequence[str]) -> dict[str, Any]:
    weights = {term: exact(one["values"][term]) for term in terms}
    return {
        "weights": weights,
        "gains": one["gains"],
        "now": one["now"],
        "dominated": one["dominated"],
        "refused": one["refused"],
        "address": "/trade-offs?" + urlencode({f"w.{term}": text for term, text in weights.items()}),
    }
