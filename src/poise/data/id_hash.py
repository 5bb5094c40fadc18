"""The 64-bit hash of a row's identity: equal values have equal hashes in every process, on every machine.

Strings are hashed by their UTF-8 bytes, numbers and instants by their 64 bits: FNV-1a, then the finaliser of
splitmix64. The same text gives the same hash whether it comes as Python strings or as the bytes of a Polars column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poise.jit import compiled, compiled_part

Hashes = NDArray[np.uint64]

FNV, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""The start and the multiplier of FNV-1a."""
ABSENT = np.uint64(0x9E3779B97F4A7C15)
"""The hash of a missing value."""


def of_strings(values: Sequence[str]) -> Hashes:
    """One hash per string, shape (n,).

    >>> of_strings(["o1", "o2"])[0] == of_strings(["o1"])[0]
    np.True_
    """
    text = "".join(values)
    if text.isascii():
        lengths = list(map(len, values))
        data = text.encode()
    else:
        pieces = [value.encode("utf-8", "surrogatepass") for value in values]
        lengths, data = list(map(len, pieces)), b"".join(pieces)
    return of_pieces(data, np.array(lengths, np.int64))


def of_pieces(data: bytes, lengths: NDArray[np.int64]) -> Hashes:
    """One hash per piece of `data`, given the pieces' lengths in bytes, which add up to all of it."""
    ends = np.empty(len(lengths) + 1, np.int64)
    ends[0] = 0
    np.cumsum(lengths, out=ends[1:])
    return _hashed(np.frombuffer(data, np.uint8), ends)


def of_numbers(values: NDArray[np.int64] | NDArray[np.float64]) -> Hashes:
    """One hash per number or instant: whole numbers by their int64, others by their float64; -0.0 is 0.0."""
    plain = np.ascontiguousarray(values + 0.0 if values.dtype.kind == "f" else values)
    ends = np.arange(0, 8 * len(plain) + 1, 8, dtype=np.int64)
    return _hashed(plain.astype(plain.dtype.newbyteorder("<"), copy=False).view(np.uint8), ends)


def together(parts: Sequence[Hashes]) -> Hashes:
    """One hash per row of several columns; their order matters."""
    whole = parts[0]
    for part in parts[1:]:
        left, whole = whole, np.empty(len(whole), np.uint64)
        _join(left, part, whole)
    return whole


def _hashed(text: NDArray[np.uint8], ends: NDArray[np.int64]) -> Hashes:
    out = np.empty(len(ends) - 1, np.uint64)
    text = text.view()
    text.flags.writeable = False  # as what comes from Python's bytes: one type, so that it is compiled once
    _of_bytes(text, ends, out)
    return out


@compiled_part
def finished(code):  # type: ignore[no-untyped-def]
    """splitmix64 of one number: every bit of it depends on every bit of `code`."""
    code = code + np.uint64(0x9E3779B97F4A7C15)
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return code ^ (code >> np.uint64(31))


@compiled
def _join(left, right, out):  # type: ignore[no-untyped-def]
    for row in range(len(left)):
        out[row] = finished((left[row] * PRIME) ^ right[row])


@compiled
def _of_bytes(text, ends, out):  # type: ignore[no-untyped-def]
    for piece in range(len(out)):
        code = FNV
        for position in range(ends[piece], ends[piece + 1]):
            code = (code ^ np.uint64(text[position])) * PRIME
        out[piece] = finished(code)
