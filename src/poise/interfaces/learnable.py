"""Every row of each objective with its features as of its request, and which of them may be learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poise.data.lake import Lake
from poise.releases.examples import ObjectiveData, assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.learn_from import LearnFrom, kept
from poise.spec.system import SystemSpec
from poise.table import History

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Learnable:
    """data: objective -> its rows. histories: what was read of each source. keep: objective -> the rows that may be
    learned from, (n,), None: all."""

    system: SystemSpec
    data: Mapping[str, ObjectiveData]
    histories: Mapping[str, History]
    keep: Mapping[str, Flags | None]

    @classmethod
    def read(cls, system: SystemSpec, lake: Lake, limits: LearnFrom) -> Learnable:
        """The newest of the lake; the rows that `limits` leaves out are there too, and not kept."""
        extra = extra_names(system)
        plans = plans_of(system, extra)
        sources = read_sources(system, lake, plans, extra, limits=limits)
        data = assemble(system, plans, sources, extra)
        return cls(system, data, sources.histories, _kept(system, data, sources.histories, limits))

    def kept(self, limits: LearnFrom) -> dict[str, Flags | None]:
        """The same under other limits, none of whose columns was left unread."""
        return _kept(self.system, self.data, self.histories, limits)


def _kept(
    system: SystemSpec, data: Mapping[str, ObjectiveData], histories: Mapping[str, History], limits: LearnFrom
) -> dict[str, Flags | None]:
    return {name: kept(system, name, one.requests, histories, limits) for name, one in data.items()}
