"""One pass over the bytes of a JSON text that is known to be valid: keys sent twice, nesting, and undeclared keys.

A parser that gives values forgets both of two equal keys and where it met unknown ones; this looks at the keys alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from poise.data.id_hash import FNV, PRIME, Hashes, finished, of_strings

MOST_KEYS = 256
"""Keys of one object that are compared; of an object with more, nothing is said here."""
_MOST_STRANGE = 16
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """What the keys of a text are like.

    depth: the deepest nesting, counting no further than 64. unclear: a key stands twice in its object, or has an escape
    in it, or its object has very many: a parser that sees pairs must look. strange: keys of rows that are not declared,
    16 at most.
    """

    depth: int
    unclear: bool
    strange: tuple[str, ...]


def declared_keys(names: Sequence[str]) -> Hashes:
    """The keys that rows may have, as `keys` wants them."""
    return np.sort(of_strings(list(names)))


def keys(text: bytes, declared: Hashes) -> Keys:
    """Look at the keys of `text`: one object, or a list of them. Rows are the outermost objects.

    >>> keys(b'[{"a": 1, "b": {"c": 2}}]', declared_keys(["a"]))
    Keys(depth=3, unclear=False, strange=('b',))
    >>> keys(b'{"a": 1, "a": 2}', declared_keys(["a"])).unclear
    True
    """
    data = np.frombuffer(text, np.uint8)
    depth, unclear, places = _keys(data, declared)
    if not len(places):
        return Keys(depth, unclear, ())
    found = [text[start:end].decode() for start, end in places.tolist()]
    return Keys(depth, unclear, tuple(dict.fromkeys(found)))


@njit(cache=True, nogil=True)
def _keys(text, declared):  # type: ignore[no-untyped-def]
    held = np.empty((_DEEPEST + 1) * MOST_KEYS, np.uint64)  # hashes of the keys of each open object
    counts = np.zeros(_DEEPEST + 1, np.int64)
    objects = np.zeros(_DEEPEST + 1, np.bool_)
    strange = np.empty((_MOST_STRANGE, 2), np.int64)
    strangers, depth, deepest, unclear, key_next = 0, 0, 0, False, False
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
            key_next = byte == 123
        elif byte == 125 or byte == 93:  # } ]
            depth -= 1
            key_next = False
            if depth < 0:
                break
        elif byte == 44:  # ,
            key_next = objects[depth]
        at += 1
    return deepest, unclear, strange[:strangers]
