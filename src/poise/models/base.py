"""What a learner and a model promise, and what they are given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from poise.features.base import OutputType
from poise.spec.objective import ProblemType
from poise.table import Table

if TYPE_CHECKING:
    from poise.spec.expression import Expression, Type

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows to learn from, in the order of (T, id).

    features: columns by name; those named in `types` are inputs of models, others serve a declared rule only.
    types: `number`, `category` or `text` per input.
    target: shape (n,); binary 0 and 1, regression the value, multi-class codes into the classes; multi-label (n, k).
    weight: shape (n,), or None where all rows weigh the same.
    time: T of each row in microseconds, `MISSING_TIME` where the system has no time.
    """

    features: Table
    types: Mapping[str, OutputType]
    target: NDArray[Any]
    weight: Floats | None
    time: NDArray[np.int64]

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.target)

    @property
    def weights(self) -> Floats:
        """The weight of each row, 1 where none is given."""
        return np.ones(self.height) if self.weight is None else self.weight

    def take(self, index: NDArray[Any]) -> Examples:
        """The rows at `index` (positions or a boolean mask), in that order."""
        weight = None if self.weight is None else self.weight[index]
        return Examples(self.features.take(index), self.types, self.target[index], weight, self.time[index])

    def with_target(self, target: NDArray[Any]) -> Examples:
        """The same rows with another target."""
        return Examples(self.features, self.types, target, self.weight, self.time)

    def of_type(self, *types: OutputType) -> tuple[str, ...]:
        """Names of the inputs of these types, in order.

        >>> from poise.table import Column
        >>> rows = Table({"x": Column.numbers([1.0]), "s": Column.strings(["a"])})
        >>> Examples(rows, {"x": "number", "s": "text"}, np.ones(1), None, np.zeros(1, np.int64)).of_type("text")
        ('s',)
        """
        return tuple(name for name, type in self.types.items() if type in types)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be predicted, and the means.

    classes: sorted classes of multi-class, names of the labels of multi-label, else empty.
    rule: what a person would do, an expression over columns of `Examples.features`, if the objective declares one.
    rule_types: the expression language's type of each name in `rule`; default by the column's storage.
    alike: inputs that are the same for all that is compared when models answer (the place in a list): a rule over one
    of them alone would tell nothing apart.
    """

    type: ProblemType
    classes: tuple[str, ...] = ()
    rule: Expression | None = None
    seed: int = 0
    threads: int = 1
    rule_types: Mapping[str, Type] | None = field(default=None)
    alike: frozenset[str] = frozenset()

    @property
    def many(self) -> bool:
        """Whether a prediction is one number per class or label, shape (n, k), and not one number, shape (n,)."""
        return self.type in ("multi-class", "multi-label")

    @property
    def width(self) -> int:
        """Numbers per prediction: 1, or one per class or label."""
        return len(self.classes) if self.many else 1


@dataclass(frozen=True, slots=True)
class Engine:
    """What gives a model's raw scores: its name in few words, the bytes it reads, the seconds it took to make ready."""

    name: str
    bytes: int
    seconds: float


class Model(ABC):
    """A fitted rung. It answers with NumPy and Numba only and is the same, bit for bit, after `save` and `load`."""

    kind: ClassVar[str]
    """Its name in the registry's table of models."""
    notes: tuple[str, ...]
    """A sentence for each guard that acted and for each thing that could not be done."""

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """The columns that `predict` reads."""

    @property
    @abstractmethod
    def importance(self) -> dict[str, float]:
        """Share of each input in what the model does, summing to 1; empty where it uses none."""

    @abstractmethod
    def predict(self, features: Table) -> Floats:
        """Predictions for n rows: (n,) probabilities or values, or (n, k) probabilities of k classes or labels.

        A row's answer does not depend on the rows beside it.
        """

    def one(self, features: Table) -> float:
        """The same for one row, where a prediction is one number."""
        return float(self.predict(features).item())

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write JSON, native text and arrays into `folder`, which is made; the same model gives the same bytes."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises `StateError` where a file is absent or of a newer format."""

    def describe(self) -> str:
        """The model in a few words, for reports."""
        return self.kind

    @property
    def engine(self) -> Engine | None:
        """What gives its scores, where there is more than one way to."""
        return None


class Learner(ABC):
    """One rung of the ladder."""

    name: ClassVar[str]
    order: ClassVar[int]
    """Complexity: climbing starts at the lowest."""
    works_with: ClassVar[frozenset[ProblemType]]

    @abstractmethod
    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> Model:
        """Learn from `fit`; choose settings (regularisation, rounds) by `tune`, which the model may not learn from.

        Raises `NotEnoughData` where this rung cannot be learned from these rows, with the reason.
        """

    @abstractmethod
    def refit(self, model: Model, problem: Problem, examples: Examples) -> Model:
        """The settings of `model`, which this learner fitted, learned anew from `examples` (fit + tune)."""

    def fit_like(self, model: Model, problem: Problem, fit: Examples, tune: Examples) -> Model:
        """`fit` on other rows, but with those settings of `model` whose search costs most; default: search anew."""
        return self.fit(problem, fit, tune)


EVERY_PROBLEM: frozenset[ProblemType] = frozenset({"binary", "regression", "multi-class", "multi-label"})
