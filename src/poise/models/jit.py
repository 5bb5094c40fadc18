"""Numba's compiler with Poise's settings: cached, without the interpreter lock, exact arithmetic.

The cache lies under `POISE_HOME` where that is set, else where Numba puts it. Where no place can be written to, the
functions are compiled at each start instead; `cache_note` then says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

cache_note: str | None = None
"""Why compiled functions are not cached, or None where they are."""

if os.environ.get("POISE_HOME") and not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(Path(os.environ["POISE_HOME"]).absolute() / "numba")


def compiled(function: F) -> F:
    """`function` compiled on its first call. `fastmath` stays off: sums are taken in the order that is written.

    >>> @compiled
    ... def twice(x):
    ...     return 2 * x
    >>> twice(2.0)
    4.0
    """
    global cache_note
    try:
        return cast(F, numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function))
    except (RuntimeError, OSError) as error:
        cache_note = f"compiled functions are not cached, the first answer takes seconds: {error}"
        return cast(F, numba.njit(nogil=True, fastmath=False, error_model="numpy")(function))
