"""The items of a list as a column: strings that are all different, in the order in which they came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.table import Column


class Different(Column):
    """What `Column.strings` gives for `words` that are all different, with the arrays made only where somebody asks:
    what is kept of items is found by the words themselves.

    >>> dishes = Different(["pho", "udon"])
    >>> len(dishes), dishes.values.tolist(), dishes.levels.tolist(), dishes.listed(np.array([1]))
    (2, [0, 1], ['pho', 'udon'], ['udon'])
    """

    __slots__ = ("_made", "words")

    words: list[str]
    _made: Column | None

    def __init__(self, words: list[str]) -> None:
        """words: nobody changes them."""
        _set_kind(self, "string")
        _set_words(self, words)
        _set_made(self, None)

    @property
    def values(self) -> NDArray[Any]:
        """As of any column, made when first asked for."""
        return self._arrays().values

    @property
    def levels(self) -> NDArray[Any] | None:
        """As of any column."""
        return self._arrays().levels

    def __len__(self) -> int:
        return len(self.words)

    def missing(self) -> NDArray[np.bool_]:
        """False in all rows."""
        return np.zeros(len(self.words), np.bool_)

    def gone(self) -> int:
        """None is missing."""
        return 0

    def to_list(self) -> list[Any]:
        """The words."""
        return list(self.words)

    def listed(self, index: NDArray[np.intp]) -> list[Any]:
        """The words at these positions."""
        words = self.words
        return [words[at] for at in index.tolist()]

    def _arrays(self) -> Column:
        made = self._made
        if made is None:
            made = Column.coded(np.arange(len(self.words), dtype=np.int32), self.words)
            _set_made(self, made)
        return made


_set_kind = vars(Column)["kind"].__set__
_set_words, _set_made = (vars(Different)[name].__set__ for name in ("words", "_made"))
