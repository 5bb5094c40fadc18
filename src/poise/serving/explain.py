"""Why an answer was what it was, from what the decision log keeps of it and the release that gave it.

Nothing is read that the answer did not see: features come from the log, as they were then. The same serves answers that
are made to be explained, whose record is never logged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from poise.clock import to_text
from poise.decisions.choose import Chooser
from poise.decisions.of_system import chooser_of, names_in_terms, ranker_of
from poise.decisions.rank import Ranker
from poise.errors import NoSuchCandidate, RequestError, StateError
from poise.models.base import Floats
from poise.models.contributions import Contributions, Explainer
from poise.models.fallback import Fallback
from poise.models.predictor import Predictor
from poise.models.reference import Reference
from poise.releases.contract import Contract, Output
from poise.releases.folder import ReleaseFolder
from poise.serving.explain_rows import Kinds, features_of, kept_in_full
from poise.serving.explain_shared import shared_inputs
from poise.serving.explain_terms import Effects, effects_of
from poise.spec.expression import parse
from poise.spec.reading import read_text
from poise.spec.source_types import position_feature
from poise.spec.system import SystemSpec
from poise.table import Table

MOST_EXPLAINED = 10
"""Rows of one answer that are explained, the first ones of those that the log has in full; it says of how many."""

Record = Mapping[str, Any]
"""What `decision_log` writes of one answer, read from JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """One objective of a release, ready to be taken apart."""

    output: Output
    predictor: Predictor
    explainer: Explainer
    reference: Reference
    fallback: Fallback


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """The rows of an answer taken apart: which, their features, and per objective what each input contributes."""

    rows: list[int]
    features: Table
    objectives: Mapping[str, Contributions]
    used: Mapping[str, Objective]
    """What answered: the models, or what answered in their place."""


class Release:
    """A release that can explain its answers. One thread calls at a time; building one takes some tenths of a second.

    Raises `NotExplained` where a model cannot be taken apart, `StateError` or `SpecError` where the folder is not
    whole.
    """

    def __init__(self, folder: ReleaseFolder) -> None:
        text = folder.system_file.read_text(encoding="utf-8")
        self.name = folder.name
        self.system: SystemSpec = read_text(text, name=str(folder.system_file))
        self.contract = Contract.from_json(folder.json("contract"))
        self.objectives = {output.name: _objective(folder, output) for output in self.contract.outputs}
        classes = {output.name: output.classes for output in self.contract.outputs}
        self.chooser: Chooser | None = chooser_of(self.system, classes)
        self.ranker: Ranker | None = ranker_of(self.system, classes, rule_only=not self.contract.outputs)
        self._kinds = {per: Kinds(self.system, per) for per in self.contract.pers}
        self.called = {name: words for kinds in self._kinds.values() for name, words in kinds.called.items()}
        """What people call each feature."""
        own = self._kinds.get(self.contract.decides_on or "")
        self._columns: Mapping[str, str] = {} if own is None else own.columns
        self.places = frozenset(filter(None, (position_feature(self.system, per) for per in self.contract.pers)))
        """The features that say where in a list a row stands: all are answered as for the first place."""
        given = [one for one in self.objectives if self.system.objectives[one].given is not None]
        first = [*given, *(one for one in self.objectives if one not in given)]  # the later ones hold: of all rows
        self.observed = {
            name: values
            for one in first
            for name, values in self.objectives[one].reference.observed.items()
            if name not in self.places
        }
        """What values each input of the models had in the rows that they were learned from."""
        named = names_in_terms(self.system)
        self.players = tuple(
            name
            for output in self.contract.outputs
            if output.per == self.contract.decides_on
            for name in ([f"{output.name}.{label}" for label in output.classes] or [output.name])
            if name in named
        )
        """The predictions that terms read."""

    def take_apart(self, record: Record, only: int | None = None) -> Explained:
        """The rows of a record that are kept in full (of a list those that were shown), or one of them: features, and
        contributions to predictions."""
        kept = kept_in_full(record)
        most = MOST_EXPLAINED if record["kind"] != "list" else min(len(record["shown"]), MOST_EXPLAINED)
        rows = kept[:most] if only is None else [row for row in kept if row == only]
        if not rows:
            return Explained([], Table({}), {}, {})
        features = self.features(record, rows)
        used = self._used(record)
        return Explained(rows, features, {name: one.explainer.of(features) for name, one in used.items()}, used)

    def features(self, record: Record, rows: Sequence[int]) -> Table:
        """What the models saw of some rows that are kept in full."""
        return features_of(record, rows, self._kinds[record["per"]])

    def shared(self, record: Record) -> frozenset[str]:
        """The features of a list that are equal for all of its candidates, since they say nothing of an item."""
        assert self.ranker is not None and self.ranker.decision.item is not None
        return shared_inputs(record, self._kinds[record["per"]].plan, self.ranker.decision.item)

    def read_by_where(self) -> frozenset[str]:
        """The features that `where` reads of a list's candidates, by whatever name."""
        where = None if self.ranker is None else self.ranker.decision.where
        names = frozenset() if where is None else parse(where).names
        return frozenset(self._columns.get(name, name) for name in names)

    def in_step(self, features: Table) -> Table:
        """Rows whose features were changed, where terms and `where` read the same columns by their own names."""
        same = {c: n for c, n in self._columns.items() if c in features and n in features and c != n}
        same = {c: n for c, n in same.items() if features[c].kind == features[n].kind}
        return features.with_columns({c: features[n] for c, n in same.items()})

    def predict(self, features: Table, explained: Explained) -> dict[str, Floats]:
        """Each objective of other rows, by what answered."""
        return {name: one.predictor.predict(features) for name, one in explained.used.items()}

    def terms(self, predictions: Mapping[str, Floats], features: Table) -> dict[str, Floats]:
        """Each term: term -> (n, actions), for a list (n, 1)."""
        if self.chooser is not None:
            return self.chooser.terms(predictions, features.select(self.chooser.extra_names()))
        assert self.ranker is not None
        found = self.ranker.terms(predictions, features.select(self.ranker.extra_names()))
        return {term: values[:, None] for term, values in found.items()}

    def effects(self, explained: Explained) -> dict[str, Effects]:
        """Each term of the decision taken apart into predictions."""
        n = len(explained.rows)
        base, predicted = self._players(explained)

        def terms(given: Mapping[str, Floats]) -> dict[str, Floats]:
            cases = next(iter(given.values())).shape[1] if given else 1
            features = explained.features.take(np.repeat(np.arange(n), cases))
            as_predicted = {name: _as_predicted(found) for name, found in explained.objectives.items()}
            whole = {name: np.repeat(values, cases, axis=0) for name, values in as_predicted.items()}
            for name, values in given.items():
                objective, _, label = name.partition(".")
                if label:
                    classes = self.objectives[objective].output.classes
                    whole[objective][:, classes.index(label)] = values.reshape(-1)
                else:
                    whole[objective] = values.reshape(-1)
            found = self.terms(whole, features)
            return {term: values.reshape(n, cases, -1) for term, values in found.items()}

        return effects_of(terms, base, predicted)

    def to_terms(self, effects: Effects, explained: Explained) -> dict[str, Floats]:
        """What each input contributes to one term, input -> (n, actions)."""
        by_player: dict[str, dict[str, Floats]] = {}
        for name in self.players:
            objective, at = self._place(name)
            by_player[name] = {i: values[:, at] for i, values in explained.objectives[objective].inputs.items()}
        return effects.of(by_player)

    def _players(self, explained: Explained) -> tuple[dict[str, float], dict[str, Floats]]:
        base, predicted = {}, {}
        for name in self.players:
            objective, at = self._place(name)
            found = explained.objectives[objective]
            base[name], predicted[name] = float(found.base[at]), found.predicted[:, at]
        return base, predicted

    def _place(self, name: str) -> tuple[str, int]:
        objective, _, label = name.partition(".")
        return objective, self.objectives[objective].output.classes.index(label) if label else 0

    def _used(self, record: Record) -> dict[str, Objective]:
        """What answered for each objective of the record's rows. Raises `StateError` where that is not there."""
        instead = record.get("fallbacks") or {}
        used = {}
        for name, one in self.objectives.items():
            if one.output.per == record["per"]:
                used[name] = one if name not in instead else _instead(one, instead[name]["by"])
        return used

    def told(self, contributions: Mapping[str, float], without: Collection[str] = ()) -> dict[str, float]:
        """Those that a person is told of: the place is the same for all, and others may be."""
        left_out = self.places.union(without)
        return {name: value for name, value in contributions.items() if not left_out.issuperset(name.split(" + "))}

    def head(self, record: Record) -> dict[str, Any]:
        """What answered, and for when."""
        at = record["at"]
        time = None if at is None else to_text(at, self.system.timezone)
        instead = record.get("fallbacks")
        marks = {"fallbacks": dict(instead)} if instead else {}
        return {"kind": record["kind"], "release": self.name, "time": time, **marks}


def _as_predicted(found: Contributions) -> Floats:
    """Predictions in the shape in which models give them."""
    return found.predicted[:, 0] if found.predicted.shape[1] == 1 else found.predicted


def _objective(folder: ReleaseFolder, output: Output) -> Objective:
    place = folder.model(output.name)
    predictor, reference = Predictor.load(place), Reference.load(place)
    explainer = Explainer(predictor, reference.averages)
    return Objective(output, predictor, explainer, reference, Fallback.load(place))


def _instead(one: Objective, by: str) -> Objective:
    """One of the rungs that answer where the model does not."""
    predictor = one.fallback.rungs.get(by)
    if predictor is None:
        raise StateError(f"the {by} that answered for '{one.output.name}' is not in the release")
    return replace(one, predictor=predictor, explainer=Explainer(predictor))


def row_asked(record: Record, item: Any = None, row: Any = None) -> int | None:
    """The row of a record that a caller asks about, by its item or by its number; None where neither is said.

    Raises `NoSuchCandidate`, and `RequestError` for a row that is not there.
    """
    if item is not None:
        items: Sequence[Any] = record.get("items") or ()
        if item not in items:
            raise NoSuchCandidate(f"'{item}' was no candidate of this decision", field="item")
        return list(items).index(item)
    if row is None:
        return None
    count = len(record["ids"]) if record["kind"] == "choice" else _rows(record)
    if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < count:
        raise RequestError(f"{row!r} came", field="row", allowed=f"a whole number from 0 to {count - 1}")
    return row


def _rows(record: Record) -> int:
    if record["kind"] == "list":
        return len(record["items"])
    if not record["predictions"]:
        raise StateError("the record holds no predictions")
    return len(next(iter(record["predictions"].values())))
