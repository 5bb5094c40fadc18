"""How far rows lie from a profile: effect sizes, which say how much and not how sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.releases.profile_column import ColumnProfile, Tally

Floats = NDArray[np.float64]
LEAST_SHARE = 1e-4
"""What the population stability index takes an empty bin for: its logarithm would be infinite."""


def ks(profile: ColumnProfile, tally: Tally) -> float:
    """The largest distance of the two distribution functions (Kolmogorov-Smirnov), over all blocks of `tally`.

    Within 1e-3 of the exact one: the sketch holds so many quantiles, and both sides of each point are compared, so that
    values that occur often count fully. NaN where either has no values.
    """
    here = int((tally.rows - tally.missing).sum())
    if not here or not profile.present or tally.below is None:
        return float("nan")
    upto = profile.upto / profile.present - tally.counts.sum(axis=0) / here
    below = profile.below / profile.present - tally.below.sum(axis=0) / here
    return float(max(np.abs(upto).max(), np.abs(below).max()))


def total_variation(profile: ColumnProfile, tally: Tally) -> float:
    """Half the sum of the differences of the shares of levels: the share of rows that would have to change.

    Levels that the profile does not name are one of their own. NaN where either has no values.
    """
    usual, now = bins(profile, tally)
    return float(np.abs(usual - now).sum() / 2) if len(usual) else float("nan")


def variation_of_few(profile: ColumnProfile, tally: Tally) -> float:
    """As `total_variation`, over the levels alone of which the profile counts blocks, all others being one.

    Of hundreds of levels most do not occur in a few hundred rows, which is no change: so far as blocks may be held
    against those of the profile, they are counted alike. NaN where either has no values.
    """
    usual, now = bins(profile, tally)
    named = np.zeros(len(usual), np.bool_)
    named[: len(profile.edges)] = True
    return _apart(usual[named], now[named]) if len(usual) else float("nan")


def _apart(usual: Floats, now: Floats) -> float:
    """Half the sum of differences, with that of all other shares together."""
    return float((np.abs(usual - now).sum() + abs(usual.sum() - now.sum())) / 2)


def psi(profile: ColumnProfile, tally: Tally) -> float:
    """The population stability index (Siddiqi, Credit Risk Scorecards, 2006) over the profile's few bins or its levels.

    Above 0.25 is commonly called large. NaN where either has no values.
    """
    usual, now = (np.maximum(one, LEAST_SHARE) for one in bins(profile, tally))
    return float(((now - usual) * np.log(now / usual)).sum()) if len(usual) else float("nan")


def jensen_shannon(profile: ColumnProfile, tally: Tally) -> float:
    """The Jensen-Shannon distance (base 2, from 0 to 1; Endres & Schindelin 2003) over the same shares as `psi`."""
    usual, now = bins(profile, tally)
    if not len(usual):
        return float("nan")
    middle = (usual + now) / 2
    parts = [one[one > 0] * np.log2(one[one > 0] / middle[one > 0]) for one in (usual, now)]
    return float(np.sqrt(max(0.0, sum(part.sum() for part in parts) / 2)))


def bins(profile: ColumnProfile, tally: Tally) -> tuple[Floats, Floats]:
    """The shares of the profile's rows and of those of `tally` in each bin: between edges, of categories each named
    level and all others; empty where either has no values."""
    here = int((tally.rows - tally.missing).sum())
    if not here or not profile.present:
        return np.zeros(0), np.zeros(0)
    now = tally.counts.sum(axis=0)
    if profile.kind == "category":
        others = profile.present - profile.upto.sum()
        unseen = here - now.sum()
        return np.append(profile.upto, others) / profile.present, np.append(now, unseen) / here
    usual, now = profile.upto[profile.edges], now[profile.edges]
    return _between(usual, profile.present), _between(now, here)


def _between(cumulated: NDArray[np.int64], whole: int) -> Floats:
    return np.asarray(np.diff(cumulated, prepend=0, append=whole) / whole, np.float64)
