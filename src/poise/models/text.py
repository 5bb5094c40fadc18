"""Text as numbers: hashed words and pairs of words, weighed by TF-IDF. One hash in batch and online, stable for ever.

A bucket is the CRC-32 of a word's UTF-8 bytes (a pair mixes those of its two words) modulo 2^18. Only buckets that
occurred in training are kept. Term counts enter as 1 + log(count), document frequencies smoothed and logarithmic
(Salton and Buckley, 1988); each text has length 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.table import Column

BUCKETS = 2**18
MOST_TERMS = 30_000
"""The most frequent buckets are kept."""
MOST_CHARACTERS = 100_000
"""Longer texts are read to this point, so that one request cannot take a second."""
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Sparse rows: row i holds `values[starts[i]:starts[i + 1]]` at the positions `columns[…]`, ascending."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats


def buckets_of(text: str) -> NDArray[np.int64]:
    """Buckets of the words and of the pairs of neighbouring words of a text, in order.

    >>> len(buckets_of("Very good food")), bool((buckets_of("good") == buckets_of("GOOD!")).all())
    (5, True)
    """
    words = WORD.findall(text[:MOST_CHARACTERS].lower())
    hashes = np.array([crc32(word.encode("utf-8", "surrogatepass")) for word in words], np.int64)
    pairs = (hashes[:-1] * 0x9E3779B1 + hashes[1:] * 0x85EBCA77) >> 13
    return np.asarray(np.concatenate([hashes, pairs]) % BUCKETS)


@dataclass(frozen=True, slots=True, eq=False)
class TextTerms:
    """The buckets of one text column that are kept, ascending, and their inverse document frequencies, both (m,)."""

    buckets: NDArray[np.int64]
    frequency: Floats
    _place: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = np.full(BUCKETS, -1, np.int32)
        place[self.buckets] = np.arange(len(self.buckets), dtype=np.int32)
        object.__setattr__(self, "_place", place)

    @classmethod
    def learn(cls, column: Column, least: int = 2) -> TextTerms:
        """The buckets that occur in at least `least` rows."""
        counts = np.zeros(BUCKETS, np.int64)
        assert column.levels is not None
        rows = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
        for text, count in zip(column.levels.tolist(), rows.tolist(), strict=True):
            if count:
                counts[np.unique(buckets_of(text))] += count
        buckets = np.flatnonzero(counts >= least)
        if len(buckets) > MOST_TERMS:
            buckets = np.sort(buckets[np.argsort(-counts[buckets], kind="stable")[:MOST_TERMS]])
        return cls(buckets, np.log((1 + len(column)) / (1 + counts[buckets])) + 1)

    def __len__(self) -> int:
        return len(self.buckets)

    def rows(self, column: Column) -> Rows:
        """TF-IDF of n texts. A missing text has no terms. Each distinct text is read once."""
        assert column.levels is not None
        used, codes = np.unique(column.values, return_inverse=True)
        texts = [self._weigh(column.levels[v]) if v >= 0 else _nothing() for v in used.tolist()]
        sizes = np.array([len(places) for places, _ in texts], np.int64)[codes]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        if len(texts) == 1 and len(codes) == 1:
            return Rows(starts, *texts[0])
        parts = [texts[code] for code in codes.tolist()]
        columns = np.concatenate([places for places, _ in parts]) if parts else np.empty(0, np.int64)
        return Rows(starts, columns, np.concatenate([values for _, values in parts]) if parts else np.empty(0))

    def _weigh(self, text: Any) -> tuple[NDArray[np.int64], Floats]:
        places = np.sort(self._place[buckets_of(text)])
        places = places[np.searchsorted(places, 0) :]
        if not len(places):
            return _nothing()
        firsts = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
        found, counts = places[firsts], np.diff(firsts, append=len(places))
        values = (1.0 + np.log(counts)) * self.frequency[found]
        return found.astype(np.int64), values / np.sqrt(np.sum(values * values))


def _nothing() -> tuple[NDArray[np.int64], Floats]:
    return np.empty(0, np.int64), np.empty(0)
