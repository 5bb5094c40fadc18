"""What a store of online state promises. Memory and servers implement one base and pass one suite.

Kinds of features declare what they keep; a store receives the rows of sources as they become known and answers reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.table import Column, History, Same


@dataclass(frozen=True, slots=True)
class JoinedKey:
    """A part of a key that stands in another source: `restaurants.cuisine` by the row's `restaurant_id`.

    For an event it is resolved once, as of the event's κ; for a request as of T.
    """

    source: str
    column: str
    key: tuple[str, ...]
    """The key columns of `source`."""
    by: tuple[str, ...]
    """Columns of the row that hold this key, in the same order."""


class _Hashed:
    """Works its hash out once: a store looks its declarations up for every read."""

    __slots__ = ("_hash",)
    __match_args__: ClassVar[tuple[str, ...]]
    _hash: int

    def __hash__(self) -> int:
        try:
            found = self._hash
        except AttributeError:
            found = hash(tuple(getattr(self, name) for name in self.__match_args__))
            object.__setattr__(self, "_hash", found)
        return found


@dataclass(frozen=True, slots=True)
class WindowDeclaration(_Hashed):
    """Events of `source` by key, aggregated over windows [T - w, T) whose far edge is rounded down to `tile`.

    Windows of one tile size over the same source and keys share one declaration.
    """

    source: str
    by: tuple[str | JoinedKey, ...]
    tile: int
    """Microseconds."""
    over: tuple[int, ...]
    """Windows w in microseconds, ascending."""
    take: tuple[tuple[str, str | None], ...]
    """(aggregate, column): ("count", None), ("mean", "value"), ("since_last", None) …"""
    __hash__ = _Hashed.__hash__


@dataclass(frozen=True, slots=True)
class RowDeclaration(_Hashed):
    """The newest row of `source` per key: a table's current version, a history's value as of T."""

    source: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    __hash__ = _Hashed.__hash__


Declaration = WindowDeclaration | RowDeclaration


class OnlineStore(ABC):
    """Online state of one system. Times never go back: a read at T is answered from rows with τ < T and κ < T."""

    @abstractmethod
    def declare(self, declarations: Iterable[Declaration]) -> None:
        """Make room for these; declared before any row is observed."""

    @abstractmethod
    def observe(self, chunk: History) -> None:
        """Take in rows of one source, in any order; each becomes visible once `advance` has passed its τ and κ.

        Of rows with the same τ the one that was observed later counts as newer. An event with a joined key is observed
        before time has passed its κ by a day, and not before the rows known until then of the source that it points to.
        """

    @abstractmethod
    def advance(self, now: int) -> None:
        """Make visible all rows with τ < now and κ < now (microseconds). Raises `StateError` if `now` goes back
        further than the store can answer for: a row that is visible would have to be hidden again."""

    @abstractmethod
    def read(self, declaration: Declaration, keys: Sequence[Column], time: NDArray[np.int64]) -> Mapping[Any, Column]:
        """Values for n keys (one column of n per key part) at `time`, shape (n,): the T that the store was advanced to.

        For windows the answer maps (aggregate, column, w) to a column, for rows the column's name. Unknown keys give
        missing, also for counts; a known key without events in the window counts 0. Where T is `MISSING_TIME` (a system
        without time) the newest rows are those of all that were observed. Raises `StateError` for a T at or before the
        time of a visible row, and for one that has waiting rows before it.
        """

    def row(self, declaration: RowDeclaration, key: Sequence[Any], instant: int) -> Sequence[Any]:
        """`read` of one key as Python values: its columns in the order of `declaration`, None where missing.

        key: one string, number (float) or instant (int) per part, or None. One request looks up few rows, for which
        columns would cost more than what stands in them; a list looks up its own row like this too.
        """
        found = self.read(declaration, [Same.holding(value) for value in key], np.array([instant], np.int64))
        return [found[name].only for name in declaration.columns]

    def changes(self) -> int | None:
        """How often what a read sees has changed, so that a reader may keep what it read; None (the default) where the
        store cannot tell, and nothing may be kept."""
        return None

    def places(self, declaration: Declaration, keys: Sequence[Column]) -> NDArray[np.int32]:
        """A number for each of n keys, by which `changed` tells them; -1 for a key that the store does not know yet, by
        default for all.

        A key keeps its number, and a key that becomes known is among those that changed.
        """
        return np.full(len(keys[0]), -1, np.int32)

    def changed(self, declaration: Declaration, since: int) -> NDArray[np.int32] | None:
        """The numbers of the keys of which other answers may be read since `changes` was `since`; None (the
        default) where any may.

        That T moves on is no change: a reader knows where a window's far edge passes into the next tile.
        """
        return None

    @abstractmethod
    def save(self, folder: Path, notes: Mapping[str, str | int] | None = None) -> None:
        """Write a snapshot (arrays and JSON, no pickles), complete or not at all.

        `notes` is what the caller wants back with it, such as how far a journal has been read.
        """

    @abstractmethod
    def load(self, folder: Path) -> dict[str, str | int]:
        """Read a snapshot that `save` wrote for the same declarations; its notes. Raises `StateError`, and changes
        nothing, where there is none or it is not whole."""
