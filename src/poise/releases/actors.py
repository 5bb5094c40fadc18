"""How much of what is learned may come from one actor: whoever sends more rows than that weighs less a row.

With at_most 0.2 %, and a thousand actors, nobody's rows weigh more together than max(0.2 %, 3 / 1,000) of all that a
learner is given: of each set of rows that something is learned from, early stopping and calibration included. Rows
without an actor weigh 1 and count among all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.words import number
from poise.features.keys import joint_codes
from poise.features.labels import label_rows
from poise.releases.part import Count, Number, Part
from poise.spec.system import SystemSpec
from poise.table import History, Requests

Floats = NDArray[np.float64]
LEAST_SHARES = 3
"""However low `at_most` is, an actor may have so many times the share of an equal part: where there are few, all would
be capped."""


class TrustResult(Part):
    """What a cap did to the rows that were learned from: `capped` of `actors` had `had` of the weight in all."""

    source: str = "?"
    actor: str = "?"
    at_most: Number = None
    share: Number = None
    actors: Count = None
    capped: Count = None
    had: Number = None


@dataclass(frozen=True, slots=True, eq=False)
class Actors:
    """Who brought each of n rows, by a source that says so: `codes` (n,), -1 where nobody did."""

    source: str
    actor: str
    at_most: float
    codes: NDArray[np.int64]


def actors_of(
    system: SystemSpec, objective: str, requests: Requests, histories: Mapping[str, History]
) -> tuple[Actors, ...]:
    """Who brought the rows of an objective, and who its labels, for those of the two sources that cap it."""
    spec = system.objectives[objective]
    found = []
    trust = system.sources[spec.per].trust
    if trust is not None:
        column = requests.rows[trust.actor]
        found.append(Actors(spec.per, trust.actor, trust.at_most, joint_codes([column], [column])[0]))
    source = spec.label.from_
    trust = None if source is None or source == spec.per else system.sources[source].trust
    if source is not None and trust is not None:
        rows = label_rows(system, objective, requests, histories)
        column = histories[source].rows[trust.actor]
        codes = np.append(joint_codes([column], [column])[0], -1)[rows]
        found.append(Actors(source, trust.actor, trust.at_most, codes))
    return tuple(found)


def weights_of(actors: Sequence[Actors], rows: NDArray[Any], own: Floats | None = None) -> Floats | None:
    """The weight of each of some rows, (n,), the least of all caps; None where nobody is above any and all weigh 1.

    own: what each row weighs before that, (n,), as where older rows weigh less.
    """
    found = [capped(one.codes[rows], one.at_most, own) for one in actors]
    weights = [weight for weight in found if weight is not None]
    return np.minimum.reduce(weights) if weights else own


def capped(codes: NDArray[np.int64], at_most: float, own: Floats | None = None) -> Floats | None:
    """Weights (n,) by which no actor has more than max(at_most, 3 / actors) of their sum; None where nobody has more.

    own: what each row weighs before that, (n,); default 1.

    >>> capped(np.array([0] * 97 + list(range(1, 51))), 0.01)[:97].sum().round(6)
    np.float64(3.125)
    >>> capped(np.arange(50), 0.01) is None
    True
    """
    weight = np.ones(len(codes)) if own is None else own
    sums = np.bincount(codes[codes >= 0], weight[codes >= 0])
    cap = _cap(sums, float(weight[codes < 0].sum()), at_most)
    if cap is None:
        return None
    each = np.minimum(1.0, cap / np.where(sums > 0, sums, 1.0))
    return np.asarray(np.append(each, 1.0)[codes] * weight, np.float64)


def trust_results(actors: Sequence[Actors], rows: NDArray[Any]) -> list[dict[str, Any]]:
    """What each cap did to `rows`, which were learned from."""
    out = []
    for one in actors:
        codes = one.codes[rows]
        counts = np.bincount(codes[codes >= 0])
        cap = _cap(counts, int((codes < 0).sum()), one.at_most)
        over = counts > (np.inf if cap is None else cap)
        present = int((counts > 0).sum())
        out.append({
            "source": one.source,
            "actor": one.actor,
            "at_most": one.at_most,
            "share": share_of(one.at_most, present),
            "actors": present,
            "capped": int(over.sum()),
            "had": float(counts[over].sum() / max(len(rows), 1)),
        })  # fmt: skip
    return out


def trust_words(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each cap that acted.

    >>> one = {"source": "orders", "actor": "user", "share": 0.03, "actors": 100, "capped": 1, "had": 0.3}
    >>> trust_words([one])
    ['1 of 100 values of orders.user had 30% of the rows that were learned from, and weighs at most 3% there.']
    """
    said = []
    for one in results:
        if one["capped"]:
            who = f"{one['capped']:,} of {one['actors']:,} values of {one['source']}.{one['actor']}"
            weighs = "weighs" if one["capped"] == 1 else "each weighs"
            had, most = number(100 * one["had"]), number(100 * one["share"])
            said.append(f"{who} had {had}% of the rows that were learned from, and {weighs} at most {most}% there.")
    return said


def share_of(at_most: float, actors: int) -> float:
    """The share that one of so many actors may have."""
    return min(1.0, max(at_most, LEAST_SHARES / max(actors, 1)))


def _cap(counts: NDArray[Any], others: float, at_most: float) -> float | None:
    """The most that an actor's rows may weigh together; None where nobody is above it.

    It is the share of a sum that it lowers itself: with the k largest at the cap c and the rest of the rows R at 1,
    c = share * (R + k * c).
    """
    sizes = np.sort(counts[counts > 0])[::-1].astype(np.float64)
    share = share_of(at_most, len(sizes))
    if not len(sizes) or sizes[0] <= share * (sizes.sum() + others):
        return None
    rest = others + sizes.sum() - np.cumsum(sizes)  # with the first k + 1 at the cap
    held = np.arange(1, len(sizes) + 1) * share
    for k in range(len(sizes)):
        if held[k] >= 1:
            break
        cap = float(share * rest[k] / (1 - held[k]))
        if k + 1 == len(sizes) or sizes[k + 1] <= cap:
            return cap
    return None
