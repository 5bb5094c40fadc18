"""What was to be expected of each row, by a model that had not seen it: of the history's newer half and of what is new.

The history's newer half says how far labels usually fall from what was expected of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.releases.examples import ObjectiveData
from poise.updating.guard_impact import Trial

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

FEWEST, MOST = 3, 8
"""Windows of the history; as many as have about the rows of what is new."""
LEAST_ROWS = 200
"""With fewer new rows, or fewer in a window of the history, nothing is expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Of each row of a yes-or-no objective how likely yes was, (n,), NaN where nothing is known; and its window, (n,):
    0 to `windows` - 1 in the history, in the order of time, `windows` for what is new, -1 where there is none."""

    likely: Floats
    window: Ints
    windows: int

    def new(self, held: Flags) -> Flags:
        """The new rows that are not held."""
        return np.asarray((self.window == self.windows) & ~held, np.bool_)


def expected(data: ObjectiveData, trial: Trial, new: Flags, held: Flags) -> Expected | None:
    """Learn from the history's older half to predict its newer, and from all of it to predict what is new; None where
    rows are too few, or the objective is not of yes or no."""
    history = ~new & ~held
    known, fresh = np.flatnonzero(history), np.flatnonzero(new)
    newer = known[len(known) // 2 :]
    if data.spec.type != "binary" or len(fresh) < LEAST_ROWS or len(newer) < FEWEST * LEAST_ROWS:
        return None
    older = np.zeros(len(new), np.bool_)
    older[known[: len(known) // 2]] = True
    windows = int(np.clip(len(newer) // len(fresh), FEWEST, min(MOST, len(newer) // LEAST_ROWS)))
    likely, window = np.full(len(new), np.nan), np.full(len(new), -1, np.int64)
    for learned, rows in ((older, newer), (history, fresh)):
        said = trial.predicted(learned, rows)
        if said is None:
            return None
        likely[rows] = said
    window[newer] = np.arange(len(newer)) * windows // len(newer)
    window[fresh] = windows
    return Expected(np.clip(likely, 1e-4, 1 - 1e-4), window, windows)
