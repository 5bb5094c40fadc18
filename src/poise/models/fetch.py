"""Memory that is needed soon, asked for before it is: what is kept of a list's items lies scattered."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

LINE = 64
"""Bytes that come from memory at once."""


@intrinsic  # type: ignore[untyped-decorator]
def fetch(typing: Any, address: Any) -> Any:
    """Ask for a line of memory, at a place in bytes that is right or wrong for speed alone, and go on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, place = ir.IntType(32), builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(fetch, [place, number(0), number(3), number(1)])  # to read, into the nearest cache, data
        return context.get_dummy_value()

    return types.void(address), generate
