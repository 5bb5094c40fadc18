"""The objects of a list's answer: what is shown and what is left out, as structs that are made and written fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import msgspec

_ANSWER = ("impression_id", "position", "score", "terms", "propensity", "why")
_EXPLANATION = (
    "rank", "drawn", "left_out", "contributions", "features", "predictions", "first_at", "not_kept", "said",
)  # fmt: skip
OWN = frozenset((*_ANSWER, *_EXPLANATION))
"""What Poise says of an item in answers and explanations."""


def stands_as(item: str) -> str:
    """The name under which the column `item` stands in answers and explanations: its own, if Poise says nothing by it.

    >>> stands_as("dish"), stands_as("score")
    ('dish', 'item')
    """
    return "item" if item in OWN else item


class ListEntries:
    """Makes the objects of answers in which `item` says which item one is, and `terms` what it is worth.

    A score or term that is missing is NaN, which the encoder writes as null.

    >>> entries = ListEntries("dish", ["orders"])
    >>> msgspec.json.encode(entries.ranked(["udon", "ramen"], ["ranked 2", "ranked 3"], [0.1, 0.0]))
    b'[{"dish":"udon","why":"ranked 2","score":0.1},{"dish":"ramen","why":"ranked 3","score":0.0}]'
    >>> msgspec.json.encode(entries.without_score("soba", "closed"))
    b'{"dish":"soba","why":"closed"}'
    """

    def __init__(self, item: str, terms: Sequence[str]) -> None:
        name = {"item": stands_as(item)}
        fields = [f"term{number}" for number in range(len(terms))]
        self._worth = _struct("Worth", fields, dict(zip(fields, terms, strict=True)))
        self._shown = _struct("Shown", ("impression_id", "item", "position", "score", "terms", "propensity"), name)
        self._ranked = _struct("Ranked", ("item", "why", "score"), name)
        self.without_score: Callable[[Any, str], Any] = _struct("LeftOut", ("item", "why"), name)
        """An item that took no part, and why."""

    def shown(
        self,
        number: str,
        rows: Sequence[int],
        items: Sequence[Any],
        scores: Sequence[float],
        terms: Iterable[Sequence[float]],
        propensities: Iterable[float],
    ) -> list[Any]:
        """The items at the places 1, 2, … of the decision `number`.

        rows: which ones stand there; items, scores, terms: of all n; a sequence for each term, none where there are no
        terms; propensities: of the rows.
        """
        places = range(1, len(rows) + 1)
        ids = [f"{number}.{place}" for place in places]
        columns = [map(values.__getitem__, rows) for values in terms]
        worth = map(self._worth, *columns) if columns else repeat(self._worth())
        item, score = map(items.__getitem__, rows), map(scores.__getitem__, rows)
        return list(map(self._shown, ids, item, places, score, worth, propensities))

    def ranked(self, items: Iterable[Any], why: Iterable[str], scores: Iterable[float]) -> list[Any]:
        """Items that took part and are not shown."""
        return list(map(self._ranked, items, why, scores))


def _struct(name: str, fields: Iterable[str], names: dict[str, str]) -> Any:
    """Not looked at by the garbage collector: none of these can hold itself."""
    return msgspec.defstruct(name, [(field, Any) for field in fields], rename=names, gc=False)
