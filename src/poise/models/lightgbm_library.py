"""LightGBM's C library, asked through ctypes: answers what Poise's kernels cannot answer exactly.

The package `lightgbm` is looked up but not imported: with it would come scikit-learn and pandas, and a second of
a server's start. https://lightgbm.readthedocs.io/en/stable/C-API.html
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import numpy as np

from poise.errors import MissingExtra, StateError
from poise.models.base import Floats
from poise.models.forest_text import NotServed

FLOAT64, RAW_SCORE, ROW_MAJOR = 1, 1, 1
"""Constants of the C API."""
OPTIONS = b"num_threads=1 verbosity=-1"
"""One thread, so that a server's threads stay its own."""


class LibraryScorer:
    """Raw scores by LightGBM itself, from a model text."""

    engine = "LightGBM"

    def __init__(self, text: str) -> None:
        self._library = library()
        self.bytes = len(text)
        self._handle = ctypes.c_void_p()
        rounds = ctypes.c_int()
        load = self._library.LGBM_BoosterLoadModelFromString
        self._checked(load(text.encode(), ctypes.byref(rounds), ctypes.byref(self._handle)))
        weakref.finalize(self, self._library.LGBM_BoosterFree, self._handle)
        width, features = ctypes.c_int(), ctypes.c_int()
        self._checked(self._library.LGBM_BoosterGetNumClasses(self._handle, ctypes.byref(width)))
        self._checked(self._library.LGBM_BoosterGetNumFeature(self._handle, ctypes.byref(features)))
        self._width, self._features = width.value, features.value

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features) in C order."""
        out = np.zeros((len(X), self._width))
        if X.shape[1] != self._features or X.dtype != np.float64 or not X.flags.c_contiguous:
            raise StateError(f"LightGBM's model reads rows of {self._features} float64 columns; {X.shape[1]} came")
        if len(X):
            shape = FLOAT64, ctypes.c_int32(len(X)), ctypes.c_int32(self._features), ROW_MAJOR
            every_round, length = (0, -1), ctypes.c_int64()
            where = ctypes.byref(length), ctypes.c_void_p(out.ctypes.data)
            rows = ctypes.c_void_p(X.ctypes.data)
            predict = self._library.LGBM_BoosterPredictForMat
            self._checked(predict(self._handle, rows, *shape, RAW_SCORE, *every_round, OPTIONS, *where))
        return out

    def sides(self, request: Sequence[int], item: Sequence[int]) -> NoReturn:
        """Raises `NotServed`: LightGBM scores whole rows."""
        raise NotServed("LightGBM answers, which scores whole rows")

    def _checked(self, code: int) -> None:
        if code:
            raise StateError(f"LightGBM does not take this model: {self._library.LGBM_GetLastError().decode()}")


@cache
def library() -> ctypes.CDLL:
    """The shared library of the installed package. Raises `MissingExtra`, which names what is to be installed."""
    found = find_spec("lightgbm")
    places = [] if found is None else [Path(place) for place in found.submodule_search_locations or ()]
    files = [file for place in places for file in sorted(place.glob("*/lib_lightgbm.*")) if file.suffix != ".lib"]
    if not files:
        raise MissingExtra("LightGBM is not installed: there is no lib_lightgbm", hint="pip install lightgbm")
    try:
        loaded = ctypes.CDLL(str(files[0]))
    except OSError as error:  # the library is there, the OpenMP library it links against is not
        raise MissingExtra(
            f"LightGBM does not load: {error}",
            hint="install the system package libgomp1 (Debian, Ubuntu) or libgomp (Fedora, Alpine)",
        ) from error
    loaded.LGBM_GetLastError.restype = ctypes.c_char_p
    return loaded
