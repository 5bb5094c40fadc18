"""The contract: what callers of a release send and what they get. Later releases may only widen it.

It is made of the columns that the features of a release need (nothing more is asked for), with the domains that the
system file declares, of the other columns that callers may send, and of the outputs per objective, the actions and the
terms. `compatibility.py` compares two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poise.errors import StateError
from poise.formats import CURRENT, migrate
from poise.spec.decision import Decision
from poise.spec.objective import Objective, ProblemType
from poise.spec.source import ColumnSpec, ColumnType
from poise.spec.source_types import column_types, listed_by
from poise.spec.system import SystemSpec

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Input:
    """One column of a request row of the source `per`.

    required: the key must be in the row. nullable: its value may be null. Bounds are inclusive; `pattern` must match
    the whole string; naive times are read in `timezone`. An input that is not `used` is named in `request:`, or was
    needed by an earlier release: callers may send it, and it changes nothing. Of a list, an input `varies` where it
    differed between rows of one logged list: it belongs to the candidate, not to the request.
    """

    name: str
    type: ColumnType
    required: bool = True
    nullable: bool = True
    min: float | None = None
    max: float | None = None
    values: tuple[Value, ...] | None = None
    pattern: str | None = None
    timezone: str | None = None
    per: str = ""
    used: bool = True
    varies: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """What a release predicts for one objective of the source `per`.

    Binary, multi-class and multi-label answers are probabilities (per class in `classes`); a regression's answer is in
    `unit`, the unit of its label, where that is known.
    """

    name: str
    type: ProblemType
    unit: str | None = None
    classes: tuple[str, ...] = ()
    per: str = ""


@dataclass(frozen=True, slots=True)
class TermOutput:
    """One term that a decision reports for each candidate, with its unit."""

    name: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What one release promises. `major` counts the breaks so far; `decides_on`: the source of decisions.

    A decision lists items where it has an `item`, the input that says which item a candidate is, and then shows at most
    `show` of them; else it chooses among `actions`. Without outputs nothing is predicted: a rule decides.

    >>> c = Contract("shop", inputs=(Input("price", "float", min=0.0),), outputs=(Output("sale", "binary"),))
    >>> Contract.from_json(c.to_json()) == c
    True
    """

    system: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    actions: tuple[str, ...] = ()
    terms: tuple[TermOutput, ...] = ()
    decides_on: str | None = None
    major: int = 1
    item: str | None = None
    show: int | None = None
    price: str | None = None
    """The input that a decision sets, of a grid of prices: it is sent for a prediction, and not for a decision."""

    @classmethod
    def of(
        cls,
        system: SystemSpec,
        requests: Mapping[str, Mapping[str, ColumnType]],
        *,
        also: Mapping[str, Mapping[str, ColumnType]] | None = None,
        classes: Mapping[str, Sequence[str]] | None = None,
        earlier: Contract | None = None,
        varies: Collection[str] = (),
    ) -> Contract:
        """The contract of a release.

        requests: source (`per`) -> the request columns that its features need, with their types.
        also: source -> the columns that its `request:` names: callers may send them, whatever models came to read.
        classes: objective -> its classes or labels, for multi-class and multi-label.
        earlier: the contract that callers know. So that they need not change, a nullable column that is new to it, or
        that it let them leave out, may be left out; and a column that is no longer needed may still be sent.
        varies: the columns that differ within logged lists; a list's item always does.
        """
        known = {(i.per, i.name): i for i in earlier.inputs} if earlier else {}
        inputs = {
            (per, name): _input(system, per, name, kind, optional=earlier is not None and not _sent(known, per, name))
            for per, columns in requests.items()
            for name, kind in _with_item(system, per, columns).items()
        }
        spare = {
            (per, name): _input(system, per, name, kind, optional=True)
            for per, columns in (also or {}).items()
            for name, kind in columns.items()
            if (per, name) not in inputs
        }
        unused = [replace(i, required=False, used=False) for k, i in {**known, **spare}.items() if k not in inputs]
        decision = system.decision
        lists = decision if decision is not None and decision.lists else None
        if lists is not None:
            inputs |= _varying(inputs, lists, varies)
        return cls(
            system=system.system,
            inputs=(*inputs.values(), *unused),
            outputs=tuple(_output(name, o, (classes or {}).get(name, ())) for name, o in system.objectives.items()),
            actions=decision.actions if decision else (),
            terms=tuple(TermOutput(name, term.unit) for name, term in decision.terms.items()) if decision else (),
            decides_on=decision.per if decision else None,
            major=earlier.major if earlier else 1,
            item=lists.item if lists else None,
            show=lists.show if lists else None,
            price=decision.prices.column if decision and decision.prices else None,
        )

    @property
    def to_decide(self) -> Contract:
        """This contract as it is for a decision: without the input that the decision sets."""
        if self.price is None:
            return self
        mine = self.decides_on, self.price
        return replace(self, inputs=tuple(i for i in self.inputs if (i.per, i.name) != mine))

    @property
    def lists(self) -> bool:
        """Whether decisions list items; else they choose an action, or there are none."""
        return self.item is not None

    @property
    def pers(self) -> tuple[str, ...]:
        """The sources whose rows may be sent, in order."""
        return tuple(dict.fromkeys([*(o.per for o in self.outputs), *self._decided, *(i.per for i in self.inputs)]))

    @property
    def unless_said(self) -> str | None:
        """The source of rows that come without `per`: that of decisions, else the only one; None where `per` must be
        sent."""
        only = self.pers[0] if len(self.pers) == 1 else None
        return self.decides_on or only

    @property
    def _decided(self) -> tuple[str, ...]:
        return () if self.decides_on is None else (self.decides_on,)

    def inputs_of(self, per: str) -> tuple[Input, ...]:
        """The columns of a request row of `per`."""
        return tuple(i for i in self.inputs if i.per == per)

    def outputs_of(self, per: str) -> tuple[Output, ...]:
        """What is predicted for a row of `per`."""
        return tuple(o for o in self.outputs if o.per == per)

    def to_json(self) -> dict[str, Any]:
        """As `contract.json` holds it: what is not set is left out."""
        return {
            "format": CURRENT["contract"],
            "system": self.system,
            "major": self.major,
            "inputs": [_plain(i) for i in self.inputs],
            "outputs": [_plain(o) for o in self.outputs],
            "actions": list(self.actions),
            "terms": [_plain(t) for t in self.terms],
            "decides_on": self.decides_on,
            "item": self.item,
            "show": self.show,
            **({} if self.price is None else {"price": self.price}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Contract:
        """The contract that `to_json` wrote. Raises `StateError` where the content is none, or of a newer format."""
        content = migrate("contract", dict(content))
        try:
            return cls(
                system=content["system"],
                inputs=tuple(Input(**_tuples(i)) for i in content["inputs"]),
                outputs=tuple(Output(**_tuples(o)) for o in content["outputs"]),
                actions=tuple(content["actions"]),
                terms=tuple(TermOutput(**t) for t in content["terms"]),
                decides_on=content["decides_on"],
                major=content["major"],
                item=content.get("item"),  # absent from contracts that were written before there were lists
                show=content.get("show"),
                price=content.get("price"),
            )
        except (KeyError, TypeError) as error:
            raise StateError(f"this contract cannot be read: {error}", hint="release again") from error


def _with_item(system: SystemSpec, per: str, columns: Mapping[str, ColumnType]) -> dict[str, ColumnType]:
    """Some columns of a request row, and of a list's rows the item even if no model reads it."""
    listed = listed_by(system.sources[per], system)
    if listed is None or listed.item is None or listed.item in columns:
        return dict(columns)
    return {listed.item: column_types(system.sources[per], system)[listed.item], **columns}


def _varying(
    inputs: Mapping[tuple[str, str], Input], decision: Decision, varies: Collection[str]
) -> dict[tuple[str, str], Input]:
    """The inputs of a list's candidates: the item, which each must have, and what else differs between them."""
    out = {key: replace(i, varies=True) for key, i in inputs.items() if key[0] == decision.per and key[1] in varies}
    assert decision.item is not None
    item = decision.per, decision.item
    return out | {item: replace(inputs[item], varies=True, required=True, nullable=False)}


def _sent(known: Mapping[tuple[str, str], Input], per: str, name: str) -> bool:
    """Whether callers of the earlier contract send this column for certain."""
    return (per, name) in known and known[per, name].required


def _input(system: SystemSpec, per: str, name: str, kind: ColumnType, *, optional: bool) -> Input:
    """A derived column has a type but no declared domain; callers send it like any other."""
    source = system.sources[per]
    column = source.columns.get(name, ColumnSpec.model_validate(kind))
    nullable = not column.required
    return Input(
        name=name,
        type=kind,
        required=not (optional and nullable),
        nullable=nullable,
        min=column.min,
        max=column.max,
        values=column.values,
        pattern=column.pattern,
        timezone=(column.timezone or source.timezone or system.timezone) if kind == "time" else None,
        per=per,
    )


def _output(name: str, objective: Objective, classes: Sequence[str]) -> Output:
    unit = None if objective.type == "regression" else "probability"
    return Output(name, objective.type, unit, tuple(classes), objective.per)


def _plain(record: Input | Output | TermOutput) -> dict[str, Any]:
    """The fields of a record that are set."""
    fields = {name: getattr(record, name) for name in record.__slots__}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items() if v is not None}


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
