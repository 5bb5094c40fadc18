"""The keys of requests as a memory store knows them: strings by the numbers of their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poise.errors import StateError
from poise.stores.base import JoinedKey
from poise.stores.codes import Codes, encoded, stacked
from poise.stores.key_slots import KeySlots, Slots
from poise.stores.words import Words
from poise.table import Column, Kind, Same

Kinds = Mapping[str, Mapping[str, Kind | None]]
"""Source -> column -> its kind, None where no row has come yet."""
Keyed = tuple[str, Sequence[str | JoinedKey]]
"""A source and what its rows are kept by."""
_OF_WORDS = (None, "string")


def found(slots: KeySlots, words: Words, kinds: Kinds, of: Keyed, keys: Sequence[Column], height: int) -> Slots:
    """Where the keys of `height` requests stand, -1 for those that are not known or missing."""
    if height == 1 and keys and all(_kind(kinds, of, part) in _OF_WORDS for part in of[1]):
        one = [words.number(key.value) for key in keys if isinstance(key, Same) and key.kind == "string"]
        if len(one) == len(keys):
            return slots.find_words(np.array(one, np.int32).reshape(-1, 1))
    numbers = np.empty((len(keys), height), np.int32)
    for place, (part, key) in enumerate(zip(of[1], keys, strict=True)):
        if key.kind != "string" or _kind(kinds, of, part) not in _OF_WORDS:
            return slots.find(*asked(words, kinds, of, keys, height))
        numbers[place] = words.find(key)
    return slots.find_words(numbers) if keys else slots.find(*asked(words, kinds, of, keys, height))


def found_alone(slots: KeySlots, words: Words, kind: Kind | None, value: Any) -> int | None:
    """The same for one request's key of one part, of a source that keeps a `kind` there; value: Python's, None where it
    is missing. None for what only `found` can tell, or refuse."""
    if type(value) is str and kind in _OF_WORDS:
        number = words.number(value)
        return number if number < 0 else slots.find_one(number)
    if type(value) is float and kind == "number" and value == value:
        return slots.find_one(int(encoded(np.array([value]))[0].item(0)))
    return None


def asked(words: Words, kinds: Kinds, of: Keyed, keys: Sequence[Column], height: int) -> Codes:
    """The keys of `height` requests. Raises `StateError` for one of another kind than the rows'."""
    parts = []
    for part, column in zip(of[1], keys, strict=True):
        kind = _kind(kinds, of, part)
        if kind is not None and kind != column.kind and column.missing().all():
            column = Column.absent(kind, len(column))  # looked up where no row has come: the kind is not known yet
        if kind is not None and kind != column.kind:
            source, name = (of[0], part) if isinstance(part, str) else (part.source, part.column)
            raise StateError(f"'{name}' of '{source}' is a {kind}; a request's key came as a {column.kind}")
        parts.append(encoded(words.find(column) if column.kind == "string" else column.values))
    return stacked(parts, height)


def _kind(kinds: Kinds, of: Keyed, part: str | JoinedKey) -> Kind | None:
    return kinds[of[0]][part] if isinstance(part, str) else kinds[part.source][part.column]
