"""Learning the columns of the trees: levels, ordered statistics of the target, out-of-fold scores of texts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from poise.errors import NotEnoughData
from poise.models.base import Examples, Floats, Problem
from poise.models.folds import folds_of
from poise.models.guards import class_counts, least_rows
from poise.models.inputs import Inputs
from poise.models.linear import LinearLearner
from poise.models.linear_model import LinearModel
from poise.models.trees_columns import Statistic, TreesColumns, rows_of

MANY_LEVELS = 50
"""Categories of more levels enter as statistics of the target: 700 levels as codes stopped boosting at 18 trees."""
PRIOR_ROWS = 10.0
"""A level's mean is drawn towards that of all rows as if by so many more rows."""
MOST_CLASSES = 10
"""Statistics are kept for so many classes or labels, the most frequent."""
TEXT_FOLDS = 3


def learn_columns(problem: Problem, rows: Examples, text: LinearModel | None) -> tuple[TreesColumns, Floats, list[str]]:
    """The columns, the training matrix (n, columns) without leaks of a row's own target, and notes.

    text: the linear model over texts of an earlier fit, whose strength is used again; None to choose it.
    """
    floor = least_rows(rows.height)
    inputs = Inputs.learn(rows, lambda levels: floor if levels <= MANY_LEVELS else 1)
    X = inputs.encode(rows.features)
    many = [j for j in inputs.categories if len(inputs.levels[j] or ()) > MANY_LEVELS]
    target = _target_columns(problem, rows)
    # a drawn order, as CatBoost does: in time, the first weeks of a year of flights had no statistics (-0.007 AUC)
    order = np.random.default_rng(problem.seed).permutation(rows.height)
    statistics, training = [], []
    for j in many:
        size = len(inputs.levels[j] or ()) + 2
        codes = rows_of(X[:, j], size)
        statistics.append(Statistic(j, smoothed_means(codes, target, rows.weights, size)))
        training.append(ordered_means(codes, target, rows.weights, order, size))
    plain = np.array([j for j in range(len(inputs)) if j not in set(many)], np.int64)
    model, scores = text_scores(problem, rows, text)
    columns = TreesColumns(inputs, _fill(X, inputs), plain, tuple(statistics), model)
    notes = [f"'{inputs.names[j]}' has {len(inputs.levels[j] or ())} levels: ordered means of the target" for j in many]
    if model is not None:
        notes.append(f"trees read {', '.join(model.inputs)} as the out-of-fold score of a linear model over the words")
    return columns, columns.assembled(X, training, scores), notes


def _fill(X: Floats, inputs: Inputs) -> Floats:
    """The median of each number that was never missing; NaN for others and for categories."""
    fill = np.full(X.shape[1], np.nan)
    for j, of in enumerate(inputs.levels):
        if of is None and len(X) and not np.isnan(X[:, j]).any():
            fill[j] = np.partition(X[:, j], len(X) // 2)[len(X) // 2]  # a value that occurs, so never inf - inf
    return fill


def _target_columns(problem: Problem, rows: Examples) -> Floats:
    """What statistics are taken of, (n, m): the target, or indicators of the most frequent classes or labels."""
    if not problem.many:
        return np.asarray(rows.target, np.float64).reshape(-1, 1)
    counts = np.array(list(class_counts(problem, rows.target).values()))
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_CLASSES])
    if problem.type == "multi-label":
        return np.asarray(rows.target[:, kept], np.float64)
    return np.asarray(rows.target[:, None] == kept[None, :], np.float64)


def smoothed_means(codes: NDArray[np.int64], target: Floats, weight: Floats, size: int) -> Floats:
    """Mean of the target (n, m) per code, drawn towards the mean of all rows, (size, m).

    >>> smoothed_means(np.array([1, 1]), np.array([[0.0], [1.0]]), np.ones(2), 3).ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    prior = np.average(target, axis=0, weights=weight)
    mass = np.bincount(codes, weights=weight, minlength=size)[:, None]
    sums = np.stack([np.bincount(codes, weights=weight * y, minlength=size) for y in target.T], axis=1)
    return np.asarray((sums + PRIOR_ROWS * prior) / (mass + PRIOR_ROWS))


def ordered_means(
    codes: NDArray[np.int64], target: Floats, weight: Floats, order: NDArray[np.int64], size: int
) -> Floats:
    """Ordered target statistics (Prokhorenkova et al., CatBoost, 2018): for each row the smoothed mean of the rows of
    its level that come before it in `order`, so that no row sees its own target. Shape (n, m).

    >>> y = np.array([[1.0], [1.0], [0.0]])
    >>> ordered_means(np.zeros(3, np.int64), y, np.ones(3), np.arange(3), 2).ravel().round(3).tolist()
    [0.667, 0.697, 0.722]
    """
    prior = np.average(target, axis=0, weights=weight)
    walk = order[np.argsort(codes[order], kind="stable")]  # level by level, each in order
    w = weight[walk][:, None]
    starts = np.searchsorted(codes[walk], np.arange(size), side="left")[codes[walk]]
    mass, sums = _before(w, starts), _before(w * target[walk], starts)
    out = np.empty_like(target, np.float64)
    out[walk] = (sums + PRIOR_ROWS * prior) / (mass + PRIOR_ROWS)
    return out


def _before(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Sums from the start of each row's group up to the row, itself left out."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(total[:-1] - total[starts])


def text_scores(
    problem: Problem, rows: Examples, earlier: LinearModel | None
) -> tuple[LinearModel | None, Floats | None]:
    """A linear model over the texts only, and each row's raw scores by a model that did not see the row's fold."""
    names = rows.of_type("text")
    if not names:
        return None, None
    words = Examples(rows.features.select(names), dict.fromkeys(names, "text"), rows.target, rows.weight, rows.time)
    learner = LinearLearner()
    folds = folds_of(rows.time, rows.height, TEXT_FOLDS, problem.seed)
    held = folds == folds.max()
    try:
        settled = earlier or learner.fit(problem, words.take(~held), words.take(held))
        model = learner.refit(settled, problem, words)
        scores = np.empty((rows.height, problem.width))
        for fold in range(int(folds.max()) + 1):
            inside = folds == fold
            scores[inside] = learner.refit(settled, problem, words.take(~inside)).raw(words.features.take(inside))
    except NotEnoughData:
        return None, None
    return model, scores
