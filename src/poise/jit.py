"""Numba's compiler with Poise's settings: cached, exact arithmetic, and as little to compile as will do.

The cache lies under `POISE_HOME` where that is set, else where Numba puts it. Where no place can be written to, the
functions are compiled at each start instead; `cache_note` then says so.

What the first start costs is mostly the width of the code, not its length. To add or assign whole arrays (`a[:] = b`,
`a - b`, `np.diff`) brings checks of shapes whose message alone takes two seconds to compile; a loop takes none of it
and runs as fast.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.extending import register_jitable

Function = Callable[..., Any]

cache_note: str | None = None
"""Why compiled functions are not cached, or None where they are."""

if os.environ.get("POISE_HOME") and not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(Path(os.environ["POISE_HOME"]).absolute() / "numba")


def compiled(function: Function) -> Any:
    """`function` compiled on its first call, without the interpreter lock. `fastmath` stays off: sums are taken in the
    order that is written.

    >>> @compiled
    ... def twice(x):
    ...     return 2 * x
    >>> twice(2.0)
    4.0
    """
    return _compiled(function, nogil=True)


def compiled_locked(function: Function) -> Any:
    """The same, but the interpreter lock is kept: for arrays that other threads could change meanwhile."""
    return _compiled(function, nogil=False)


def compiled_part(function: Function) -> Any:
    """A part of compiled functions: what Python would need to call it is not compiled. Called from Python, it runs as
    Python.

    >>> @compiled_part
    ... def half(x):
    ...     return x / 2
    >>> @compiled
    ... def quarter(x):
    ...     return half(half(x))
    >>> quarter(2.0)
    0.5
    """
    return register_jitable(no_cfunc_wrapper=True, error_model="numpy")(function)


def _compiled(function: Function, **options: bool) -> Any:
    global cache_note
    try:
        return numba.njit(cache=True, no_cfunc_wrapper=True, error_model="numpy", **options)(function)
    except (RuntimeError, OSError) as error:
        cache_note = f"compiled functions are not cached, the first answer takes seconds: {error}"
        return numba.njit(no_cfunc_wrapper=True, error_model="numpy", **options)(function)
