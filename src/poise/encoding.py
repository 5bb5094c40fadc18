"""Answers and their records as JSON: plain values, numbers of NumPy's, structs; NaN is null."""

from __future__ import annotations

import msgspec
import numpy as np

from poise.errors import PoiseError


def plain(value: object) -> object:
    """A number of NumPy's as Python's own. Raises `PoiseError` for what JSON has no form for."""
    if isinstance(value, np.generic):
        return value.item()
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise PoiseError(f"the answer holds a value of type {kind}, which JSON cannot say", hint="plain Python and NumPy")


encode = msgspec.json.Encoder(enc_hook=plain).encode
"""Anything as the bytes of its JSON."""
