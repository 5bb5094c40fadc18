"""A release in memory: everything that answers need and that never changes, read from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.decisions.choose import Chooser
from poise.decisions.of_system import chooser_of
from poise.errors import StateError
from poise.features.plan import FeaturePlan
from poise.models.predictor import Predictor
from poise.releases.contract import Contract, Input
from poise.releases.folder import ReleaseFolder
from poise.serving.score import Scorer
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec
from poise.stores.base import Declaration

_EXAMPLE: Mapping[str, str | float | bool] = {"int": 1, "float": 1.0, "bool": True, "time": "2026-01-01T12:00:00+00:00"}


@dataclass(frozen=True, eq=False)
class Loaded:
    """One release: its system, contract and evidence, a scorer per source whose rows may be sent, and its chooser."""

    release: str
    system: SystemSpec
    contract: Contract
    scorers: Mapping[str, Scorer]
    chooser: Chooser | None
    declarations: tuple[Declaration, ...]
    """What the online store must keep, declared before it observes any row."""
    evidence: Mapping[str, Any]

    @classmethod
    def of(cls, folder: ReleaseFolder) -> Loaded:
        """The release (or candidate) in a verified folder. Raises `StateError` or `SpecError` where it is not whole."""
        text = folder.system_file.read_text(encoding="utf-8")
        system = read_text(text, name=str(folder.system_file))
        contract = Contract.from_json(folder.json("contract"))
        predictors = {output.name: Predictor.load(folder.model(output.name)) for output in contract.outputs}
        chooser = chooser_of(system, {output.name: output.classes for output in contract.outputs})
        plans, scorers = {}, {}
        for per in contract.pers:
            outputs = contract.outputs_of(per)
            read = {name for output in outputs for name in predictors[output.name].inputs}
            extra = chooser.extra_names() if chooser and per == contract.decides_on else frozenset[str]()
            whole = FeaturePlan.of(system, per)
            plan = whole.select({output.name for output in whole.outputs} & (read | extra))
            scorers[per] = Scorer(plan, outputs, predictors, extra)
            _must_carry(contract, per, plan.request_with(scorers[per].extra))
            plans[per] = plan
        declarations = tuple(dict.fromkeys(d for plan in plans.values() for d in plan.declarations))
        evidence = folder.json("evidence") if (folder.path / "evidence.json").is_file() else {}
        return cls(folder.name, system, contract, scorers, chooser, declarations, evidence)

    @property
    def timed(self) -> bool:
        """Whether anything in the system has time, so that answers are as of an instant."""
        return any(source.time is not None for source in self.system.sources.values())

    def example(self, per: str) -> dict[str, Any]:
        """A row that a caller could send: a real one where the evidence holds some, else one made of the contract."""
        known = self.evidence.get("examples", {}).get(per, ())
        return dict(known[0]) if known else {i.name: _example(i) for i in self.contract.inputs_of(per)}


def _must_carry(contract: Contract, per: str, needed: Iterable[str]) -> None:
    lacking = sorted(set(needed) - {i.name for i in contract.inputs_of(per)})
    if lacking:
        raise StateError(f"the contract lacks '{lacking[0]}', which the models of '{per}' need", hint="release again")


def _example(spec: Input) -> str | float | bool:
    if spec.values:
        return spec.values[0]
    if spec.type in ("int", "float"):
        low = spec.min if spec.min is not None else min(1.0, spec.max if spec.max is not None else 1.0)
        return int(low) if spec.type == "int" else low
    return _EXAMPLE.get(spec.type, "example")
