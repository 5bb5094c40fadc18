"""What a name means for the rows of one `per`: a request column, a feature, or the newest value in another source.

This is where the rule of the own row is kept: of the row that is predicted for, only what the caller sends has a
meaning; any other column of it may be known too late.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from poise import registry
from poise.errors import SpecError, did_you_mean
from poise.features.base import Feature, Lookup, Needs, Output, OutputType
from poise.features.rows import NotCarried, carried, is_timed, kind_of, request_columns
from poise.spec.default_features import entries
from poise.spec.source import ColumnType
from poise.spec.source_types import column_types, position_feature, why_not_sent
from poise.spec.system import SystemSpec

By = str | tuple[str, ...] | Mapping[str, str] | None
_COLUMN: dict[OutputType, ColumnType] = {"number": "float", "category": "category", "text": "text"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one name stands for, and under which `key` its value stands in `made`. One of the last three is set."""

    name: str
    key: str
    type: ColumnType
    request: str | None = None
    feature: str | None = None
    lookup: Lookup | None = None


def needs_of(meanings: Iterable[Meaning]) -> Needs:
    """What reading these takes."""
    every = tuple(meanings)
    lookups = frozenset(m.lookup for m in every if m.lookup)
    request = {m.request for m in every if m.request} | {name for lookup in lookups for name in roots(lookup)}
    return Needs(frozenset(request), {}, frozenset(m.feature for m in every if m.feature), lookups)


def roots(lookup: Lookup) -> Iterator[str]:
    """The request columns from which a lookup starts."""
    through = {other.name: other for other in lookup.through}
    for name in lookup.by:
        if name in through:
            yield from roots(through[name])
        else:
            yield name


class Dependent(Feature, ABC):
    """A kind whose entries name their outputs themselves and may read other features."""

    @classmethod
    @abstractmethod
    def defines(cls, spec: Any) -> tuple[str, ...]:
        """The names of its outputs."""

    @classmethod
    @abstractmethod
    def bind_in(cls, spec: Any, scope: Scope) -> Self:
        """This entry within `scope`. Raises `NotCarried` or another `SpecError`."""

    @classmethod
    def bind(cls, spec: Any, system: SystemSpec, per: str) -> Self | None:
        """This entry for the rows of `per`."""
        return carried(lambda name: cls.bind_in(spec, Scope(system, name)), system, per)


class Scope:
    """The names that features, rules and terms may use for the rows of `per`."""

    def __init__(self, system: SystemSpec, per: str) -> None:
        self.system = system
        self.per = per
        self.request = request_columns(system, per)
        self._bound: dict[int, Feature | None] = {}
        self._binding: list[str] = []

    def features(self) -> tuple[Feature, ...]:
        """Every entry of `features:` that the rows of `per` can carry, in the order of the file."""
        bound = (self._bind(number) for number in range(len(self._entries)))
        return tuple(feature for feature in bound if feature is not None)

    def resolve(self, name: str) -> Meaning:
        """What `name` means. Raises `SpecError` with the nearest known name; `NotCarried` if other rows may know it."""
        source, dot, column = name.partition(".")
        if dot and source == self.per:
            return self.own(column)
        if dot and source not in self.system.sources:
            raise SpecError(f"'{name}': there is no source '{source}'", hint=did_you_mean(source, self.system.sources))
        if dot:
            return self.look_up(source, column)
        if name == position_feature(self.system, self.per):
            why = "is the position, which expressions cannot read: it is answered as for the first place"
            raise SpecError(f"'{name}' {why}")
        output = self.outputs.get(name)
        if name in self.request:
            same = output is not None and output.origin == f"{self.per}.{name}"
            if (output is not None and not same) or name in self._definitions:
                raise SpecError(f"'{name}' is both a request column of '{self.per}' and a feature; rename the feature")
            return self.own(name)
        if name in self._definitions:
            output = self._defined(name)
        if output is not None:
            return Meaning(name, name, _COLUMN[output.type], feature=name)
        return self.own(name, {*self.outputs, *self._definitions})

    def own(self, column: str, also: Iterable[str] = ()) -> Meaning:
        """A column of the row itself, which must be one that the caller sends; `also` may have been meant."""
        if column in self.request:
            return Meaning(column, column, self.request[column], request=column)
        if column not in column_types(self.system.sources[self.per], self.system):
            hint = did_you_mean(column, {*self.request, *also})
            raise NotCarried(f"the rows of '{self.per}' have no '{column}'", hint=hint)
        why, hint = why_not_sent(self.system.sources[self.per], self.system, column)
        raise NotCarried(f"'{column}' of '{self.per}' {why}", hint=hint)

    def look_up(self, source: str, column: str, by: By = None) -> Meaning:
        """The newest value of `source.column` as of T; `by` as in a `columns` entry, default the source's key."""
        types = column_types(self.system.sources[source], self.system)
        if column not in types:
            raise SpecError(f"source '{source}' has no column '{column}'", hint=did_you_mean(column, types))
        self._may_look_up(source, column)
        pairs = _pairs(source, self.system.sources[source].key or (), by)
        keys = {part: self._key_part(source, part, types[part], name) for part, name in pairs.items()}
        names = tuple(meaning.key for meaning in keys.values())
        plain = names == tuple(keys)
        key = f"{source}.{column}" + ("" if plain else f" by {', '.join(names)}")
        through = tuple(meaning.lookup for meaning in keys.values() if meaning.lookup)
        return Meaning(f"{source}.{column}", key, types[column], lookup=Lookup(source, column, names, key, through))

    @cached_property
    def outputs(self) -> dict[str, Output]:
        """The outputs of all features that read no other feature, by name."""
        found: dict[str, Output] = {}
        for number, (kind, _) in enumerate(self._entries):
            if issubclass(kind, Dependent):
                continue
            try:
                feature = self._bind(number)
            except SpecError:
                continue  # told where that entry itself is bound
            found |= {output.name: output for output in feature.outputs} if feature else {}
        return found

    @cached_property
    def _entries(self) -> tuple[tuple[type[Feature], Any], ...]:
        kinds = ((registry.get("feature", entry.kind), entry.spec) for entry in entries(self.system, self.per))
        return tuple((kind, spec) for kind, whole in kinds for spec in kind.split(whole))

    @cached_property
    def _definitions(self) -> dict[str, int]:
        """The entry that defines each name."""
        return {
            name: number
            for number, (kind, spec) in enumerate(self._entries)
            if issubclass(kind, Dependent)
            for name in kind.defines(spec)
        }

    def _bind(self, number: int) -> Feature | None:
        if number not in self._bound:
            kind, spec = self._entries[number]
            if issubclass(kind, Dependent):
                self._bound[number] = carried(lambda per: kind.bind_in(spec, self._of(per)), self.system, self.per)
            else:
                self._bound[number] = kind.bind(spec, self.system, self.per)
        return self._bound[number]

    def _of(self, per: str) -> Scope:
        return self if per == self.per else Scope(self.system, per)

    def _defined(self, name: str) -> Output:
        """The output of a feature that may read others, bound first."""
        if name in self._binding:
            ring = " -> ".join([*self._binding[self._binding.index(name) :], name])
            raise SpecError(f"features need each other in a ring: {ring}")
        self._binding.append(name)
        try:
            feature = self._bind(self._definitions[name])
        finally:
            self._binding.pop()
        if feature is None:
            raise NotCarried(f"the rows of '{self.per}' cannot carry the feature '{name}'")
        return next(output for output in feature.outputs if output.name == name)

    def _may_look_up(self, source: str, column: str) -> None:
        spec = self.system.sources[source]
        if spec.key is None:
            raise NotCarried(
                f"'{source}' is an event log: it has no key by which to look '{column}' up",
                hint=f"give it a key:, or use a window over it, e.g. last({column})",
            )
        if spec.kind == "history" and not is_timed(self.system, self.per):
            raise NotCarried(f"'{source}' changes in time, but the rows of '{self.per}' have no time to look it up at")
        if spec.request is not None and column not in request_columns(self.system, source):
            raise SpecError(
                f"'{column}' of '{source}' is not among its request: columns, so it is known later than the row's time",
                hint="declare a second source over the same file whose time is when it is known",
            )

    def _key_part(self, source: str, part: str, type: ColumnType, name: str) -> Meaning:
        """What holds one part of the key of `source`."""
        meaning = self.resolve(name) if "." in name else self.own(name)
        if kind_of(type) != kind_of(meaning.type):
            raise SpecError(
                f"the key '{part}' of '{source}' is a {type}, but '{name}' of '{self.per}' a {meaning.type}: "
                f"they can never be equal; declare both as one type"
            )
        return meaning


def _pairs(source: str, key: tuple[str, ...], by: By) -> dict[str, str]:
    """Each part of the key of `source`, and the name of what holds it."""
    if by is None:
        return {part: part for part in key}
    if isinstance(by, Mapping):
        if set(by) != set(key):
            raise SpecError(f"by: names {', '.join(by)}, but the key of '{source}' is {', '.join(key)}")
        return {part: by[part] for part in key}
    names = (by,) if isinstance(by, str) else tuple(by)
    if len(names) != len(key):
        raise SpecError(f"by: has {len(names)} parts, but the key of '{source}' is {', '.join(key)}")
    return dict(zip(key, names, strict=True))
