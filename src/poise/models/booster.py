"""LightGBM itself: the only module that imports it. Fits trees, and answers what the kernel cannot answer exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from poise.errors import MissingExtra
from poise.models.base import Floats
from poise.models.forest_text import NotServed

# Waiting OpenMP threads spin by default, which makes training up to five times slower where another program uses a
# core (measured: 33 s against 8 s). A short spin costs nothing when the machine is idle. Read when libgomp loads.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

try:
    import lightgbm
except OSError as error:  # the package is there, the OpenMP library it links against is not
    raise MissingExtra(
        f"LightGBM does not load: {error}",
        hint="install the system package libgomp1 (Debian, Ubuntu) or libgomp (Fedora, Alpine)",
    ) from error
except ImportError as error:
    raise MissingExtra(f"LightGBM is not installed: {error}", hint="pip install lightgbm") from error

__all__ = ["BoosterScorer", "lightgbm"]


class BoosterScorer:
    """Raw scores by LightGBM, from a model text. One thread, so that a server's threads stay its own."""

    engine = "LightGBM"

    def __init__(self, text: str) -> None:
        self.booster = lightgbm.Booster(model_str=text)
        self.width = int(self.booster.num_model_per_iteration())

    def raw(self, X: Floats) -> Floats:
        """Scores (n, k) of rows X, float64 (n, features)."""
        if not len(X):
            return np.zeros((0, self.width))
        scores = self.booster.predict(X, raw_score=True, num_threads=1)
        return np.ascontiguousarray(np.asarray(scores, np.float64).reshape(len(X), self.width))

    def sides(self, request: Sequence[int], item: Sequence[int]) -> NoReturn:
        """Raises `NotServed`: LightGBM scores whole rows."""
        raise NotServed("LightGBM answers, which scores whole rows")
