"""`compute`: features by expression, over request columns, other features and columns of other sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from poise.errors import SpecError
from poise.features.base import Edges, Output, OutputType
from poise.features.scope import Dependent, Meaning, Scope, needs_of
from poise.spec.expression import Expression, Type, check, parse, type_of
from poise.spec.in_numpy import compile as compiled
from poise.spec.record import Record
from poise.stores.base import OnlineStore
from poise.table import Column, History, Requests

_OUTPUT: dict[Type, OutputType] = {"number": "number", "bool": "number", "duration": "number", "string": "category"}


class ComputeSpec(Record):
    """`compute: {price_gap: restaurants.price - users.budget}`: names and their expressions."""

    define: dict[str, str]
    """Name -> expression."""

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """`{name: expression, …}` as people write it."""
        if not isinstance(value, dict) or isinstance(value.get("define"), dict):
            return value
        return {"define": {name: str(text) if isinstance(text, int | float) else text for name, text in value.items()}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As people write it."""
        return {"type": "object", "additionalProperties": {"type": "string"}, "description": cls.__doc__}


class Compute(Dependent):
    """One expression. Missing in, missing out, unless the expression says otherwise (`coalesce`, `missing`)."""

    Spec = ComputeSpec

    def __init__(self, name: str, expression: Expression, meanings: Mapping[str, Meaning]) -> None:
        types = {written: type_of(meaning.type) for written, meaning in meanings.items()}
        found = check(expression, types, where=name)
        if found == "time":
            raise SpecError(
                f"'{name}' is an instant, which is no feature by itself; subtract two times, or take hour()"
            )
        self._name = name
        self._keys = tuple((written, meaning.key) for written, meaning in meanings.items())
        self._run = compiled(expression, types)
        self.outputs = (Output(name, _OUTPUT[found], f"= {expression.text}"),)
        self.needs = needs_of(meanings.values())

    @classmethod
    def split(cls, spec: ComputeSpec) -> tuple[ComputeSpec, ...]:
        """One entry per name, so that each is computed only where it is needed."""
        return tuple(ComputeSpec(define={name: text}) for name, text in spec.define.items())

    @classmethod
    def defines(cls, spec: ComputeSpec) -> tuple[str, ...]:
        """The names given."""
        return tuple(spec.define)

    @classmethod
    def bind_in(cls, spec: ComputeSpec, scope: Scope) -> Self:
        """Raises `SpecError` where a name means nothing or the types do not fit."""
        ((name, text),) = spec.define.items()
        expression = parse(text, where=name)
        if not expression.names:
            raise SpecError(f"'{name}: {text}' reads no column: a constant tells a model nothing")
        return cls(name, expression, {written: scope.resolve(written) for written in sorted(expression.names)})

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """The value of the expression for each request."""
        return {self._name: self._run({written: made[key] for written, key in self._keys})}

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The value of the expression for each request."""
        return {self._name: self._run({written: made[key] for written, key in self._keys})}

    def holds(self) -> Edges:
        """For good: an expression knows nothing but what it is given."""
        return ()
