"""Holding back: whether what is predicted rests on columns that something says are known too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poise.assessment.base import Finding
from poise.assessment.case import Case
from poise.assessment.leaving_out import inputs_of, listed
from poise.assessment.probing import together
from poise.evaluation.blocks import blocks_of
from poise.evaluation.bootstrap import BlockSums, Resampled
from poise.table import MISSING_TIME

CARRIES = 1 / 3
"""A verdict rests on columns without which so much of what is explained is lost, …"""
LEVEL = 0.99
"""… surely. Suspects that others stand in for decide nothing, and are only warned of."""


@dataclass(frozen=True, slots=True)
class Held:
    """The columns on which the verdict would rest; why the first is suspected; how sure it is that it rests on them."""

    columns: tuple[str, ...]
    why: str
    sure: float

    @property
    def sentence(self) -> str:
        """What a person must say."""
        return f"What is predicted rests on {listed(self.columns)}, which may be known too late. {self.why}"


def held_back(case: Case, found: Sequence[Finding]) -> Held | None:
    """The suspects, where what is predicted rests on them; None where it does not. Beside what certainly leaks."""
    certain = [name for one in found if one.weight == "stop" for name in one.columns]
    late = [one for one in found if one.late and one.weight == "warn"]
    columns = tuple(dict.fromkeys(name for one in late for name in one.columns if name not in certain))
    columns = tuple(name for name in columns if inputs_of(case, (name,)))
    if not columns:
        return None
    rest = case.without(*inputs_of(case, certain))
    lost = _lost(rest, tuple(inputs_of(rest, columns)))
    if lost is None:
        return None
    return Held(columns, late[0].sentence, 1 - lost.chance_below(0.0))


def _lost(case: Case, inputs: tuple[str, ...]) -> Resampled | None:
    """The share of what is uncertain that is lost without these inputs; None where it is no such part of the whole."""
    whole, without = together(case), together(case, inputs)
    keys = case.together
    blocks = blocks_of(np.full(len(whole.rows), MISSING_TIME), None if keys is None else keys[whole.rows])
    sums = [
        np.asarray(np.bincount(blocks.codes, one, blocks.count), np.float64)
        for one in (without.loss - whole.loss, whole.without)
    ]
    lost = Resampled(BlockSums(sums[0], sums[1]))
    return lost if lost.low(LEVEL) > 0 and lost.value >= CARRIES * whole.skill else None
