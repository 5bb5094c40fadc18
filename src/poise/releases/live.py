"""The release that serves now, asked what it makes of the rows of a training run: the baseline called `live`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poise.clock import from_text
from poise.data.lake import Lake
from poise.decisions.of_system import chooser_of, ranker_of
from poise.errors import StateError
from poise.features.plan import FeaturePlan
from poise.features.requests import ROW
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.releases.evidence import Evidence
from poise.releases.examples import ObjectiveData, Sources, plans_of, read_sources
from poise.releases.extras import extra_names
from poise.releases.folder import ReleaseFolder
from poise.releases.places import at_place
from poise.spec.reading import read_text
from poise.spec.source_types import position_feature
from poise.spec.system import SystemSpec
from poise.table import History, Requests, Table

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LiveRelease:
    """A release with what it reads of the lake, at the versions that the training run reads too.

    It answers by its own file: its features, its models, its terms and the weights of its file. as_judged: by its
    models as they were judged, before they learned from the rows that judged them (see `again`).
    """

    folder: ReleaseFolder
    system: SystemSpec
    contract: Contract
    plans: Mapping[str, FeaturePlan]
    extra: Mapping[str, tuple[str, ...]]
    histories: Mapping[str, History]
    as_judged: bool = False

    @classmethod
    def of(cls, folder: ReleaseFolder, lake: Lake, sources: Sources, *, as_judged: bool = False) -> LiveRelease:
        """The release in `folder`. Raises `PoiseError` where the lake no longer holds what it reads."""
        system = read_text(folder.system_file.read_text(encoding="utf-8"), name=str(folder.system_file))
        extra = extra_names(system)
        plans = plans_of(system, extra)
        found = read_sources(system, lake, plans, extra, {**lake.versions(), **sources.versions})
        for name, history in sources.histories.items():
            if name in found.histories and found.histories[name].height != history.height:
                raise StateError(f"the rows of '{name}' are not those that it was made for")
        contract = Contract.from_json(folder.json("contract"))
        return cls(folder, system, contract, plans, extra, found.histories, as_judged)

    def predict(self, name: str, data: ObjectiveData, rows: Rows, *, first: bool = False) -> Floats | None:
        """What it predicts for some rows of an objective, features as of the same T.

        first: as if each row of a list stood at the first place. None where it has no such objective, or one of
        another type, source or classes.
        """
        output = next((one for one in self.contract.outputs if one.name == name), None)
        if output is None or (output.type, output.per, output.classes) != (data.spec.type, data.spec.per, data.classes):
            return None
        return self._model(name).predict(self._columns(data, rows, first=first))

    def unseen(self, name: str, data: ObjectiveData, rows: Rows) -> NDArray[np.bool_]:
        """Which of some rows of an objective it was not learned from, as it was judged, (n,): those with a T after the
        last that it was calibrated on; without time, those that came to the lake after it was trained. All where it
        learned nothing."""
        evidence = Evidence.of(self.folder.json("evidence"))
        learned = evidence.objectives.get(name)
        if learned is None or learned.parts is None or learned.parts.calibrate is None:
            return np.ones(len(rows), bool)
        last = learned.parts.calibrate.to
        if last is not None:
            return np.asarray(data.requests.time[rows] > from_text(last))
        read = evidence.data.sources.get(data.spec.per)
        before = 0 if read is None or read.rows is None else read.rows
        return np.asarray(data.requests.rows[ROW].values[rows] >= before)

    def rank(self, data: ObjectiveData, rows: Rows) -> Floats | None:
        """Its score of some rows at the first place, by its terms and the weights of its file; without models its rule.

        None where it lists nothing, or rows of another source.
        """
        classes = {output.name: output.classes for output in self.contract.outputs}
        ranker = ranker_of(self.system, classes, rule_only=not classes)
        if ranker is None or ranker.decision.per != data.spec.per:
            return None
        columns = self._columns(data, rows, first=True)
        names = sorted(ranker.objective_names())
        predictions = {name: self._model(name).predict(columns) for name in names}
        return ranker.score(ranker.terms(predictions, columns)) if classes else ranker.rule(columns)

    def choose(self, data: ObjectiveData, rows: Rows, actions: tuple[str, ...]) -> Rows | None:
        """Its choice for some rows, as positions in `actions`.

        None where it decides nothing, on rows of another source, or takes an action that is not among them.
        """
        classes = {output.name: output.classes for output in self.contract.outputs}
        chooser = chooser_of(self.system, classes)
        if chooser is None or chooser.decision.per != data.spec.per or not set(chooser.actions) <= set(actions):
            return None
        columns = self._columns(data, rows)
        names = chooser.objective_names()
        predictions = {n: self._model(n).predict(columns) for n in sorted(names)}
        choice = chooser.choose(predictions, {name: columns[name] for name in chooser.extra_names()})
        return np.array([actions.index(action) for action in chooser.actions], np.int64)[choice.chosen]

    def _model(self, name: str) -> Predictor:
        return Predictor.load(self.folder.judged_model(name) if self.as_judged else self.folder.model(name))

    def _columns(self, data: ObjectiveData, rows: Rows, *, first: bool = False) -> Table:
        """Its features for these rows, of which it may read other columns than the training run does."""
        per, asked = data.spec.per, data.requests.take(rows)
        places: NDArray[Any] = asked.rows[ROW].values.astype(np.int64)
        own = self.histories[per].rows.take(places).with_columns({ROW: asked.rows[ROW]})
        requests = Requests(own, asked.time, asked.id)
        made = self.plans[per].batch(requests, self.histories, self.extra.get(per, ()))
        return at_place(made, position_feature(self.system, per)) if first else made
