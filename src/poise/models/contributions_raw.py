"""What each input adds to a model's raw score: one class per kind of model, all with the same two promises.

| model | what an input adds |
|---|---|
| trees | its Shapley value, path dependent (see `tree_shap`); columns made of one input are summed |
| linear | what its weights add to this row, less what they add on average |
| rule | all of it: the rule's prediction less its average |
| constant | nothing |

Inputs that enter one number together (several texts, the columns of a rule's expression) are named together, `a + b`:
any split among them would be made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from poise.errors import PoiseError
from poise.models.base import Floats, Model
from poise.models.constant import ConstantModel
from poise.models.linear_model import LinearModel, Weights
from poise.models.links import predictions
from poise.models.rule_model import RuleModel
from poise.models.tree_shap import TreeShap
from poise.models.trees_model import TreesModel
from poise.table import Table

Averages = Mapping[str, Floats]
"""Input -> what it adds to the raw scores on average over the rows that were learned from, (k,)."""


class NotExplained(PoiseError):
    """What a model says cannot be taken apart, with the reason."""

    exit_code = 3
    status = 422
    title = "This cannot be explained"


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """base: (k,) the raw scores where nothing is known of a row; adds: input -> (n, k). Their sum is the raw scores."""

    base: Floats
    adds: Mapping[str, Floats]


class RawExplainer(Protocol):
    """Takes the raw scores of one model apart."""

    def of(self, features: Table) -> Raw:
        """What the inputs of n rows add."""

    def link(self, raw: Floats) -> Floats:
        """The model's predictions, (n,) or (n, k), from raw scores (n, k)."""


def raw_explainer(model: Model, averages: Averages | None = None) -> RawExplainer:
    """What takes `model` apart. averages: of the rows it was learned from; a release that was made without them counts
    from where the model begins instead (linear: its intercept; rule: what it says of a missing value).

    Raises `NotExplained` for a model of a package of your own, and for trees whose text is not understood exactly.
    """
    if isinstance(model, TreesModel):
        return _Trees(model)
    if isinstance(model, LinearModel):
        return _Linear(model, averages)
    if isinstance(model, RuleModel):
        return _Rule(model, averages)
    if isinstance(model, ConstantModel):
        return _Constant(model)
    raise NotExplained(f"nothing is known of how a model of the kind '{model.kind}' makes its predictions")


class _Trees:
    def __init__(self, model: TreesModel) -> None:
        self._model = model
        try:
            self._forests = [None if stand is None else TreeShap(stand.text) for stand in model.stands]
        except PoiseError as error:
            raise NotExplained(f"the trees cannot be taken apart: {error.message}") from error
        texts = model.columns.text
        together = " + ".join(texts.inputs) if texts else ""
        self._sources = [together if source is None else source for source in model.columns.sources]

    def of(self, features: Table) -> Raw:
        X, model = self._model.columns.matrix(features), self._model
        one = len(self._forests) == 1 and self._forests[0] is not None
        parts = [(model.constants[c : c + 1], None) if f is None else (f.base, f) for c, f in enumerate(self._forests)]
        base = parts[0][0] if one else np.concatenate([part for part, _ in parts])
        adds = {name: np.zeros((len(X), len(base))) for name in dict.fromkeys(self._sources)}
        for c, (_, forest) in enumerate(parts):
            if forest is None:
                continue
            found = forest.contributions(X)
            at = slice(None) if one else slice(c, c + 1)
            for j, name in enumerate(self._sources):
                adds[name][:, at] += found[:, :, j]
        return Raw(base, adds)

    def link(self, raw: Floats) -> Floats:
        return predictions(self._model.type, raw)


class _Linear:
    def __init__(self, model: LinearModel, averages: Averages | None) -> None:
        self._model = model
        self._single = [_only(model.weights, j) for j in range(len(model.columns))]
        self._averages = averages or {}

    def of(self, features: Table) -> Raw:
        model, k = self._model, len(self._model.weights.intercept)
        X = model.columns.encode(features)
        adds = {
            name: weights.raw(np.ascontiguousarray(X[:, j : j + 1]))
            for j, (name, weights) in enumerate(zip(model.columns.names, self._single, strict=True))
        }
        for name, (terms, weights) in model.texts.items():
            rows = terms.rows(features[name])
            row = np.repeat(np.arange(len(X)), np.diff(rows.starts))
            adds[name] = np.zeros((len(X), k))
            np.add.at(adds[name], row, rows.values[:, None] * weights[rows.columns])
        usual = {name: np.asarray(self._averages.get(name, np.zeros(k)), np.float64) for name in adds}
        base = model.weights.intercept + sum(usual.values(), np.zeros(k))
        return Raw(base, {name: values - usual[name] for name, values in adds.items()})

    def link(self, raw: Floats) -> Floats:
        return predictions(self._model.type, raw)


def _only(weights: Weights, j: int) -> Weights:
    """The weights of one column, on its own."""
    own = slice(j, j + 1)
    return replace(
        weights,
        category=weights.category[own],
        start=weights.start[own],
        low=weights.low[own],
        high=weights.high[own],
        mean=weights.mean[own],
        slope=weights.slope[own],
        missing=weights.missing[own],
        edge_start=weights.edge_start[j : j + 2],
        intercept=np.zeros_like(weights.intercept),
    )


class _Rule:
    def __init__(self, model: RuleModel, averages: Averages | None) -> None:
        self._model = model
        self._name = " + ".join(model.inputs)
        usual = (averages or {}).get(self._name)
        self._base = np.asarray(model.values[-1] if usual is None else usual, np.float64)

    def of(self, features: Table) -> Raw:
        said = self._model.predict(features).reshape(features.height, -1)
        return Raw(self._base, {self._name: said - self._base})

    def link(self, raw: Floats) -> Floats:
        return raw if self._model.many else np.ascontiguousarray(raw[:, 0])


class _Constant:
    def __init__(self, model: ConstantModel) -> None:
        self._model = model

    def of(self, features: Table) -> Raw:
        return Raw(self._model.values, {})

    def link(self, raw: Floats) -> Floats:
        return raw if self._model.many else np.ascontiguousarray(raw[:, 0])
