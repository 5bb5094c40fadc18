"""The profile of a release: what it was trained and judged on, in under a megabyte, so that monitoring never reads the
training data again.

`profile.json` stands in the release folder and is sealed with it. Releases that were made before there was such a file
have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.formats import CURRENT, migrate
from poise.releases.plain_json import read_json
from poise.releases.profile_arrays import pack, unpack
from poise.releases.profile_column import ColumnProfile

FILE = "profile.json"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SliceProfile:
    """One level of a slice of the judged rows. score: by the objective's metric, NaN where it is not defined;
    predicted, came_true: means (NaN of classes and labels); quantiles: 33 of the prediction, empty of classes."""

    rows: int
    score: float
    predicted: float
    came_true: float
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ObjectiveProfile:
    """What a release predicted of rows that its models were not fitted on (*calibrate* and *judge*).

    scores: name -> the predictions; the objective's own name, of several classes or labels `objective.class`.
    performance: per block of the profile (m, 4): rows, score by `metric`, mean prediction, mean truth; NaN where a
    block has none. slices: `by` -> level -> what was judged of it.
    """

    type: str
    metric: str
    classes: tuple[str, ...]
    scores: Mapping[str, ColumnProfile]
    performance: Floats
    slices: Mapping[str, Mapping[str, SliceProfile]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """columns: source that is predicted for -> column (feature or column of the request) -> what it was like.

    Blocks of all columns and scores are the same: block i covers [start + i * step, start + (i + 1) * step)
    microseconds; `step` is 0 where rows have no time, and everything is one block. terms: term -> its predicted value
    for what was chosen.
    """

    start: int
    step: int
    unit: str
    columns: Mapping[str, Mapping[str, ColumnProfile]]
    objectives: Mapping[str, ObjectiveProfile]
    terms: Mapping[str, ColumnProfile] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Objective -> the columns that its model reads; `decision` -> what its terms read."""

    @property
    def end(self) -> int:
        """The end of the last block, in microseconds."""
        count = max((len(one.blocks) for each in self.columns.values() for one in each.values()), default=0)
        return self.start + self.step * count

    def block(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """The block of each T; those after the profile have larger numbers than its last."""
        if not self.step:
            return np.zeros(len(time), np.int64)
        return (time - self.start) // self.step

    @classmethod
    def read(cls, folder: Path) -> Profile | None:
        """The profile of the release in `folder`; None of a release that was made before there were profiles."""
        path = folder / FILE
        if not path.is_file():
            return None
        content = migrate("profile", read_json(path), where=str(path))
        return cls(
            start=content["start"],
            step=content["step"],
            unit=content["unit"],
            columns={per: _columns(each) for per, each in content["columns"].items()},
            objectives={name: _objective(one) for name, one in content["objectives"].items()},
            terms=_columns(content["terms"]),
            reads={name: tuple(read) for name, read in content["reads"].items()},
        )

    def to_json(self) -> dict[str, Any]:
        """The content of `profile.json`."""
        return {
            "format": CURRENT["profile"],
            "start": self.start,
            "step": self.step,
            "unit": self.unit,
            "columns": {per: _put(each) for per, each in self.columns.items()},
            "objectives": {name: _put_objective(one) for name, one in self.objectives.items()},
            "terms": _put(self.terms),
            "reads": {name: list(read) for name, read in self.reads.items()},
        }


def _columns(content: Mapping[str, Any]) -> dict[str, ColumnProfile]:
    return {name: ColumnProfile.from_json(one) for name, one in content.items()}


def _put(columns: Mapping[str, ColumnProfile]) -> dict[str, Any]:
    return {name: one.to_json() for name, one in columns.items()}


def _objective(content: Mapping[str, Any]) -> ObjectiveProfile:
    slices = {by: {level: _slice(one) for level, one in levels.items()} for by, levels in content["slices"].items()}
    classes, scores = tuple(content["classes"]), _columns(content["scores"])
    return ObjectiveProfile(content["type"], content["metric"], classes, scores, unpack(content["performance"]), slices)


def _put_objective(one: ObjectiveProfile) -> dict[str, Any]:
    slices = {by: {level: _put_slice(each) for level, each in levels.items()} for by, levels in one.slices.items()}
    head = {"type": one.type, "metric": one.metric, "classes": list(one.classes)}
    return head | {"scores": _put(one.scores), "performance": pack(one.performance), "slices": slices}


def _slice(content: Mapping[str, Any]) -> SliceProfile:
    score, predicted, true = (
        float("nan") if content[name] is None else content[name] for name in ("score", "predicted", "came_true")
    )
    return SliceProfile(content["rows"], score, predicted, true, tuple(content["quantiles"]))


def _put_slice(one: SliceProfile) -> dict[str, Any]:
    numbers = {"score": one.score, "predicted": one.predicted, "came_true": one.came_true}
    said = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
    return {"rows": one.rows, **said, "quantiles": list(one.quantiles)}
