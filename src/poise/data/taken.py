"""Which action was taken on rows that were decided on, and whether it shows what the rows' labels are made of.

Decisions say so themselves: the log keeps what was taken and how probable every action was. A row is found by the id
of its decision (its own id, or a column that repeats it), or by its own id where that was sent with the request. Rows
that were decided on elsewhere may say so in columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.data import delta
from poise.data.lake import Lake

Floats = NDArray[np.float64]
MOST_DECISIONS = 5_000_000
"""Answers that are read, the newest; rows of older ones count as decided on elsewhere."""


class _Choice(msgspec.Struct):
    """The fields of a record of `poise.serving.decision_log` that are read here."""

    ids: list[str]
    chosen: list[str]
    actions: list[str]
    logged: list[int]
    sent: dict[str, list[Any]]
    policy: list[list[float]] | None = None
    """Absent from records that were written before there was exploration among actions."""


@dataclass(slots=True)
class Taken:
    """The choices of the log. place: id -> the number of a choice; action: what was taken; shown: objective -> how
    probable it was that an action is taken that shows its label, NaN where nothing says."""

    place: dict[str, int] = field(default_factory=dict)
    action: list[str] = field(default_factory=list)
    shown: dict[str, list[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.action)

    def rows(self, ids: Sequence[Any]) -> NDArray[np.int64]:
        """The number of the choice of each of these ids, (n,); -1 where there is none."""
        return np.array([-1 if one is None else self.place.get(str(one), -1) for one in ids], np.int64)


def read_taken(lake: Lake, per: str, identity: str | None, censors: Mapping[str, Sequence[str]]) -> Taken:
    """The logged choices about rows of `per`.

    identity: the column that identifies such a row, where there is one; censors: objective -> the actions that hide its
    label.
    """
    found = Taken(shown={objective: [] for objective in censors})
    if not delta.exists(lake.decisions):
        return found
    log = delta.scan(lake.decisions).filter((pl.col("kind") == "choice") & (pl.col("per") == per))
    place = ["_at", "_position"]
    lines = log.select(*place, "decision").top_k(MOST_DECISIONS, by=place).collect().sort(place)["decision"]
    for line in lines:
        _add(found, msgspec.json.decode(line, type=_Choice), identity, censors)
    return found


def _add(found: Taken, choice: _Choice, identity: str | None, censors: Mapping[str, Sequence[str]]) -> None:
    sent = dict(zip(choice.logged, choice.sent.get(identity, []), strict=False)) if identity is not None else {}
    for row, (number, action) in enumerate(zip(choice.ids, choice.chosen, strict=True)):
        found.place[number] = len(found)
        if sent.get(row) is not None:
            found.place[str(sent[row])] = len(found)
        for objective, hiding in censors.items():
            found.shown[objective].append(_shown(choice, row, hiding))
        found.action.append(action)


def _shown(choice: _Choice, row: int, hiding: Sequence[str]) -> float:
    if choice.policy is None:
        return float("nan")
    chances = zip(choice.actions, choice.policy[row], strict=True)
    return min(1.0, sum(chance for action, chance in chances if action not in hiding))
