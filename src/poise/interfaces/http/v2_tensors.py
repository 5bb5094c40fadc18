"""Tensors of the Open Inference Protocol V2 as columns: what a tensor's text or bytes hold, one value per row.

The protocol has no word for a missing value. Here it is null in JSON, NaN in a tensor of floats (which columns of whole
numbers and of booleans take too), and in a tensor of BYTES the text that the parameter `missing` names.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from poise.errors import RequestError, TooLarge
from poise.serving.body import described
from poise.serving.limits import Limits

BYTES, BOOL, FP64, INT64 = "BYTES", "BOOL", "FP64", "INT64"
NUMBERS = {
    "FP64": "<f8",
    "FP32": "<f4",
    "FP16": "<f2",
    "INT64": "<i8",
    "INT32": "<i4",
    "INT16": "<i2",
    "INT8": "i1",
    "UINT64": "<u8",
    "UINT32": "<u4",
    "UINT16": "<u2",
    "UINT8": "u1",
}
"""Datatypes of numbers, and how NumPy calls their little-endian bytes."""
DATATYPES = (BYTES, BOOL, *NUMBERS)
_LENGTH = struct.Struct("<I")
_WIDTH = {**{name: np.dtype(kind).itemsize for name, kind in NUMBERS.items()}, BOOL: 1}


def datatype_of(column: str) -> str:
    """The datatype by which the metadata calls an input of column type `column`.

    >>> datatype_of("int"), datatype_of("category")
    ('INT64', 'BYTES')
    """
    return {"int": INT64, "float": FP64, "bool": BOOL}.get(column, BYTES)


def datatypes_for(column: str) -> tuple[str, ...]:
    """The datatypes in which an input of column type `column` may be sent."""
    if column in ("int", "float"):
        return tuple(NUMBERS)
    return (BOOL, *NUMBERS) if column == "bool" else (BYTES,)


def rows_of(shape: Sequence[int], place: str, limits: Limits) -> int:
    """n of the shape [n] or [n, 1]. Raises `RequestError` for another, `TooLarge` for too many rows.

    >>> rows_of([3, 1], "inputs.carrier", Limits())
    3
    """
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)) or shape[0] < 1:
        allowed = "[n] or [n, 1], where n is the number of rows, at least 1"
        raise RequestError(f"the shape {str(list(shape))[:60]} came", field=place, allowed=allowed)
    if shape[0] > limits.rows:
        raise TooLarge(f"{described(shape[0])} of rows came", field=place, allowed=f"1 to {limits.rows:,} rows")
    return shape[0]


def of_json(data: list[Any], rows: int, place: str) -> list[Any]:
    """The `rows` values of a tensor that is written in JSON, flat or nested as its shape. None is missing.

    >>> of_json([["UA"], [None]], 2, "inputs.carrier")
    ['UA', None]
    """
    if len(data) != rows:
        raise RequestError(f"{len(data):,} values came", field=place, allowed=f"{rows:,}, as its shape says")
    if not any(isinstance(value, list) for value in data):
        return data
    at = next((i for i, value in enumerate(data) if not isinstance(value, list) or len(value) != 1), None)
    if at is not None:
        raise RequestError(f"{described(data[at])} came", field=f"{place}[{at}]", allowed="one value per row")
    return [value[0] for value in data]


def of_bytes(raw: memoryview, rows: int, datatype: str, place: str) -> list[Any]:
    """The `rows` values of a tensor that came in binary form: little-endian, BYTES each after its length (4 bytes).

    NaN is missing. Raises `RequestError` where the bytes are not what the shape and the datatype say.

    >>> of_bytes(memoryview(np.array([1.5, np.nan]).tobytes()), 2, "FP64", "inputs.distance")
    [1.5, None]
    >>> of_bytes(memoryview(b"\\x02\\x00\\x00\\x00UA"), 1, "BYTES", "inputs.carrier")
    ['UA']
    """
    if datatype == BYTES:
        return _strings(raw, rows, place)
    if len(raw) != rows * _WIDTH[datatype]:
        allowed = f"{rows * _WIDTH[datatype]:,} bytes for {rows:,} x {datatype}"
        raise RequestError(f"{len(raw):,} bytes came", field=place, allowed=allowed)
    if datatype == BOOL:
        flags = np.frombuffer(raw, np.uint8)
        if (flags > 1).any():
            at = int((flags > 1).argmax())
            raise RequestError(f"the byte {int(flags[at])} came", field=f"{place}[{at}]", allowed="0 or 1")
        return [flag == 1 for flag in flags.tolist()]
    values = np.frombuffer(raw, NUMBERS[datatype])
    found: list[Any] = values.tolist()
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return found
    endless = np.isinf(values)
    if endless.any():
        at = int(endless.argmax())
        raise RequestError(f"{found[at]} came", field=f"{place}[{at}]", allowed="a finite number, or NaN for missing")
    return [None if value != value else value for value in found]


def _strings(raw: memoryview, rows: int, place: str) -> list[str]:
    out: list[str] = []
    at, end = 0, len(raw)
    while len(out) < rows and at + _LENGTH.size <= end:
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(raw, at)[0]
        if at > end:
            break
        try:
            out.append(str(raw[start:at], "utf-8"))
        except UnicodeDecodeError:
            raise RequestError("it is not UTF-8", field=f"{place}[{len(out)}]", allowed="text in UTF-8") from None
    if len(out) != rows or at != end:
        allowed = f"{rows:,} texts, each after its length as 4 bytes, and nothing after them"
        raise RequestError(f"the {end:,} bytes hold something else", field=place, allowed=allowed)
    return out
