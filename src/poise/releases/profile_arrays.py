"""Arrays in a profile's JSON: bytes, compressed, in base 64, so that a thousand quantiles take some kB."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.errors import StateError

MOST = 8_000_000
"""More bytes than this no array of a profile has: a file that claims more is not unpacked."""


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """An array of numbers as JSON. Whole numbers are kept as differences along the last axis, which compress better.

    >>> unpack(pack(np.array([[1, 5, 9]]))).tolist()
    [[1, 5, 9]]
    """
    whole = np.issubdtype(values.dtype, np.integer)
    kept = values.astype("<i8" if whole else "<f8")
    if whole and kept.size:
        kept = np.diff(kept, axis=-1, prepend=0)
        small = np.iinfo(np.int32)
        if kept.min() >= small.min and kept.max() <= small.max:
            kept = kept.astype("<i4")
    data = base64.b64encode(zlib.compress(_by_place(kept), 9)).decode("ascii")
    return {"kind": kept.dtype.str, "shape": list(values.shape), "data": data}


def unpack(content: dict[str, Any]) -> NDArray[Any]:
    """The array that `pack` made. Raises `StateError` where the content is none."""
    kind, shape = str(content["kind"]), tuple(int(n) for n in content["shape"])
    if kind not in ("<i4", "<i8", "<f8"):
        raise StateError(f"a profile holds an array of kind {kind!r}, which none is written with")
    expander = zlib.decompressobj()
    raw = expander.decompress(base64.b64decode(content["data"]), MOST)
    size = np.dtype(kind).itemsize
    if len(raw) != size * int(np.prod(shape, dtype=np.int64)):
        raise StateError("an array of a profile is not of the size that it says")
    flat = np.frombuffer(np.frombuffer(raw, np.uint8).reshape(size, -1).T.tobytes(), kind).reshape(shape)
    return np.cumsum(flat, axis=-1, dtype=np.int64) if kind != "<f8" else flat


def _by_place(values: NDArray[Any]) -> bytes:
    """First bytes of all numbers, then second ones …: equal bytes stand together."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(-1, values.dtype.itemsize).T.tobytes()
