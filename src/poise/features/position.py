"""The position: where in its list a row was shown, learned by every model and answered as for the first place.

What stood on top was seen more, and so clicked more. A model that knows the place can tell the one from the other, and
answers as if every candidate stood first; what is read off `decision.position`, and no entry of `features:`.

Models see the logarithm of the place: how many look that far down falls about as a power of it (Joachims, Swaminathan
and Schnabel, Unbiased learning-to-rank with biased feedback, WSDM 2017), so that even a linear model can say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from poise.errors import DataError
from poise.features.base import Feature, Needs, Output
from poise.spec.record import Record
from poise.spec.source_types import position_feature
from poise.spec.system import SystemSpec
from poise.stores.base import OnlineStore
from poise.table import Column, History, Requests

FIRST = 1.0
"""The place for which rows are answered."""


def seen_of(place: NDArray[np.float64]) -> NDArray[np.float64]:
    """What models see of places, from 1: their logarithm to base 2.

    >>> seen_of(np.array([1.0, 2.0, 8.0])).tolist()
    [0.0, 1.0, 3.0]
    """
    return np.log2(place)


class PositionSpec(Record):
    """Nothing: the decision says which column it is."""


class Position(Feature):
    """The logged place of past rows; online what the request's rows say, and else the first place."""

    Spec = PositionSpec

    def __init__(self, per: str, column: str, name: str) -> None:
        self._per = per
        self._column = column
        self.outputs = (Output(name, "number", f"{per}.{column}, the place in the list"),)
        self.needs = Needs(sources={per: frozenset({column})})
        self.fills = frozenset({column})

    @classmethod
    def bind(cls, spec: PositionSpec, system: SystemSpec, per: str) -> Self | None:
        """The position of the rows of `per`; None where they have none."""
        name = position_feature(system, per)
        if name is None or system.decision is None or system.decision.position is None:
            return None
        return cls(per, system.decision.position, name)

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """As logged. Raises `DataError` for a place before the first."""
        values = requests.rows[self._column].values
        early = values < FIRST
        if early.any():
            raise DataError(
                f"'{self._column}' of '{self._per}' is {np.min(values[early]):g} in {int(early.sum()):,} rows, "
                f"and places are counted from {FIRST:g}",
                hint=f"declare min: 1 to set such rows apart; where the file counts from 0, derive place: "
                f"{self._column} + 1 and let the decision's position be that",
            )
        return {self.outputs[0].name: Column.numbers(seen_of(values))}

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """As the rows say where something filled them; else the first place."""
        filled = requests.rows.get(self._column)
        places = np.full(requests.height, FIRST) if filled is None else filled.values
        return {self.outputs[0].name: Column.numbers(seen_of(places))}


def position_of(system: SystemSpec, per: str) -> tuple[Position, ...]:
    """The position of the rows of `per`, where a list of them is decided on and says it."""
    found = Position.bind(PositionSpec(), system, per)
    return () if found is None else (found,)
