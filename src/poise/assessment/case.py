"""The case: one table as questions see it, with all that was decided while it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from poise.evaluation.blocks import Blocks, blocks_of
from poise.features.base import OutputType
from poise.models.base import Examples, Problem
from poise.spec.objective import ProblemType
from poise.spec.source import ColumnType
from poise.table import MISSING_TIME, Table

Index = NDArray[np.int64]
SEED = 0
ColumnKind = Literal["number", "flag", "category", "text", "time", "id", "constant", "empty", "other"]


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """What a column of the table was taken for.

    type: as a system file would declare it; format: strptime, where it is dates in another spelling than ISO 8601.
    inputs: what models see of it; empty where it was left out, which `dropped` explains.
    """

    name: str
    kind: ColumnKind
    type: ColumnType
    format: str | None = None
    inputs: tuple[str, ...] = ()
    dropped: str | None = None
    note: str | None = None
    """How its values were understood, where a reader may doubt it."""
    missing: float = 0.0
    """Share of rows without a value."""
    distinct: int = 0
    """Different values in the rows that were read."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What people say beside the data; every part may be absent.

    costs: what outcomes cost or bring, by name, as `--costs` gave it. sensitive: columns that people named as such.
    answers: what a person has answered and signed, by question. known: columns that are known in time, however late
    they look.
    """

    costs: Mapping[str, Any] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing can be learned from this table, before anything is tried, and what that means for the verdict."""

    sentence: str
    verdict: Literal["do not use ML", "collect data first"]
    change: str
    """What would have to be different."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One table, typed, sampled where it is large, with its target.

    table: the inputs of models, and other columns that questions may look at; types: those that are inputs.
    target: (n,) binary 0 and 1, regression the value, multi-class codes into `classes`. classes: for binary (no, yes).
    time: (n,) microseconds, `MISSING_TIME` everywhere without time. groups: (n,) rows of one key, None without a key.
    copies: (n,) a number that copies of one row share, None where rows are not copied.
    known_at: (n,) microseconds from which on the target of a row is known, None where that is not known: then at once.
    """

    name: str
    target_name: str
    problem: ProblemType
    table: Table
    types: Mapping[str, OutputType]
    target: NDArray[Any]
    classes: tuple[str, ...]
    time: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    copies: NDArray[np.int64] | None = None
    known_at: NDArray[np.int64] | None = None
    time_name: str | None = None
    key_name: str | None = None
    columns: Mapping[str, ReadColumn] = field(default_factory=dict)
    """Every column of the table by its own name."""
    notes: tuple[str, ...] = ()
    rows_in: int = 0
    """Rows of the table, before rows without a target were left out and a sample was drawn."""
    declared: Declared = field(default_factory=Declared)
    obstacle: Obstacle | None = None
    path: Path | None = None
    empty_too: Mapping[str, float] = field(default_factory=dict)
    """Of the rows that have no target, the share that lacks a value of each column too, where there are enough."""
    merged: int = 0
    """Classes of the target that were put together as one, being rare."""

    @property
    def rows(self) -> int:
        """How many rows can be learned from."""
        return len(self.target)

    @property
    def timed(self) -> bool:
        """Whether rows have a time, so that what is judged is later than what was learned from."""
        return bool(self.rows) and bool((self.time != MISSING_TIME).any())

    @property
    def dropped(self) -> dict[str, str]:
        """Columns that models do not see -> why."""
        return {name: column.dropped for name, column in self.columns.items() if column.dropped}

    @property
    def together(self) -> NDArray[np.int64] | None:
        """Rows that must not be parted, (n,): those of one key, else copies of one row; None where rows stand alone."""
        return self.groups if self.groups is not None else self.copies

    def column_of(self, input: str) -> str:
        """The column of the table that an input of models was made from."""
        return next((name for name, column in self.columns.items() if input in column.inputs), input)

    def examples(self, rows: Index | NDArray[np.bool_], names: tuple[str, ...] | None = None) -> Examples:
        """These rows for learners; `names`: only these inputs."""
        types = self.types if names is None else {name: self.types[name] for name in names}
        return Examples(self.table.select(types).take(rows), types, self.target[rows], None, self.time[rows])

    def blocks(self, rows: Index) -> Blocks:
        """What intervals over these rows resample: spans of time, or what belongs together. Where there are both, those
        within which targets resemble each other more, so that neither passes for more evidence than it is."""
        together = None if self.together is None else self.together[rows]
        found = blocks_of(self.time[rows], together)
        if together is None or not self.timed:
            return found
        apart = blocks_of(np.full(len(rows), MISSING_TIME), together)
        return apart if self._alike(rows, apart) > self._alike(rows, found) else found

    def _alike(self, rows: Index, blocks: Blocks) -> float:
        """How much targets of one block vary together: 1 where they know nothing of each other, more where they do."""
        target = self.target[rows]
        known = target[:, None] == np.arange(len(self.classes)) if self.problem == "multi-class" else target[:, None]
        apart = known - known.mean(axis=0)
        sums = np.stack([np.bincount(blocks.codes, one, blocks.count) for one in apart.T])
        return float((sums**2).sum() / max(float((apart**2).sum()), 1e-300))

    def to_problem(self, threads: int = 1, seed: int = SEED) -> Problem:
        """What learners are told."""
        classes = self.classes if self.problem == "multi-class" else ()
        return Problem(self.problem, classes, seed=seed, threads=threads)

    def take(self, rows: Index | NDArray[np.bool_]) -> Case:
        """The same case with these rows only."""
        return replace(
            self,
            table=self.table.take(rows),
            target=self.target[rows],
            time=self.time[rows],
            groups=None if self.groups is None else self.groups[rows],
            copies=None if self.copies is None else self.copies[rows],
            known_at=None if self.known_at is None else self.known_at[rows],
        )

    def without(self, *inputs: str) -> Case:
        """The same case without these inputs."""
        return replace(self, types={name: of for name, of in self.types.items() if name not in inputs})

    def shuffled(self) -> Case:
        """The same case as if its rows had no time: later rows help to predict earlier ones."""
        return replace(self, time=np.full(self.rows, MISSING_TIME, np.int64), known_at=None)
