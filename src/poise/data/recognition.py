"""Which good rows are new, which are known already, and which contradict what is known.

The same as in `poise.data.identity`, for rows that come one delivery at a time: a delivery is what a file is there.

| source | same row | other content |
|---|---|---|
| log with `id` | duplicate | conflict |
| history: key and time | duplicate | conflict |
| table: key | duplicate | a new version; within one delivery a conflict |
| log without `id` | new | new |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import Hashes
from poise.data.known_ids import KnownIds
from poise.data.row_judge import RowJudge, RowsJudged
from poise.data.stored import Content, Stored

Known = Literal["accepted", "duplicate", "conflict"]
CONFLICT = "conflict"


def recognised(
    judge: RowJudge, judged: RowsJudged, known: KnownIds | None, stored: Stored, starts: Sequence[int]
) -> tuple[list[Known], Hashes]:
    """The fate of each of m good rows, and the hashes that `known` did not have before.

    starts: the places of the first rows of the deliveries, and the end. Where what is stored cannot be looked up, that
    is raised, and `known` is as it was.
    """
    fates: list[Known] = ["accepted"] * len(judged.good)
    prints = judged.prints
    if prints is None or known is None or not fates:
        return fates, np.empty(0, np.uint64)
    versions = judge.source.kind == "table"
    again = _again(prints.keys, np.searchsorted(starts, judged.good, side="right")) if versions else {}
    for row, first in again.items():
        fates[row] = "duplicate" if judged.content(row) == judged.content(first) else "conflict"
    asked = np.array([row for row in range(len(fates)) if row not in again]) if again else np.arange(len(fates))
    fresh = known.add(prints.prints[asked])
    hits = asked[~fresh].tolist()
    if hits:
        try:
            _Hits(judge, judged, stored, prints.keys, fates).settle(hits, versions=versions)
        except BaseException:  # none of these rows is going to be written
            known.remove(prints.prints[asked[fresh]])
            raise
    return fates, prints.prints[asked[fresh]]


def _again(keys: Hashes, deliveries: NDArray[np.int64]) -> dict[int, int]:
    """Rows whose key an earlier row of their delivery has: row -> the first with that key."""
    if len(np.unique(keys)) == len(keys):
        return {}
    first: dict[tuple[int, int], int] = {}
    found: dict[int, int] = {}
    for row, place in enumerate(zip(deliveries.tolist(), keys.tolist(), strict=True)):
        if first.setdefault(place, row) != row:
            found[row] = first[place]
    return found


class _Hits:
    """Rows whose hash is known, compared with what it is known of."""

    def __init__(self, judge: RowJudge, judged: RowsJudged, stored: Stored, keys: Hashes, fates: list[Known]) -> None:
        self._judge, self._judged, self._stored, self._keys, self._fates = judge, judged, stored, keys, fates

    def settle(self, hits: Sequence[int], *, versions: bool) -> None:
        """Set the fates of the rows `hits`, in order."""
        identities = {row: self._judged.identity(row) for row in hits}
        firsts = {identity: row for row, identity in reversed(identities.items())}
        rows = list(firsts.values())
        before = self._stored.find(self._judge, self._keys[rows], list(firsts))
        held = dict(zip(firsts, before, strict=True))
        for row in hits:
            content = self._here(row, identities[row]) if versions else held[identities[row]]
            if content is None:
                content = held[identities[row]] if versions else self._here(row, identities[row])
            if content is not None:
                self._fates[row] = self._fate(row, content, versions=versions)

    def _fate(self, row: int, content: Content, *, versions: bool) -> Known:
        if content == self._judged.content(row):
            return "duplicate"
        return "accepted" if versions else "conflict"

    def _here(self, row: int, identity: Content) -> Content | None:
        """The newest accepted row of this group, before `row`, that has its identity."""
        for earlier in np.flatnonzero(self._keys[:row] == self._keys[row])[::-1].tolist():
            if self._fates[earlier] == "accepted" and self._judged.identity(earlier) == identity:
                return self._judged.content(earlier)
        return None


def contradiction(judge: RowJudge, judged: RowsJudged, row: int) -> tuple[str, str]:
    """The code of a conflict and the sentence that says which identity it is about."""
    names = judge.source.identity
    values = [str(value)[:200] for value in judged.identity(row)]
    listed = ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    return f"conflict:{','.join(names)}", f"{listed} came before with other content"
