"""Memory that is needed soon, asked for before it is: what is kept of a list's items lies scattered."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from poise.jit import compiled_part

LINE = 64
"""Bytes that come from memory at once."""


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(typing: Any, address: Any) -> Any:
    """Ask for a line of memory, and go on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, place = ir.IntType(32), builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(fetch, [place, number(0), number(3), number(1)])  # to read, into the nearest cache, data
        return context.get_dummy_value()

    return types.void(address), generate


@compiled_part
def fetch(values: NDArray[Any], rows: NDArray[np.int64], first: int, last: int) -> None:
    """Ask for `values[rows[i]]`, i from `first` to before `last`, which is right or wrong for speed alone."""
    size = values.shape[1] * values.itemsize
    for i in range(first, last):
        at = values.ctypes.data + rows[i] * size
        for line in range(0, size + LINE - 1, LINE):
            _fetch(at + line)
