"""What an answer says, in few numbers: what was chosen, and what was predicted for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

MOST_SERIES = 20
"""Numbers of one answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one answer. choice: the action of the first row, or the item that scores best; None where nothing is decided.
    numbers: per objective (`late`, or `cause.weather` of a class) what was predicted for the first row; of a list per
    term what the best item is worth. fell_back: something else than a model answered."""

    choice: Any
    numbers: Mapping[str, float]
    fell_back: bool


def figures(body: bytes) -> Figures | None:
    """Of the body of an answer to predict or decide; None for another one.

    >>> figures(b'{"chosen": "warn", "predictions": {"late": 0.4}}')
    Figures(choice='warn', numbers={'late': 0.4}, fell_back=False)
    >>> figures(b'{"shown": [{"dish": "pho", "score": 2, "terms": {"joy": 2.0}}]}').choice
    ('pho',)
    """
    try:
        came = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    if not isinstance(came, dict):
        return None
    fell_back = bool(came.get("fallbacks"))
    if came.get("shown"):
        best = max(came["shown"], key=lambda one: -math.inf if one["score"] is None else one["score"])
        item = tuple(value for name, value in best.items() if name not in _GIVEN)
        return Figures(item, _numbers(best["terms"]), fell_back)
    if came.get("decisions") or "chosen" in came:
        first = came["decisions"][0] if "decisions" in came else came
        return Figures(first["chosen"], _numbers(first.get("predictions", {})), fell_back)
    if isinstance(came.get("predictions"), list) and came["predictions"]:
        return Figures(None, _numbers(came["predictions"][0]), fell_back)
    return None


_GIVEN = frozenset({"impression_id", "score", "terms", "propensity", "position", "explored", "rule"})
"""What an answer says of a shown item beside what it is."""


def _numbers(of: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in of.items():
        if isinstance(value, dict):
            found |= {f"{name}.{label}": float(one) for label, one in value.items() if _is_number(one)}
        elif _is_number(value):
            found[name] = float(value)
        if len(found) >= MOST_SERIES:
            break
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
