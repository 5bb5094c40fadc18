"""Which identities are known: a set of 64-bit hashes in one array, for millions of ids in little memory.

A hash that is not in the set belongs to no known row. One that is belongs to a known row nearly always (two of ten
million ids share a hash once in 400,000 such sets), so that a hit is looked up exactly before it decides anything.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poise.data.id_hash import Hashes, finished
from poise.errors import StateError
from poise.jit import compiled, compiled_part

FULLEST = 0.75
"""Share of places taken at which the array doubles: 8 bytes per place, so 11 to 21 bytes per id."""
_LEAST = 1 << 10


class KnownIds:
    """A set of hashes. Open addressing with linear probing; places depend on a secret of each set, so that nobody can
    send ids that all want one place.

    expected: how many hashes it should hold before it must grow.

    >>> known = KnownIds()
    >>> known.add(np.array([7, 8, 7], np.uint64)).tolist()
    [True, True, False]
    >>> known.contains(np.array([8, 9], np.uint64)).tolist(), len(known)
    ([True, False], 2)
    """

    def __init__(self, expected: int = 0) -> None:
        self._secret = np.uint64(secrets.randbits(64))
        self._places = np.zeros(_room(expected), np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def memory(self) -> int:
        """Bytes that it takes."""
        return int(self._places.nbytes)

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Add them; True where a hash was not there before, of equal ones the first. Shape (n,)."""
        if self._count + len(hashes) > FULLEST * len(self._places):
            self._grow(self._count + len(hashes))
        fresh = np.zeros(len(hashes), np.bool_)
        _add(self._places, hashes, self._secret, fresh)
        self._count += int(fresh.sum())
        return fresh

    def contains(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of them are there, shape (n,)."""
        return np.asarray(_contains(self._places, hashes, self._secret))

    def remove(self, hashes: Hashes) -> None:
        """Take them out; those that are not there are passed over."""
        self._count -= int(_remove(self._places, hashes, self._secret))

    def save(self, path: Path) -> None:
        """Write the hashes to a `.npy` file, 8 bytes per id."""
        with path.open("wb") as stream:
            np.save(stream, self._places[self._places != 0], allow_pickle=False)

    @classmethod
    def load(cls, path: Path) -> KnownIds:
        """Read what `save` wrote. Raises `StateError` where there is no such file or it is not whole."""
        try:
            hashes = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StateError(f"the known ids in {path} cannot be read: {error}", hint="they are rebuilt") from None
        if hashes.dtype != np.uint64 or hashes.ndim != 1:
            raise StateError(f"{path} holds {hashes.dtype} of shape {hashes.shape}, not hashes", hint="remove it")
        known = cls(int(1.2 * len(hashes)))
        known.add(hashes)
        return known

    def _grow(self, count: int) -> None:
        held = self._places[self._places != 0]
        self._places = np.zeros(_room(count), np.uint64)
        _add(self._places, held, self._secret, np.zeros(len(held), np.bool_))


def _room(count: int) -> int:
    """The least power of two with places for `count` hashes."""
    room = _LEAST
    while count > FULLEST * room:
        room *= 2
    return room


@compiled_part
def _home(code, secret, mask):  # type: ignore[no-untyped-def]
    """The place where a hash is looked for first."""
    return finished(code ^ secret) & mask


@compiled_part
def _place(places, code, secret):  # type: ignore[no-untyped-def]
    """Where a hash stands, or the free place where it would."""
    mask = np.uint64(len(places) - 1)
    at = _home(code, secret, mask)
    while places[at] != np.uint64(0) and places[at] != code:
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def _add(places, hashes, secret, fresh):  # type: ignore[no-untyped-def]
    for row in range(len(hashes)):
        code = max(hashes[row], np.uint64(1))  # 0 marks a free place
        at = _place(places, code, secret)
        if places[at] == np.uint64(0):
            places[at] = code
            fresh[row] = True


@compiled
def _contains(places, hashes, secret):  # type: ignore[no-untyped-def]
    found = np.empty(len(hashes), np.bool_)
    for row in range(len(hashes)):
        code = max(hashes[row], np.uint64(1))
        found[row] = places[_place(places, code, secret)] == code
    return found


@compiled
def _remove(places, hashes, secret):  # type: ignore[no-untyped-def]
    """Free the places of hashes; those behind move up, so that every search still ends where it should."""
    mask = np.uint64(len(places) - 1)
    gone = 0
    for row in range(len(hashes)):
        hole = _place(places, max(hashes[row], np.uint64(1)), secret)
        if places[hole] == np.uint64(0):
            continue
        gone += 1
        places[hole] = np.uint64(0)
        at = (hole + np.uint64(1)) & mask
        while places[at] != np.uint64(0):
            home = _home(places[at], secret, mask)
            if ((at - home) & mask) >= ((at - hole) & mask):  # its search passes the hole
                places[hole], places[at] = places[at], np.uint64(0)
                hole = at
            at = (at + np.uint64(1)) & mask
    return gone
