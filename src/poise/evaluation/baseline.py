"""Baselines that requirements compare with: which one it is, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from poise.evaluation.bootstrap import BlockSums

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Baseline(Generic[T]):
    """A baseline that exists. `name` is how a sentence calls it: `r3 (live)`, `the rule`."""

    name: str
    of: T
    instead: str = ""
    """Why it stands in for the one that was named; empty where it is that one."""


def baseline_of(
    wanted: str, found: Mapping[str, T], live: str | None, *, constant: str = "the constant", rule: str = "the rule"
) -> Baseline[T] | None:
    """The baseline `wanted` (`constant`, `rule`, `live`) among those `found`; None where none can stand in.

    Without a live release `live` means the rule, and without a rule the constant, which sentences call by `rule` and
    `constant`.

    >>> baseline_of("live", {"rule": 1, "constant": 2}, None)
    Baseline(name='the rule', of=1, instead='nothing is live')
    """
    names = {"live": f"{live} (live)", "rule": rule, "constant": constant}
    no_live = f"{live} has no values for these rows" if live else "nothing is live"
    why = {"live": no_live, "rule": "there is no rule"}
    instead: list[str] = []
    order = ["live", "rule", "constant"]
    for name in order[order.index(wanted) :]:
        if name in found:
            return Baseline(names[name], found[name], " and ".join(instead))
        instead.append(why.get(name, ""))
    return None


def difference(value: BlockSums, baseline: BlockSums, fraction: float) -> BlockSums:
    """By how much a value exceeds a fraction of a baseline, by block.

    The fraction counts in the baseline's size: 95 % of a profit of 100 is 95, and 95 % of a loss of 100 (a value of
    -100) is a loss of 105, 5 % worse.

    >>> import numpy as np
    >>> ones = np.ones(2)
    >>> difference(BlockSums(ones * 97, ones), BlockSums(ones * 100, ones), 0.95).value
    2.0
    >>> difference(BlockSums(ones * -104, ones), BlockSums(ones * -100, ones), 0.95).value
    1.0
    """
    sign = -1.0 if baseline.value < 0 else 1.0
    factor = round(1 + (fraction - 1) * sign, 12)
    return BlockSums(value.sums - factor * baseline.sums, value.sizes)
