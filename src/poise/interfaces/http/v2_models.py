"""What a server calls a model for callers of the Open Inference Protocol V2, and what it says of it.

The system is a model, with all objectives of the rows that it decides on (else of its first source); so is each
objective, as `system.objective`. The releases that are served are the versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from poise.errors import NoSuchModel, RequestError, did_you_mean
from poise.interfaces.http.v2_request import Inference, Tensor
from poise.interfaces.http.v2_tensors import FP64, datatype_of, datatypes_for
from poise.releases.contract import Contract, Input, Output
from poise.serving.answer import Answerer
from poise.serving.body import shown
from poise.serving.field import Field, Unfit
from poise.serving.limits import Limits
from poise.serving.rows import Received
from poise.serving.served import Served
from poise.table import Column, Table

PLATFORM = "poise_release"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One model of one release: rows of the source `per` in, one number (or one per class) for each output out."""

    name: str
    per: str
    fields: Mapping[str, Field]
    outputs: Mapping[str, Output]

    def received(self, asked: Inference, limits: Limits) -> Received:
        """The rows of a request as columns. Raises `RequestError` for an input that is not one, lacks or does not fit.

        >>> inputs = (Input("carrier", "category", per="flights"),)
        >>> model = models_of(Contract("f", inputs, (Output("late", "binary", per="flights"),)))["f.late"]
        >>> asked = Inference((Tensor("carrier", "BYTES", ["UA"]),), 1, {}, False, None, None, None, None)
        >>> model.received(asked, Limits()).rows["carrier"].to_list()
        ['UA']
        """
        came = {tensor.name: tensor for tensor in asked.inputs}
        for name in came:
            if name not in self.fields:
                hint = did_you_mean(name[:100], self.fields)
                raise RequestError("there is no such input", field=f"inputs.{shown(name)}", hint=hint)
        columns = {}
        for name, field in self.fields.items():
            if name in came:
                columns[name] = _column(field, came[name], limits)
            elif field.spec.required:
                raise RequestError("nothing came", field=f"inputs.{name}", allowed=_allowed(field.spec))
            else:
                columns[name] = field.column([None] * asked.rows, limits)
        return Received(self.per, Table(columns, asked.rows), asked.time, False, frozenset(came))

    def wanted(self, asked: Inference) -> Mapping[str, bool]:
        """The outputs that are asked for, and whether each goes back as bytes. Raises for one that there is not."""
        for name in asked.outputs:
            if name not in self.outputs:
                hint = did_you_mean(name[:100], self.outputs)
                raise RequestError("there is no such output", field=f"outputs.{shown(name)}", hint=hint)
        return asked.outputs or dict.fromkeys(self.outputs, asked.binary)

    def metadata(self, versions: list[str]) -> dict[str, Any]:
        """The document of the protocol; `parameters` says of each tensor what the protocol has no word for."""
        inputs = [_told_input(field.spec) for field in self.fields.values() if field.spec.used]
        outputs = [_told_output(output) for output in self.outputs.values()]
        return {"name": self.name, "versions": versions, "platform": PLATFORM, "inputs": inputs, "outputs": outputs}


def models_of(contract: Contract) -> dict[str, Model]:
    """The models of a release with this contract, by name."""
    per = contract.decides_on or contract.pers[0]
    fields = {source: {i.name: Field(i) for i in contract.inputs_of(source)} for source in contract.pers}
    named = [(contract.system, per, contract.outputs_of(per))]
    named += [(f"{contract.system}.{output.name}", output.per, (output,)) for output in contract.outputs]
    return {name: Model(name, per, fields[per], {o.name: o for o in outputs}) for name, per, outputs in named}


class Models:
    """The models of all releases that a server serves, made once for each release."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._made: WeakKeyDictionary[Answerer, Mapping[str, Model]] = WeakKeyDictionary()

    def names(self) -> list[str]:
        """The models that answer callers who choose no version."""
        return list(self._of(self._served.live))

    def find(
        self, name: str, version: str | None, major: int | None, by: Answerer | None = None
    ) -> tuple[Model, Answerer]:
        """The model of that name in the release `version`; without one, of `by` or what answers contract `major`.

        Raises `NoSuchModel` where the server has no such model or version, `RequestError` for a version of another
        contract than the one asked for, and what `Served.of` raises.
        """
        answerer = self._release(version, name, major) if version is not None else by or self._served.of(major)
        models = self._of(answerer)
        if name not in models:
            raise NoSuchModel(f"there is no model '{shown(name)}'", hint=did_you_mean(name[:100], models))
        return models[name], answerer

    def versions(self, name: str) -> list[str]:
        """The releases that have a model of that name, the oldest contract first."""
        return [one.release for one in self._served.all if name in self._of(one)]

    def _release(self, version: str, name: str, major: int | None) -> Answerer:
        found = next((one for one in self._served.all if one.release == version), None)
        if found is None:
            served = ", ".join(one.release for one in self._served.all)
            said = f"there is no version '{shown(version)}' of '{shown(name)}'"
            raise NoSuchModel(said, hint=f"versions are releases, and these are served: {served}")
        if major not in (None, found.loaded.contract.major):
            said = f"{major} came, and release {version} has contract {found.loaded.contract.major}"
            raise RequestError(said, field="header poise-contract", hint="choose by version or by contract")
        return found

    def _of(self, answerer: Answerer) -> Mapping[str, Model]:
        made = self._made.get(answerer)
        if made is None:
            made = self._made[answerer] = models_of(answerer.loaded.contract)
        return made


def _column(field: Field, tensor: Tensor, limits: Limits) -> Column:
    kinds = datatypes_for(field.spec.type)
    place = f"inputs.{field.name}"
    if tensor.datatype not in kinds:
        raise RequestError(f"{tensor.datatype} came", field=f"{place}.datatype", allowed=", ".join(kinds))
    values = tensor.values
    if field.spec.type == "bool" and tensor.datatype != "BOOL":
        values = [bool(value) if type(value) in (int, float) and value in (0, 1) else value for value in values]
    try:
        return field.column(values, limits)
    except Unfit as error:
        raise RequestError(f"{error.came} came", field=f"{place}[{error.row}]", allowed=field.allowed) from None


def _allowed(spec: Input) -> str:
    return f"a tensor of {datatype_of(spec.type)}"


def _told_input(spec: Input) -> dict[str, Any]:
    says: dict[str, Any] = {"type": spec.type, "optional": not spec.required, "missing": spec.nullable}
    limits = {"minimum": spec.min, "maximum": spec.max, "pattern": spec.pattern, "timezone": spec.timezone}
    says |= {name: value for name, value in limits.items() if value is not None}
    if spec.values is not None:
        says["values"] = list(spec.values)
    return {"name": spec.name, "datatype": datatype_of(spec.type), "shape": [-1], "parameters": says}


def _told_output(output: Output) -> dict[str, Any]:
    says: dict[str, Any] = {"type": output.type, **({"unit": output.unit} if output.unit else {})}
    shape = [-1]
    if output.classes:
        shape = [-1, len(output.classes)]
        says["classes"] = list(output.classes)
    return {"name": output.name, "datatype": FP64, "shape": shape, "parameters": says}
