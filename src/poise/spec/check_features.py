"""Cross-checks of features: each is bound, by its own kind, to the rows of every `per`; and what then carries names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise import registry
from poise.errors import PoiseError, SpecError
from poise.spec.default_features import entries
from poise.spec.expression import Type, type_of
from poise.spec.faults import Faults
from poise.spec.source import ColumnType
from poise.spec.source_types import position_feature, why_not_sent
from poise.spec.yaml_text import KeyPath

_TYPES: dict[str, Type] = {"number": "number", "category": "string", "text": "string"}


class Carried:
    """What the rows of each `per` carry: the type of every name that rules and terms over them may use."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.pers = tuple(dict.fromkeys(objective.per for objective in faults.system.objectives.values()))
        self.outputs: dict[str, dict[str, Type]] = {per: {} for per in self.pers}

    def bind(self) -> None:
        """Bind every entry to every `per`, and note what cannot be."""
        system = self._faults.system
        for index, entry in enumerate(system.features or ()):
            path: KeyPath = ("features", index, entry.kind)
            kind = registry.get("feature", entry.kind)
            for spec in kind.split(entry.spec):
                self._bind(path, kind, spec, self.pers)
        for per in self.pers if system.features is None else ():
            for entry in entries(system, per):
                self._bind(("sources", per, "request"), registry.get("feature", entry.kind), entry.spec, (per,))
        for per in self.pers:
            self._position(per)

    def _bind(self, path: KeyPath, kind: Any, spec: Any, pers: tuple[str, ...]) -> None:
        bound = False
        before = len(self._faults.found)
        for per in pers:
            try:
                feature = kind.bind(spec, self._faults.system, per)
            except PoiseError as error:
                if str(error.message) not in {str(other.message) for _, other in self._faults.found[before:]}:
                    self._faults.add_error(path, _as_spec_error(error))
                continue
            if feature is not None:
                bound = True
                self._note(path, per, feature)
        if not bound and len(self._faults.found) == before:
            self._faults.add(path, "the rows of no objective can carry this feature")

    def _note(self, path: KeyPath, per: str, feature: Any) -> None:
        for output in feature.outputs:
            same = output.origin == f"{per}.{output.name}"  # a request column handed on under its own name
            if output.name in self.outputs[per]:
                self._faults.add(path, f"two features are named '{output.name}'", "rename one with 'as:'")
            elif output.name in self._faults.system.objectives:
                self._faults.add(path, f"'{output.name}' is an objective; rename the feature with 'as:'")
            elif output.name in self._faults.sent(per) and not same:
                self._faults.add(path, f"'{output.name}' is a request column of '{per}'; rename the feature with 'as:'")
            else:
                self._faults.word(path, output.name, "rename it with 'as:'")
            self.outputs[per][output.name] = _TYPES[output.type]

    def _position(self, per: str) -> None:
        """The position of a list's rows is a feature too, though no entry says so."""
        name = position_feature(self._faults.system, per)
        if name is None:
            return
        if name in self.outputs[per] or name in self._faults.sent(per) or name in self._faults.system.objectives:
            why = f"'{name}' is what the position is called as a feature; another name is needed for what is called so"
            self._faults.add(("decision", "position"), why)
        self.outputs[per][name] = "number"

    def names(self, per: str) -> dict[str, Type]:
        """Request columns, features, and columns of other sources whose key the rows carry, dotted."""
        faults = self._faults
        sent = {name: type_of(kind) for name, kind in faults.sent(per).items()}
        found = {**self.outputs.get(per, {}), **sent, **{f"{per}.{name}": kind for name, kind in sent.items()}}
        found.pop(position_feature(faults.system, per) or "", None)  # expressions are the same wherever a row stands
        for name, source in faults.system.sources.items():
            if name != per and source.key is not None and all(key in sent for key in source.key):
                found |= {f"{name}.{column}": type_of(kind) for column, kind in self._visible(name).items()}
        return found

    def expression(self, path: KeyPath, text: str, per: str, also: Mapping[str, Type]) -> Type | None:
        """The type of a rule or term over the rows of `per`, which may use the names `also`; noted if it is faulty."""
        names = {**self.names(per), **also}
        parsed = self._faults.parsed(text)
        for name in sorted(parsed.names - set(names)) if parsed else ():
            why = self._why_not(per, name)
            if why is not None:
                self._faults.add(path, *why)
                return None
        found = self._faults.expression(path, text, names)
        return found[1] if found else None

    def _why_not(self, per: str, name: str) -> tuple[str, str] | None:
        """Why the rows of `per` do not carry a column that exists, and what to do."""
        source, dot, column = name.partition(".")
        listed = self._faults.system.decision
        if listed is not None and name == position_feature(self._faults.system, per):
            source, dot, column = per, ".", str(listed.position)
        if not dot:
            source, column = per, name
        if source not in self._faults.types or column not in self._faults.types[source]:
            return None
        if source == per:
            why, hint = why_not_sent(self._faults.system.sources[per], self._faults.system, column)
            return f"'{column}' of '{per}' {why}", hint
        key = self._faults.system.sources[source].key
        if key is None:
            return f"'{source}' is an event log: it has no key by which to look up '{column}'", "use a window feature"
        if not set(key) <= set(self._faults.sent(per)):
            hint = "use a columns feature with 'by:' and 'as:'"
            return f"'{name}' is looked up by {', '.join(key)}, which '{per}' does not send under that name", hint
        return f"'{column}' is not in request: of '{source}', so it is known later than the row", "use another source"

    def _visible(self, source: str) -> dict[str, ColumnType]:
        """The columns of another source that may be looked up."""
        sent = self._faults.system.sources[source].request is not None
        return self._faults.sent(source) if sent else self._faults.types[source]


def _as_spec_error(error: PoiseError) -> SpecError:
    return error if isinstance(error, SpecError) else SpecError(error.message, hint=error.hint)


def check_used(faults: Faults, carried: Carried) -> None:
    """Note objectives that use features which their rows do not carry, and rules that do not fit."""
    for name, objective in faults.system.objectives.items():
        path: KeyPath = ("objectives", name)
        if objective.per not in faults.system.sources:
            continue
        for feature in objective.features or ():
            faults.one_of((*path, "features"), feature, carried.outputs[objective.per], "feature")
        if objective.features == ():
            faults.add((*path, "features"), "an empty list leaves nothing to learn from", "leave it out to use all")
        if objective.rule is not None:
            found = carried.expression((*path, "rule"), objective.rule, objective.per, {})
            if found in ("time", "duration"):
                faults.add((*path, "rule"), f"'{objective.rule}' is a {found}; a prediction or score is needed")
