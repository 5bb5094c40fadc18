"""Which inputs of a list's rows are equal for all candidates: they cannot say why one stands before another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from poise.features.plan import FeaturePlan


def shared_inputs(record: Mapping[str, Any], plan: FeaturePlan, item: str) -> frozenset[str]:
    """The features that say something of the request, its user or its time, and nothing of an item.

    A column that callers may send for all candidates or for each counts as sent for all where the rows that are kept
    in full have one value.
    """
    columns = frozenset(plan.request_with(()))
    sent: Mapping[str, list[Any]] = record["sent"]
    once = frozenset(name for name in columns - {item} if one_value(sent.get(name, ())))
    sides = plan.lists(item).form(columns | {item}, once).sides
    return frozenset(output.name for output in plan.outputs if sides.of.get(output.name) == "request")


def one_value_everywhere(record: Mapping[str, Any]) -> frozenset[str]:
    """The features that have one value in all candidates that could be shown; none where the log lacks some of them."""
    at = place_of_allowed(record)
    if at is None or len(at) < 2:
        return frozenset()
    return frozenset(name for name, values in record["features"].items() if one_value([values[i] for i in at]))


def place_of_allowed(record: Mapping[str, Any]) -> list[int] | None:
    """Where the candidates that could be shown stand among the rows that are kept in full; None where one is not."""
    place = {row: at for at, row in enumerate(record["logged"])}
    found = [place.get(row) for row in allowed_rows(record)]
    return None if None in found else [at for at in found if at is not None]


def allowed_rows(record: Mapping[str, Any]) -> list[int]:
    """The candidates that could be shown, as `where` says."""
    return np.flatnonzero([one == 1 for one in record["allowed"]]).tolist()


def one_value(values: Any) -> bool:
    """Whether all are the same.

    >>> one_value(["a", "a"]), one_value([None, 1.0]), one_value([])
    (True, False, True)
    """
    return all(value == values[0] for value in values)
