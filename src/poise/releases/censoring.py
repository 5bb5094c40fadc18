"""Rows of which an action hid what came of them: they are neither false nor forgotten, but unknown, and are counted.

A blocked payment never shows whether it was fraud. What is learned from the others alone is learned from rows that
somebody let through: where it is known how probable that was, each row that was seen stands for all that were as
likely to be seen, so that it weighs the inverse of that probability (Horvitz and Thompson, A generalization of sampling
without replacement from a finite universe, JASA 47, 1952).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.data.taken import Taken, read_taken
from poise.evaluation.words import number
from poise.features.labels import Labels
from poise.releases.part import Count, Number, Part
from poise.spec.decision import Decision
from poise.spec.system import SystemSpec
from poise.table import Requests

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
MOST_WEIGHT = 20.0
"""No row weighs more than so many: one that was seen by a chance of 1 in 1,000 would else decide what is learned."""


class CensoringResult(Part):
    """What actions hid of an objective. `rows` were decided on, `hidden` of them cannot be learned from; of `known` it
    is known by what chance they were to be seen, `never` of them had none; of the seen ones `clipped` would weigh more
    than `most`; `effective`: so many rows of one weight they are worth."""

    actions: tuple[str, ...] = ()
    rows: Count = None
    hidden: Count = None
    unknown: Count = None
    known: Count = None
    never: Count = None
    clipped: Count = None
    most: Number = None
    effective: Number = None


@dataclass(frozen=True, slots=True, eq=False)
class Censored:
    """The rows of one objective: `hidden` where its label is, by `chance` a row was to be seen (NaN: not known), and
    where it is `decided` what was done, each (n,)."""

    actions: tuple[str, ...]
    hidden: Mask
    chance: Floats
    decided: Mask

    @property
    def weights(self) -> Floats:
        """What each row weighs, (n,): 1 where its chance is not known."""
        with np.errstate(divide="ignore"):
            weight = np.minimum(1 / self.chance, MOST_WEIGHT)
        return np.asarray(np.where(np.isnan(weight), 1.0, weight), np.float64)

    def result(self, usable: Mask) -> dict[str, Any]:
        """For the evidence; `usable`: the rows that would be learned from or judged on, hidden ones among them."""
        seen, known = usable & ~self.hidden, usable & ~np.isnan(self.chance)
        weights = self.weights[seen]
        return {
            "actions": list(self.actions),
            "rows": int(usable.sum()),
            "hidden": int((usable & self.hidden).sum()),
            "unknown": int((usable & ~self.decided).sum()),
            "known": int(known.sum()),
            "never": int((known & (self.chance <= 0)).sum()),
            "clipped": int((seen & known & (self.chance < 1 / MOST_WEIGHT)).sum()),
            "most": MOST_WEIGHT,
            "effective": float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0,
        }


def taken_of(system: SystemSpec, lake: Lake) -> Taken | None:
    """What the log says of rows that were decided on; None where no action hides anything."""
    decision = system.decision
    if decision is None or not decision.censors:
        return None
    identity = system.sources[decision.per].identity
    return read_taken(lake, decision.per, identity[0] if len(identity) == 1 else None, decision.censors)


def taken_columns(system: SystemSpec, per: str) -> set[str]:
    """The columns of a row that say which action was taken on it."""
    decision = system.decision
    if decision is None or decision.per != per or decision.taken is None:
        return set()
    said = (decision.taken.action, decision.taken.shown, decision.taken.decision)
    return {name for name in said if name is not None}


def censored(system: SystemSpec, objective: str, requests: Requests, taken: Taken | None) -> Censored | None:
    """Which rows of an objective are hidden by what was done; None where no action hides its label, or its parent's."""
    decision = system.decision
    if decision is None or taken is None or system.objectives[objective].per != decision.per:
        return None
    if objective not in decision.censors:
        parent = system.objectives[objective].given
        return None if parent is None else censored(system, parent, requests, taken)
    hiding = decision.censors[objective]
    action, chance = _by_columns(decision, requests)
    for ids in _ids(system, decision, requests):
        at = taken.rows(ids)
        for row in np.flatnonzero(at >= 0).tolist():
            action[row], chance[row] = taken.action[at[row]], taken.shown[objective][at[row]]
    hidden = np.array([one in hiding for one in action], np.bool_)
    return Censored(hiding, hidden, chance, np.array([one is not None for one in action], np.bool_))


def _by_columns(decision: Decision, requests: Requests) -> tuple[list[str | None], Floats]:
    """What columns of the rows say: the action, and by what chance one was taken that shows the label."""
    own, n = decision.taken, requests.height
    action: list[str | None] = [None] * n
    chance = np.full(n, np.nan)
    if own is not None and own.action is not None:
        action = [None if one is None else str(one) for one in requests.rows[own.action].to_list()]
    if own is not None and own.shown is not None:
        said = np.asarray(requests.rows[own.shown].values, np.float64)
        chance = np.where((said >= 0) & (said <= 1), said, np.nan)
    return action, chance


def _ids(system: SystemSpec, decision: Decision, requests: Requests) -> list[list[Any]]:
    """Under which ids the log may know the rows, the surest last."""
    found = []
    identity = system.sources[decision.per].identity
    if len(identity) == 1:
        found.append(requests.rows[identity[0]].to_list())
    if decision.taken is not None and decision.taken.decision is not None:
        found.append(requests.rows[decision.taken.decision].to_list())
    return found


def without_hidden(labels: Labels, found: Censored | None) -> Labels:
    """The labels with those not usable that an action hid; counted as `censored`."""
    if found is None:
        return labels
    hidden = labels.usable & found.hidden
    usable = labels.usable & ~found.hidden
    counts = dict(labels.counts) | {"usable": int(usable.sum()), "censored": int(hidden.sum())}
    return replace(labels, usable=usable, counts=counts)


def censoring_unknown(found: Mapping[str, Any] | None) -> list[str]:
    """What the rows that were seen cannot tell of the others, in sentences.

    >>> one = {"actions": ["block"], "rows": 100, "hidden": 10, "unknown": 0, "known": 0, "never": 0}
    >>> censoring_unknown(one)[0][:72]
    'what rows came to that block hid (10 of 100). By what chance rows were s'
    """
    if not found:
        return []
    rows, hidden, by, said = found["rows"], found["hidden"], " and ".join(found["actions"]), []
    if hidden and not found["known"]:
        said.append(
            f"what rows came to that {by} hid ({hidden:,} of {rows:,}). By what chance rows were seen is not known"
            f" either, so that what is learned holds for such rows as were let through, and may be wrong for those that"
            f" {by} is for (selection bias). Explore, or name the column that says it: decision.taken.shown."
        )
    if found["never"]:
        said.append(
            f"what {found['never']:,} rows came to that had no chance at all of being seen: predictions for such rows"
            " are guesses (selection bias). Only exploration shows what they would have come to."
        )
    return said


def censoring_words(found: Mapping[str, Any] | None) -> list[str]:
    """What people should know of that, in sentences.

    >>> censoring_words({"actions": ["block"], "rows": 100, "hidden": 10, "unknown": 0, "known": 0, "never": 0,
    ...                  "clipped": 0, "most": 20.0, "effective": 90.0})
    ['Of 100 rows 10 are hidden by block: what came of them is not known, and nothing is learned from them.']
    """
    if not found:
        return []
    rows, hidden, known = found["rows"], found["hidden"], found["known"]
    by = " and ".join(found["actions"])
    said = [f"Of {rows:,} rows {hidden:,} are hidden by {by}: what came of them is not known, and nothing is learned"
            " from them."] if hidden else []  # fmt: skip
    if known:
        said.append(
            f"Of {known:,} rows the chance of being seen is known: those that were weigh its inverse, at most"
            f" {number(found['most'])} ({found['clipped']:,} were held there), and are worth"
            f" {found['effective']:,.0f} rows of one weight."
        )
        if known < rows:
            said.append(f"Of the other {rows - known:,} it is not known; they weigh 1 each.")
    if found["unknown"]:
        said.append(f"Of {found['unknown']:,} rows nothing says what was done; they count as seen.")
    return said
