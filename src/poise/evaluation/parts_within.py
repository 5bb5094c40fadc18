"""The parts of a conditional objective: those of its parent, so that no row is learned from by one and judged by both.

A decision multiplies an objective and what is `given` it (`order * value`). Were the second split on its own, it could
have learned from rows on which the product is judged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.evaluation.parts import LEAST, NAMES, Index, Split


def parts_within(
    parent: Split, of_parent: Index, known_at: NDArray[np.int64], groups: NDArray[np.int64] | None = None
) -> Split:
    """The parts of n rows, each in the part of the parent's row that it is.

    of_parent: the number of that row, (n,); known_at: when the rows' own labels were known, (n,), never before the
    parent's. A row whose label was not known yet when the next part began is left out, and so is one that the parent
    leaves out; both count as `border`. Raises `NotEnoughData` where a part would have too few rows.
    """
    part = np.full(len(parent.time), -1, np.int64)
    for number, name in enumerate(NAMES):
        part[parent.part(name)] = number
    mine = part[of_parent]
    found = [np.flatnonzero(mine == number) for number in range(len(NAMES))]
    if parent.kind == "time":
        for number, following in enumerate(NAMES[1:]):
            begins = parent.time[parent.part(following)].min()
            found[number] = found[number][known_at[found[number]] < begins]
    few = [
        f"{n} {len(rows):,} of at least {LEAST[n]}"
        for n, rows in zip(NAMES, found, strict=True)
        if len(rows) < LEAST[n]
    ]
    if few:
        raise NotEnoughData(
            f"the parts have too few rows: {', '.join(few)} (from {len(of_parent):,} usable rows)",
            hint="a conditional objective has the parts of the objective that it is given; change `parts`",
        )
    return Split(
        parent.kind,
        fit=found[0],
        tune=found[1],
        calibrate=found[2],
        judge=found[3],
        border=len(of_parent) - sum(map(len, found)),
        unusable=0,
        time=parent.time[of_parent],
        known_at=known_at,
        groups=np.arange(len(of_parent), dtype=np.int64) if groups is None else groups,
        strata=np.zeros(len(of_parent), np.int64),
        seed=parent.seed,
    )
