"""What made a place beside the score: a draw, something that stood in for a model, others that are level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.serving.explain_words import listed, number, plain

_STOOD_IN = {"rule": "its rule", "constant": "its average"}


def position(record: Mapping[str, Any], row: int, rank: int | None) -> dict[str, Any]:
    """Where a candidate was shown, how probable it was that it is shown there, and `drawn`: the method that drew the
    order, where this place is another one than the rank.

    >>> record = {"shown": [4, 2], "propensities": [0.2, 0.3], "explored": {"method": "epsilon"}}
    >>> position(record, 4, 2)
    {'position': 1, 'propensity': 0.2, 'drawn': 'epsilon'}
    >>> position(record, 3, 1), position(record, 5, 3)
    ({'position': None, 'drawn': 'epsilon'}, {'position': None})
    """
    shown, explored = list(record["shown"]), record.get("explored")
    place = shown.index(row) + 1 if row in shown else None
    out: dict[str, Any] = {"position": place}
    if place is not None and record.get("propensities"):
        out["propensity"] = record["propensities"][place - 1]
    other = rank is not None and (rank <= len(shown) if place is None else rank != place)
    return {**out, "drawn": explored["method"]} if explored and other else out


def drawn(position: Mapping[str, Any]) -> str:
    """That the order was drawn, where that made the place; `position` as the function of that name says.

    >>> drawn({"position": 3, "propensity": 0.125, "drawn": "epsilon"})
    'it was shown at place 3 since the order was drawn, so that others are tried too (epsilon; probability 12.5%)'
    """
    if "drawn" not in position:
        return ""
    where = "was not shown" if position["position"] is None else f"was shown at place {position['position']}"
    chance = f"; probability {number(100 * position['propensity'])}%" if "propensity" in position else ""
    return f"it {where} since the order was drawn, so that others are tried too ({position['drawn']}{chance})"


def stood_in(record: Mapping[str, Any]) -> str:
    """Which objectives were not predicted by their models, and what answered instead.

    >>> stood_in({"fallbacks": {"order": {"by": "constant", "why": "its model failed"}}})
    'order could not be predicted then (its model failed): its average stood in'
    """
    parts = [
        f"{plain(name)} could not be predicted then ({one['why']}): {_STOOD_IN.get(one['by'], one['by'])} stood in"
        for name, one in (record.get("fallbacks") or {}).items()
    ]
    return listed(parts)


def level(others: int) -> str:
    """How many others have the same score.

    >>> level(0), level(1), level(14)
    ('', ', level with another one', ', level with 14 others')
    """
    return "" if others < 1 else ", level with another one" if others == 1 else f", level with {others} others"
