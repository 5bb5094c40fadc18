"""The rung `trees`: gradient boosting by LightGBM, with guards that are on by default and say what they did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poise.models.base import EVERY_PROBLEM, Examples, Floats, Learner, Model, Problem
from poise.models.booster import lightgbm
from poise.models.forest import probe_rows
from poise.models.guards import clipped, rare_class_notes, require_variation
from poise.models.trees_columns import TreesColumns
from poise.models.trees_fitting import learn_columns
from poise.models.trees_model import Stand, TreesModel

PATIENCE = 50
"""Boosting stops after so many rounds without a gain on *tune*."""
FEW_ROUNDS = 20
"""Stopping earlier is never silent: such a fit is tried again with a lower rate."""
LOW_RATE = 0.01
MOST_TREES, LEAST_LIMIT = 10_000, 100
UNTUNED_ROUNDS = 100
COLUMN_WISE = 200
"""With more columns histograms are built column by column; fixed by shape, so that results do not depend on timing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One candidate: LightGBM's parameters, before they are scaled down for little data."""

    name: str
    rate: float
    most_rounds: int
    leaves: int
    feature_fraction: float = 1.0
    cat_smooth: float = 10.0
    cat_l2: float = 10.0
    min_data_per_group: int = 100


DEFAULT = Settings("default", 0.1, 1_000, 31)
GUARDED = Settings("guarded", 0.05, 2_000, 15, 0.6, 100.0, 50.0, 200)
LOW = Settings("guarded, low rate", LOW_RATE, 2_000, 15, 0.6, 100.0, 50.0, 200)
EVERY = {one.name: one for one in (DEFAULT, GUARDED, LOW)}


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """One candidate's forests (None: too few rows), their rounds, and its loss on *tune*."""

    settings: Settings
    boosters: tuple[Any, ...]
    rounds: tuple[int, ...]
    loss: float


class TreesLearner(Learner):
    """Boosted trees: default and guarded settings, the better on *tune*, that number of rounds kept for `refit`."""

    name = "trees"
    order = 3
    works_with = EVERY_PROBLEM

    def fit(self, problem: Problem, fit: Examples, tune: Examples) -> TreesModel:
        """Both candidates with early stopping on `tune`; the one with the smaller loss there."""
        return self._fit(problem, fit, tune, (DEFAULT, GUARDED))

    def fit_like(self, model: Model, problem: Problem, fit: Examples, tune: Examples) -> TreesModel:
        """The candidate that `model` kept, with early stopping on `tune`."""
        assert isinstance(model, TreesModel)
        return self._fit(problem, fit, tune, (EVERY[model.settings["name"]],))

    def _fit(self, problem: Problem, fit: Examples, tune: Examples, candidates: tuple[Settings, ...]) -> TreesModel:
        require_variation(fit)
        (fit, tune), notes = clipped(problem, fit, tune)
        columns, X, more = learn_columns(problem, fit, None)
        constants, few = _constants(problem, fit)
        held = columns.matrix(tune.features)
        if tune.height:
            best, said = _searched(problem, candidates, columns, (X, fit), (held, tune), constants)
        else:
            rounds = (UNTUNED_ROUNDS,) * len(constants)
            best = _Grown(GUARDED, _boosters(problem, GUARDED, rounds, columns, X, fit, constants), rounds, np.nan)
            said = [f"nothing to tune on: {UNTUNED_ROUNDS} rounds of the guarded settings"]
        every = (*notes, *more, *few, *said, *rare_class_notes(problem, fit.target))
        return _model(problem, columns, best, X, constants, every)

    def refit(self, model: Model, problem: Problem, examples: Examples) -> TreesModel:
        """The same settings and numbers of rounds on `examples`."""
        assert isinstance(model, TreesModel)
        require_variation(examples)
        (rows,), notes = clipped(problem, examples)
        columns, X, more = learn_columns(problem, rows, model.columns.text)
        constants, few = _constants(problem, rows)
        settings, rounds = EVERY[model.settings["name"]], tuple(model.settings["rounds"])
        grown = _Grown(settings, _boosters(problem, settings, rounds, columns, X, rows, constants), rounds, np.nan)
        kept = tuple(note for note in model.learned_notes if note.startswith("boosting"))
        every = (*notes, *more, *few, *kept, *rare_class_notes(problem, examples.target))
        return _model(problem, columns, grown, X, constants, every)


def _constants(problem: Problem, rows: Examples) -> tuple[Floats, list[str]]:
    """Per stand NaN, or the log-odds that answers for a label with fewer than 2 rows on a side; and notes."""
    if problem.type != "multi-label":
        return np.full(1, np.nan), []
    out, notes = np.full(problem.width, np.nan), []
    for c, label in enumerate(problem.classes):
        true = int(rows.target[:, c].sum())
        if min(true, rows.height - true) < 2:
            share = (true + 0.5) / (rows.height + 1)
            out[c] = np.log(share / (1 - share))
            notes.append(f"label '{label}' has {true} of {rows.height} rows: its share is all that is learned")
    return out, notes


Part = tuple[Floats, Examples]


def _searched(
    problem: Problem,
    candidates: tuple[Settings, ...],
    columns: TreesColumns,
    fit: Part,
    tune: Part,
    constants: Floats,
) -> tuple[_Grown, list[str]]:
    """The best of the candidates, one more where boosting stopped too soon, and notes on that."""
    data = _dataset(columns, *fit)
    watch = lightgbm.Dataset(tune[0], np.zeros(tune[1].height), weight=tune[1].weight, reference=data)
    binned = data, watch
    grown = [_grow(problem, settings, binned, fit, tune, constants) for settings in candidates]
    best = min(grown, key=lambda one: one.loss)
    if _typical(best, constants) >= FEW_ROUNDS or best.settings is LOW:
        return best, _limits(problem, best)
    grown.append(_grow(problem, LOW, binned, fit, tune, constants))
    again = min(grown, key=lambda one: one.loss)
    note = (
        f"boosting stopped after {_typical(best, constants)} rounds ({best.settings.name} settings), "
        f"fewer than {FEW_ROUNDS}; tried again at rate {LOW_RATE}: {_typical(grown[-1], constants)} rounds, "
        + ("kept" if again is grown[-1] else "not better")
    )
    return again, [note, *_limits(problem, again)]


def _typical(grown: _Grown, constants: Floats) -> int:
    """Median number of rounds over the stands that are grown."""
    rounds = [r for r, constant in zip(grown.rounds, constants.tolist(), strict=True) if np.isnan(constant)]
    return int(np.median(rounds)) if rounds else 0


def _limits(problem: Problem, grown: _Grown) -> list[str]:
    limit = _most_rounds(problem, grown.settings)
    return [f"boosting was still gaining at its limit of {limit} rounds"] if limit in grown.rounds else []


def _most_rounds(problem: Problem, settings: Settings) -> int:
    width = problem.width if problem.type == "multi-class" else 1
    return min(settings.most_rounds, max(LEAST_LIMIT, MOST_TREES // width))


def _grow(
    problem: Problem, settings: Settings, binned: tuple[Any, Any], fit: Part, tune: Part, constants: Floats
) -> _Grown:
    """Every stand of one candidate, with early stopping on *tune*. `binned`: both parts as LightGBM keeps them, which
    serves every candidate and stand; only the target changes."""
    (X, rows), (_, tune_rows) = fit, tune
    data, watch = binned
    boosters: list[Any] = []
    rounds: list[int] = []
    loss = 0.0
    for c, constant in enumerate(constants.tolist()):
        if not np.isnan(constant):
            boosters.append(None)
            rounds.append(0)
            continue
        data.set_label(_target(problem, rows, c))
        watch.set_label(_target(problem, tune_rows, c))
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        params, most = _parameters(problem, settings, X.shape), _most_rounds(problem, settings)
        booster = lightgbm.train(params, data, most, valid_sets=[watch], callbacks=[stop])
        boosters.append(booster)
        rounds.append(max(1, booster.best_iteration))
        (score,) = booster.best_score[
            "valid_0"
        ].values()  # what `losses` says too; a constant's loss is the same to all
        loss += score
    return _Grown(settings, tuple(boosters), tuple(rounds), loss)


def _boosters(
    problem: Problem,
    settings: Settings,
    rounds: tuple[int, ...],
    columns: TreesColumns,
    X: Floats,
    rows: Examples,
    constants: Floats,
) -> tuple[Any, ...]:
    """Every stand with a given number of rounds."""
    params, data = _parameters(problem, settings, X.shape), _dataset(columns, X, rows)
    return tuple(
        lightgbm.train(params, data.set_label(_target(problem, rows, c)), rounds[c] or UNTUNED_ROUNDS)
        if np.isnan(constant)
        else None
        for c, constant in enumerate(constants.tolist())
    )


def _target(problem: Problem, rows: Examples, stand: int) -> Floats:
    target = rows.target[:, stand] if problem.type == "multi-label" else rows.target
    return np.asarray(target, np.float64)


def _dataset(columns: TreesColumns, X: Floats, rows: Examples) -> Any:
    """The rows for LightGBM, still without a target. It bins them once, at the first training."""
    names = [f"f{j}" for j in range(X.shape[1])]  # names of the user's may hold characters that LightGBM refuses
    options = {"verbosity": -1, "feature_pre_filter": False, "min_data_in_bin": 3}
    return lightgbm.Dataset(
        X,
        np.zeros(rows.height),
        weight=rows.weight,
        feature_name=names,
        categorical_feature=columns.categories,
        params=options,
    )


def _parameters(problem: Problem, settings: Settings, shape: tuple[int, ...]) -> dict[str, Any]:
    """LightGBM's parameters; what counts rows is scaled down for fewer than about 2,000."""
    n, d = shape
    objective = {"regression": "regression", "multi-class": "multiclass"}.get(problem.type, "binary")
    row_wise = d <= COLUMN_WISE
    return {
        "objective": objective,
        **({"num_class": problem.width} if objective == "multiclass" else {}),
        "learning_rate": settings.rate,
        "num_leaves": settings.leaves,
        "feature_fraction": settings.feature_fraction,
        "cat_smooth": min(settings.cat_smooth, max(1.0, n / 20)),
        "cat_l2": settings.cat_l2,
        "min_data_per_group": int(min(settings.min_data_per_group, max(5, n // 20))),
        "min_data_in_leaf": int(min(20, max(2, n // 20))),
        "min_data_in_bin": 3,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": row_wise,
        "force_col_wise": not row_wise,
        "num_threads": problem.threads,
        "seed": problem.seed,
        "verbosity": -1,
    }


def _model(
    problem: Problem, columns: TreesColumns, grown: _Grown, X: Floats, constants: Floats, notes: tuple[str, ...]
) -> TreesModel:
    """The answering side of the boosters, with probe rows."""
    pairs = list(zip(grown.boosters, grown.rounds, strict=True))
    stands = tuple(None if b is None else _stand(b, r, X, problem.seed) for b, r in pairs)
    gains = sum((_gain(b, r) for b, r in pairs if b is not None), np.zeros(X.shape[1]))
    settings = {"name": grown.settings.name, "rounds": list(grown.rounds)}
    return TreesModel(problem.type, columns, stands, constants, _shares(columns, gains), settings, notes)


def _stand(booster: Any, rounds: int, X: Floats, seed: int) -> Stand:
    text: str = booster.model_to_string(num_iteration=rounds)
    probes = probe_rows(text, X, seed)
    scores = np.asarray(booster.predict(probes, raw_score=True, num_iteration=rounds), np.float64)
    return Stand(text, probes, np.ascontiguousarray(scores.reshape(len(probes), -1)))


def _gain(booster: Any, rounds: int) -> Floats:
    return np.asarray(booster.feature_importance("gain", iteration=rounds), np.float64)


def _shares(columns: TreesColumns, gains: Floats) -> dict[str, float]:
    """Gain per input. The gain of scores of texts is shared by the weight of each text in their linear model."""
    total = float(gains.sum())
    if total <= 0:
        return {}
    shares = dict.fromkeys(columns.names, 0.0)
    for name, gain in zip(columns.sources, gains.tolist(), strict=True):
        parts = {name: 1.0} if name is not None else (columns.text.importance if columns.text else {})
        for of, part in parts.items():
            shares[of] += part * gain / total
    return shares
