"""What is kept of an answer: enough to say later what was known, what else could have been shown, and how probable it
was.

One JSON object per request, in columns, so that many candidates cost little:

| field | of | what |
|---|---|---|
| `kind` | all | `list`, `choice` or `predictions` |
| `ids` | list, choice | the decision's id; of a choice one per row |
| `at` | all | T in microseconds; null in a system without time |
| `release`, `per`, `weights` | all | what answered, whose rows these are, the version of the weights |
| `items`, `scores`, `terms`, `allowed` | list | all different candidates in the order in which they were sent |
| `shown`, `propensities`, `explored` | list | which candidates stood at the places 1, 2, …, with what probability |
| `actions` | choice | what could be chosen, in the order of the system file |
| `chosen`, `fallback`, `scores`, `terms` | choice | per row; scores and terms per action |
| `best` | choice | per row what would have been taken without exploring |
| `propensities`, `policy` | choice | per row: how probable the action was that was taken, and each action |
| `explored` | choice | how actions were drawn, with the seed of the first row; null where the best one is taken |
| `capacity` | choice | limited action -> the `price` taken off its score, and when its period begins (`from`) |
| `predictions` | choice, predictions | per objective, per row |
| `logged`, `sent`, `features` | all | some rows in full: which they are, what was sent of them, what models saw |

In full are kept: the shown items of a list, of one list in a hundred all candidates, otherwise the first rows of a
request; never more than `MOST_LOGGED`. Instants are microseconds; missing values are null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from poise.table import MISSING_TIME, Table

if TYPE_CHECKING:
    from poise.decisions.choose import Choice

MOST_LOGGED = 100
"""Rows of one request that are kept in full."""
WHOLE_LIST = 100
"""Of one list in so many the features of all candidates are kept, not of the shown ones only."""

_FIRST = np.zeros(1, np.intp)

Floats = NDArray[np.float64]


def whole_list(seed: int) -> bool:
    """Whether the list that was drawn with `seed` is one of those that are kept in full.

    >>> whole_list(200), whole_list(201)
    (True, False)
    """
    return seed % WHOLE_LIST == 0


def head(kind: str, release: str, per: str, instant: int, weights: int | None = None) -> dict[str, Any]:
    """The fields that every record has."""
    at = None if instant == MISSING_TIME else instant
    return {"kind": kind, "at": at, "release": release, "per": per, "weights": weights}


def in_full(rows: Sequence[int] | NDArray[np.int64], sent: Table, features: Table) -> dict[str, Any]:
    """Some rows of a request: their numbers, the columns that were sent, and the values that models and terms saw.

    >>> from poise.table import Column
    >>> in_full([1], Table({"x": Column.numbers([1.0, 2.0])}), Table({"x2": Column.numbers([1.0, 4.0])}))
    {'logged': [1], 'sent': {'x': [2.0]}, 'features': {'x2': [4.0]}}
    """
    at = _FIRST if sent.height == 1 and len(rows) else np.asarray(rows[:MOST_LOGGED], np.intp)
    return {"logged": at.tolist(), "sent": sent.listed(at), "features": features.listed(at)}


def list_of(
    number: str,
    items: Sequence[Any],
    scores: list[float],
    terms: Mapping[str, list[float]],
    allowed: list[float] | None,
    shown: list[int],
    propensity: list[float],
    explored: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The fields of a list of n candidates, of which k are shown: n scores, terms and allowed (None where all are), k
    shown and propensities."""
    return {
        "ids": [number],
        "items": items,
        "scores": scores,
        "terms": terms,
        "allowed": _ones(len(items)) if allowed is None else allowed,
        "shown": shown,
        "propensities": propensity if explored else _ones(len(shown)),
        "explored": explored,
    }


@lru_cache(maxsize=64)
def _ones(count: int) -> msgspec.Raw:
    """So many times 1.0 as the encoder writes it, which takes longest over numbers; lists are mostly of few lengths.

    >>> msgspec.json.encode(_ones(2)) == msgspec.json.encode([1.0, 1.0])
    True
    """
    return msgspec.Raw(msgspec.json.encode([1.0] * count))


def choices_of(
    made: Sequence[Mapping[str, Any]],
    choice: Choice,
    policy: Floats,
    taken: NDArray[np.int64],
    best: NDArray[np.int64],
    explored: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The fields of n choices among k actions; policy (n, k), taken and best (n,); `made` for their ids."""
    rows = np.arange(len(taken))
    return {
        "ids": [decision["decision_id"] for decision in made],
        "chosen": [choice.actions[at] for at in taken.tolist()],
        "best": [choice.actions[at] for at in best.tolist()],
        "fallback": choice.fallback.tolist(),
        "actions": list(choice.actions),
        "scores": choice.scores.tolist(),
        "terms": {term: values.tolist() for term, values in choice.terms.items()},
        "propensities": policy[rows, taken].tolist(),
        "policy": policy.tolist(),
        "explored": explored,
    }


def predictions_of(predictions: Mapping[str, Floats]) -> dict[str, Any]:
    """Per objective what was predicted: n numbers, or n lists of one number per class."""
    return {"predictions": {name: values.tolist() for name, values in predictions.items()}}
