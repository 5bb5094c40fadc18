"""A release in memory: everything that answers need and that never changes, read from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.decisions.choose import Chooser
from poise.decisions.exploration_cost import Basis
from poise.decisions.of_system import chooser_of, ranker_of
from poise.decisions.rank import Ranker
from poise.errors import StateError
from poise.features.plan import FeaturePlan
from poise.models.fallback import Fallback
from poise.models.predictor import Predictor
from poise.releases.contract import Contract
from poise.releases.folder import ReleaseFolder
from poise.serving.example import example_request, example_row
from poise.serving.score import Scorer
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration

BASIS = "exploration.npz"
"""The file of a release with the lists by which the cost of exploration is known; absent where it cannot be."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """One release: its system, contract and evidence, a scorer per source whose rows may be sent, and what decides.

    A release that was made without enough data has no models (`contract.outputs` is empty): its rule sorts lists.
    """

    release: str
    system: SystemSpec
    contract: Contract
    scorers: Mapping[str, Scorer]
    chooser: Chooser | None
    declarations: tuple[Declaration, ...]
    """What the online store must keep, declared before it observes any row."""
    evidence: Mapping[str, Any]
    ranker: Ranker | None = None
    """Of a decision that lists items; `chooser` is that of one that chooses actions."""
    basis: Basis | None = None
    """The lists by which the cost of exploration is known."""

    @classmethod
    def of(cls, folder: ReleaseFolder) -> Loaded:
        """The release (or candidate) in a verified folder. Raises `StateError` or `SpecError` where it is not whole."""
        text = folder.system_file.read_text(encoding="utf-8")
        system = read_text(text, name=str(folder.system_file))
        contract = Contract.from_json(folder.json("contract"))
        predictors = {output.name: Predictor.load(folder.model(output.name)) for output in contract.outputs}
        fallbacks = {output.name: Fallback.load(folder.model(output.name)) for output in contract.outputs}
        classes = {output.name: output.classes for output in contract.outputs}
        chooser, ranker = chooser_of(system, classes), ranker_of(system, classes, rule_only=not contract.outputs)
        decides = chooser or ranker
        plans, scorers = {}, {}
        for per in contract.pers:
            outputs = contract.outputs_of(per)
            own = {output.name: fallbacks[output.name] for output in outputs}
            read = {n for one in own for n in (*predictors[one].inputs, *own[one].inputs)}
            extra = decides.extra_names() if decides and per == contract.decides_on else frozenset[str]()
            whole = FeaturePlan.of(system, per)
            plan = whole.select({output.name for output in whole.outputs} & (read | extra))
            item = contract.item if ranker and per == contract.decides_on else None
            scorers[per] = Scorer(plan, outputs, predictors, extra, item, own)
            _must_carry(contract, per, plan.request_with(scorers[per].extra))
            plans[per] = plan
        declarations = tuple(dict.fromkeys(d for plan in plans.values() for d in plan.declarations))
        evidence = folder.json("evidence") if (folder.path / "evidence.json").is_file() else {}
        basis = Basis.load(folder.path / BASIS) if (folder.path / BASIS).is_file() else None
        return cls(folder.name, system, contract, scorers, chooser, declarations, evidence, ranker, basis)

    @property
    def timed(self) -> bool:
        """Whether anything in the system has time, so that answers are as of an instant."""
        return any(source.time is not None for source in self.system.sources.values())

    def example(self, per: str) -> dict[str, Any]:
        """A row that a caller could send: a real one where the evidence holds some, else one made of the contract."""
        return example_row(self.contract, self.evidence, per)

    def example_request(self) -> dict[str, Any]:
        """A body for `/v1/decide`, or where nothing is decided for `/v1/predict`, just as real."""
        return example_request(self.contract, self.evidence)


def _must_carry(contract: Contract, per: str, needed: Iterable[str]) -> None:
    lacking = sorted(set(needed) - {i.name for i in contract.inputs_of(per)})
    if lacking:
        raise StateError(f"the contract lacks '{lacking[0]}', which the models of '{per}' need", hint="release again")
