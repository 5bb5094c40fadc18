"""What a monitor promises, and what it may read: a frozen view of a running system, gathered once for all monitors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from poise.monitoring.finding import Finding
from poise.releases.profile import Profile
from poise.spec.system import SystemSpec
from poise.table import Column, Table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n rows of one source that the release answered, or would have answered: aligned arrays in the order of T.

    Where rows came in and were not asked for, features are those of T from the lake and predictions what the release
    says of them (`answered` is False), so that a system can be watched before anybody calls it.
    """

    per: str
    time: Ints
    """T in microseconds, (n,)."""
    columns: Table
    """Features and columns of the request, as models saw them."""
    predictions: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Objective -> (n,), or (n, k) of classes and labels; NaN where nothing was predicted."""
    terms: Mapping[str, Floats] = field(default_factory=dict)
    """Term -> (n,), as predicted for what was chosen or shown; NaN where it was not."""
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Objective -> (n,) or (n, k), NaN where the truth is not mature."""
    slices: Mapping[str, Column] = field(default_factory=dict)
    """`by` of a requirement or a declared slice -> its column."""
    ids: Column | None = None
    """The id of each row, where its source has one column for that."""
    answered: bool = False

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """What came in of one source, in m blocks of `Watched.step` from `start`: counts (m,) by event time.

    `missing`: column -> of how many rows it is missing, (m,). `refused`: rows set apart, (m,) by when they came;
    `last`: the largest event time, in microseconds. All are None or empty where the source has no time. `gap`: the
    longest time between two rows in the time of the profile, in microseconds; None where there were fewer than two.
    """

    source: str
    start: int
    counts: Ints
    missing: Mapping[str, Ints]
    refused: Ints
    last: int | None
    gap: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Everything that monitors may read. Nothing here changes while they look.

    `since` and `until` bound the window in T (microseconds, [since, until)); `as_of` is the clock's now; `mature`:
    objective -> the latest T whose labels can all be known. `step`: microseconds of a block.
    """

    system: SystemSpec
    release: str
    profile: Profile | None
    since: int
    until: int
    as_of: int
    step: int
    rows: Mapping[str, Rows] = field(default_factory=dict)
    """Source that is predicted for -> its rows in the window."""
    arrivals: Mapping[str, Arrivals] = field(default_factory=dict)
    mature: Mapping[str, int] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)
    """What other stations measured, by name (latencies, costs, when releases were made), for monitors that read it."""


class Monitor(ABC):
    """One question that is asked of a running system again and again. A plug-in is one file, registered by its code."""

    code: ClassVar[str]
    """Stable; never given to another monitor: `PM03`."""
    name: ClassVar[str]
    what: ClassVar[str]
    """The question, for readers."""
    tells_performance: ClassVar[bool] = False
    """Whether its findings say how well objectives are predicted: drift is weighed against those. Their
    `detail["objective"]` names which, `detail["realised"]` says whether by labels (else by an estimate)."""
    drifts: ClassVar[bool] = False
    """Whether its alarms are of drift, which matters only where performance moved with it."""

    @abstractmethod
    def look(self, watched: Watched) -> Sequence[Finding]:
        """What it finds, one finding per subject, also of what is fine. Never raises for what the data are like.

        A finding of a statistical test carries `detail["p"]`; its level is what it would be if it stood alone. One
        control of false discoveries over all of them (`poise.monitoring.looking`) takes back what may be chance.
        """
