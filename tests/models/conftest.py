"""Real data bundled with scikit-learn, and odd shapes, as `Examples`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import datasets

from poise.models.base import Examples, Problem
from poise.table import MISSING_TIME, Column, Table

Case = tuple[Problem, Examples, Examples, Examples]


def examples(X: NDArray, y: NDArray, timed: bool = False) -> Examples:
    """Rows with columns x0, x1, … and without time, or one microsecond apart."""
    table = Table({f"x{j}": Column.numbers(X[:, j]) for j in range(X.shape[1])}, len(X))
    time = np.arange(len(X)) if timed else np.full(len(X), MISSING_TIME)
    return Examples(table, dict.fromkeys(table, "number"), y, None, time)


def with_categories(rows: Examples, levels: int = 6, seed: int = 0) -> Examples:
    """The same rows with a category made of the first column, a few values missing, and a rare level."""
    random = np.random.default_rng(seed)
    first = rows.features["x0"].values
    ranks = np.argsort(np.argsort(first)) * levels // len(first)
    names = [f"level {r}" if random.random() > 0.1 else None for r in ranks]
    names[0] = "once"
    holes = first.copy()
    holes[random.random(len(holes)) < 0.2] = np.nan
    added = {"group": Column.strings(names), "holes": Column.numbers(holes)}
    types = {**rows.types, "group": "category", "holes": "number"}
    return Examples(rows.features.with_columns(added), types, rows.target, rows.weight, rows.time)


def parted(problem: Problem, rows: Examples, seed: int = 1) -> Case:
    """fit, tune and judge, 60 : 20 : 20, shuffled."""
    order = np.random.default_rng(seed).permutation(rows.height)
    a, b = int(0.6 * rows.height), int(0.8 * rows.height)
    return problem, rows.take(order[:a]), rows.take(order[a:b]), rows.take(order[b:])


def binary() -> Case:
    """Breast cancer, 569 x 30."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return parted(Problem("binary"), with_categories(examples(X, y)))


def multi_class() -> Case:
    """Wine, 178 x 13, three classes."""
    X, y = datasets.load_wine(return_X_y=True)
    return parted(Problem("multi-class", ("a", "b", "c")), with_categories(examples(X, y)))


def regression() -> Case:
    """Diabetes, 442 x 10."""
    X, y = datasets.load_diabetes(return_X_y=True)
    return parted(Problem("regression"), with_categories(examples(X, y)))


def multi_label() -> Case:
    """Digits, 600 x 64: even, greater than 4, and a label that never occurs."""
    X, y = datasets.load_digits(return_X_y=True)
    X, y = X[:600], y[:600]
    labels = np.stack([y % 2 == 0, y > 4, y > 9], axis=1).astype(np.float64)
    return parted(Problem("multi-label", ("even", "large", "never")), with_categories(examples(X, labels)))


MAKERS: dict[str, Callable[[], Case]] = {
    "binary": binary,
    "multi-class": multi_class,
    "regression": regression,
    "multi-label": multi_label,
}


@pytest.fixture(scope="session", params=list(MAKERS))
def case(request: pytest.FixtureRequest) -> Case:
    """Each problem type on real data: (problem, fit, tune, judge)."""
    return MAKERS[request.param]()


@pytest.fixture(scope="session")
def binary_case() -> Case:
    """Breast cancer."""
    return binary()


@pytest.fixture(scope="session")
def regression_case() -> Case:
    """Diabetes."""
    return regression()


@pytest.fixture(scope="session")
def make_examples() -> Callable[..., Examples]:
    """`examples(X, y, timed)`."""
    return examples
