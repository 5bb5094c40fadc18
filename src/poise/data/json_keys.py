"""One pass over the bytes of a JSON text: where its rows are, keys sent twice, nesting, and undeclared keys.

A parser that gives values forgets the first of two equal keys and where it met unknown ones; this looks at the keys
alone. Of a text that is no JSON it says something or other: a parser must have the word on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import FNV, PRIME, Hashes, finished, of_strings
from poise.jit import compiled

MOST_KEYS = 256
"""Keys of one object that are compared; of an object with more, nothing is said here."""
_MOST_STRANGE = 16
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """What the keys of a text are like, and where its rows are.

    rows: start and end of each object of a list, (n, 2), at most `most` + 1 of them. depth: the deepest nesting,
    counting no further than 64. unclear: a key stands twice in its object, or has an escape in it, or its object has
    very many: a parser that sees pairs must look. strange: keys of rows that are not declared, 16 at most.
    """

    rows: NDArray[np.int64]
    depth: int
    unclear: bool
    strange: tuple[str, ...]


def declared_keys(names: Sequence[str]) -> Hashes:
    """The keys that rows may have, as `keys` wants them."""
    return np.sort(of_strings(list(names)))


def keys(text: bytes, declared: Hashes, most: int = 1) -> Keys:
    """Look at the keys of `text`: one object, or a list of them. Rows are the outermost objects.

    >>> found = keys(b'[{"a": 1, "b": {"c": 2}}]', declared_keys(["a"]))
    >>> found.rows.tolist(), found.depth, found.unclear, found.strange
    ([[1, 24]], 3, False, ('b',))
    >>> keys(b'{"a": 1, "a": 2}', declared_keys(["a"])).unclear
    True
    """
    data = np.frombuffer(text, np.uint8)
    depth, unclear, places, rows = _keys(data, declared, np.empty((most + 1, 2), np.int64))
    if not len(places):
        return Keys(rows, depth, unclear, ())
    found = [text[start:end].decode("utf-8", "replace") for start, end in places.tolist()]
    return Keys(rows, depth, unclear, tuple(dict.fromkeys(found)))


@compiled
def _keys(text, declared, rows):  # type: ignore[no-untyped-def]
    held = np.empty((_DEEPEST + 1) * MOST_KEYS, np.uint64)  # hashes of the keys of each open object
    counts = np.zeros(_DEEPEST + 1, np.int64)
    objects = np.zeros(_DEEPEST + 1, np.bool_)
    strange = np.empty((_MOST_STRANGE, 2), np.int64)
    row, strangers, depth, deepest, unclear, key_next = 0, 0, 0, 0, False, False
    rows_at = 1 if len(text) and text[0] == 123 else 2
    at, size = 0, len(text)
    while at < size:
        byte = text[at]
        if byte == 34:  # "
            at += 1
            start, code, escaped = at, FNV, False
            while at < size and text[at] != 34:
                if text[at] == 92:  # \
                    escaped = True
                    at += 1
                elif key_next:
                    code = (code ^ np.uint64(text[at])) * PRIME
                at += 1
            if key_next:
                code = finished(code)
                first, count = depth * MOST_KEYS, counts[depth]
                unclear |= escaped or count == MOST_KEYS
                for other in range(first, first + count):
                    unclear |= held[other] == code
                if count < MOST_KEYS:
                    held[first + count] = code
                    counts[depth] += 1
                if depth == rows_at and strangers < _MOST_STRANGE:
                    place = np.searchsorted(declared, code)
                    if place == len(declared) or declared[place] != code:
                        strange[strangers, 0], strange[strangers, 1] = start, at
                        strangers += 1
                key_next = False
        elif byte == 123 or byte == 91:  # { [
            depth += 1
            deepest = max(deepest, depth)
            if depth > _DEEPEST:
                break
            counts[depth], objects[depth] = 0, byte == 123
            if depth == rows_at and byte == 123:
                if row == len(rows):
                    break
                rows[row, 0] = at
            key_next = byte == 123
        elif byte == 125 or byte == 93:  # } ]
            if (
                depth == rows_at and byte == 125 and row < len(rows)
            ):  # text that is no JSON may close more than it opened
                rows[row, 1] = at + 1
                row += 1
            depth -= 1
            key_next = False
            if depth < 0:
                break
        elif byte == 44:  # ,
            key_next = objects[depth]
        at += 1
    return deepest, unclear, strange[:strangers], rows[:row]
