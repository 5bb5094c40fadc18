"""JSON lines with numbers that Polars cannot hold: one such number would cost all lines that are read with it.

Whole numbers of 39 digits and more, and numbers beyond all floats, are JSON. Their line is written anew with them as
strings, since every value is read as its text anyway: then it is for the type of their column to say what they mean.
"""

from __future__ import annotations

import io

import msgspec
import polars as pl

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_LONG, _HIGH = b"0" * 39, b"0e000"
"""What a line with such a number has in it, once its digits are zeros and it has no plus: 39 digits, or an exponent of
three."""


def may_be_beyond(line: bytes) -> bool:
    """Whether a number of `line` may be one that Polars cannot hold; quickly, and where it is not sure, yes.

    >>> may_be_beyond(b'{"x": 1e999}'), may_be_beyond(b'{"x": 1e99}'), may_be_beyond(b'{"id": "5e117"}')
    (True, False, True)
    """
    shape = line.translate(_SHAPE, b"+")
    return _HIGH in shape or _LONG in shape


def readable(line: bytes) -> str | None:
    """Why Polars cannot read `line` as JSON; None where it can."""
    try:
        pl.read_ndjson(io.BytesIO(line), schema={"": pl.String()})
    except pl.exceptions.PolarsError as error:
        return str(error).splitlines()[0]
    return None


def mended(line: bytes) -> bytes:
    r"""A JSON object, on one line, with values that hold such a number as strings of what was written.

    Raises `msgspec.DecodeError` or `msgspec.ValidationError` where it is no JSON object.

    >>> mended(b'{"x": 1e999, "y": [1E+400], "z": 1e300}')
    b'{"x":"1e999","y":"[1E+400]","z":1e300}'
    """
    values = {name: bytes(raw) for name, raw in _OBJECT.decode(line).items()}
    beyond = {name for name, raw in values.items() if may_be_beyond(raw) and readable(b'{"":' + raw + b"}")}
    spelt = {name: raw.decode() if name in beyond else msgspec.Raw(raw) for name, raw in values.items()}
    return msgspec.json.encode(spelt)
