"""What a `window:` entry means for the rows of one `per`: its keys on both sides, its outputs, and every check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from poise.errors import SpecError, did_you_mean
from poise.features.base import Lookup, Needs, Output, OutputType
from poise.features.rows import NotCarried, is_timed, kind_of, output_type, request_columns
from poise.features.scope import Scope, roots
from poise.spec.source import ColumnType, Source
from poise.spec.source_types import column_types, why_not_sent
from poise.spec.system import SystemSpec
from poise.spec.units import duration_text
from poise.stores.base import JoinedKey

KEY_TYPES = ("string", "category", "int", "bool")
NUMBERS = ("int", "float", "bool")
OF_NUMBERS = ("sum", "mean", "min", "max")


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One part of a key: where it stands in the rows that are aggregated, and in the request.

    `request` names a request column or, where `lookup` is given, that lookup; `label` is the part in default names.
    """

    event: str | JoinedKey
    request: str
    label: str
    lookup: Lookup | None = None


@dataclass(frozen=True, slots=True)
class BoundWindow:
    """A `window:` entry whose every name has been found."""

    parts: tuple[KeyPart, ...]
    outputs: tuple[Output, ...]
    needs: Needs


class Binding:
    """Binds one entry to one `per`; every error begins with which window it is about."""

    def __init__(self, system: SystemSpec, per: str, source: str) -> None:
        self.system = system
        self.per = per
        self.name = source
        self.about = f"window over '{source}'"
        if source not in system.sources:
            raise SpecError(f"{self.about}: there is no such source", hint=did_you_mean(source, system.sources))
        self.source = system.sources[source]
        if self.source.time is None:
            raise SpecError(
                f"{self.about}: a window needs events in time, and this {self.source.kind} declares no time",
                hint=f"declare sources.{source}.time, or use a columns feature",
            )
        if not is_timed(system, per):
            raise NotCarried(
                f"{self.about}: rows of '{per}' have no T to look back from",
                hint=f"declare sources.{per}.time, or at: in the objective",
            )
        self.types = column_types(self.source, system)
        self.visible = _visible(system, source, self.source, self.types)

    def bind(
        self,
        by: Sequence[str] | Mapping[str, str],
        over: Sequence[int],
        take: Sequence[tuple[str, str | None]],
        rename: str | Mapping[str, str] | None,
    ) -> BoundWindow:
        """All of the entry. Raises `SpecError`; `NotCarried` where only rows of this `per` lack something."""
        pairs = by.items() if isinstance(by, Mapping) else [(name, name) for name in by]
        parts = tuple(self._part(event, request) for event, request in pairs)
        if len({part.label for part in parts}) < len(parts):
            raise SpecError(f"{self.about}: by names a key twice: {', '.join(part.label for part in parts)}")
        types = [self._type_of(aggregate, column) for aggregate, column in take]
        outputs = self._outputs(parts, over, list(zip(take, types, strict=True)), rename)
        return BoundWindow(parts, outputs, self._needs(parts, [column for _, column in take if column]))

    def _part(self, event: str, request: str) -> KeyPart:
        """One part of the key, found on both sides, of types that can be equal."""
        event = event.removeprefix(f"{self.name}.")
        held, event_type = self._of_event(event)
        column, request_type, lookup = self._of_request(request, event)
        for name, found in ((event, event_type), (request, request_type)):
            if found not in KEY_TYPES:
                raise SpecError(f"{self.about}: '{name}' is a {found}, and a key is one of {', '.join(KEY_TYPES)}")
        if kind_of(event_type) != kind_of(request_type) or (event_type == "bool") != (request_type == "bool"):
            raise SpecError(
                f"{self.about}: '{event}' is a {event_type} and '{request}' of '{self.per}' a {request_type}: "
                "they never match"
            )
        label = event.replace(".", "_")
        if request.removeprefix(f"{self.per}.") != event:
            label += "_is_" + request.removeprefix(f"{self.per}.").replace(".", "_")
        return KeyPart(held, column, label, lookup)

    def _of_event(self, name: str) -> tuple[str | JoinedKey, ColumnType]:
        """A key's part in the rows that are aggregated: a column of theirs, or of a source that they point to."""
        if "." not in name:
            return name, self._column(name)
        joined, _, column = name.partition(".")
        if joined not in self.system.sources:
            raise SpecError(
                f"{self.about}: by '{name}': there is no source '{joined}'",
                hint=did_you_mean(joined, self.system.sources),
            )
        source = self.system.sources[joined]
        if source.key is None:
            raise SpecError(
                f"{self.about}: by '{name}': '{joined}' is an event log; only tables and histories have keys"
            )
        types = column_types(source, self.system)
        visible = _visible(self.system, joined, source, types)
        if column not in visible:
            raise SpecError(
                f"{self.about}: by '{name}': {_lacks(joined, column, types, visible)}", hint=_near(column, visible)
            )
        lacking = [key for key in source.key if key not in self.visible]
        if lacking:
            raise SpecError(
                f"{self.about}: by '{name}' needs the key of '{joined}' in '{self.name}', which lacks '{lacking[0]}'",
                hint=_near(lacking[0], self.visible),
            )
        for key in source.key:
            if kind_of(types[key]) != kind_of(self.types[key]):
                raise SpecError(
                    f"{self.about}: '{key}' is a {self.types[key]} in '{self.name}' and a {types[key]} in '{joined}': "
                    "they never match"
                )
        return JoinedKey(joined, column, source.key, source.key), types[column]

    def _of_request(self, name: str, event: str) -> tuple[str, ColumnType, Lookup | None]:
        """A key's part in the request: a column that the caller sends, or one of a source that it points to."""
        plain = name.removeprefix(f"{self.per}.")
        if "." in plain:
            source, _, column = plain.partition(".")
            if source not in self.system.sources:
                raise SpecError(
                    f"{self.about}: by '{name}': there is no source '{source}'",
                    hint=did_you_mean(source, self.system.sources),
                )
            for key in self.system.sources[source].key or ():
                self._sent(key, f"'{name}' is looked up by '{key}'")
            meaning = Scope(self.system, self.per).look_up(source, column)
            return meaning.key, meaning.type, meaning.lookup
        hint = None if plain != event else f"where the names differ, write by: {{{event}: column of {self.per}}}"
        return plain, self._sent(plain, f"by '{plain}'", hint), None

    def _sent(self, column: str, use: str, hint: str | None = None) -> ColumnType:
        """The type of a column that callers send."""
        sent = request_columns(self.system, self.per)
        if column in sent:
            return sent[column]
        own = column_types(self.system.sources[self.per], self.system)
        if column in own:
            why, more = why_not_sent(self.system.sources[self.per], self.system, column)
            raise NotCarried(f"{self.about}: {use}: '{column}' of '{self.per}' {why}", hint=more)
        near = did_you_mean(column, sent)
        raise NotCarried(
            f"{self.about}: {use}: '{self.per}' has no such column",
            hint=hint if hint and not near.startswith("did") else near,
        )

    def _column(self, name: str) -> ColumnType:
        """The type of a column of the rows that are aggregated."""
        if name not in self.visible:
            raise SpecError(
                f"{self.about}: {_lacks(self.name, name, self.types, self.visible)}", hint=_near(name, self.visible)
            )
        return self.types[name]

    def _type_of(self, aggregate: str, column: str | None) -> OutputType:
        """What an aggregate gives, if its column can be aggregated so."""
        if column is None:
            return "number"
        found = self._column(column)
        if aggregate in OF_NUMBERS and found not in NUMBERS:
            raise SpecError(f"{self.about}: {aggregate}({column}) needs a number, and '{column}' is a {found}")
        if aggregate != "last":
            return "number"
        gives = output_type(found)
        if gives is None or gives == "text":
            raise SpecError(f"{self.about}: last({column}) needs a number or a category, and '{column}' is a {found}")
        return gives

    def _outputs(
        self,
        parts: Sequence[KeyPart],
        over: Sequence[int],
        take: Sequence[tuple[tuple[str, str | None], OutputType]],
        rename: str | Mapping[str, str] | None,
    ) -> tuple[Output, ...]:
        labels = [part.label for part in parts]
        name_end = "_by_" + "_".join(labels) if labels else ""
        origin_end = " by " + ", ".join(labels) if labels else ""
        made = []
        for (aggregate, column), gives in take:
            name = f"{self.name}_{aggregate}_{column}" if column else f"{self.name}_{aggregate}"
            origin = f"{aggregate}({column})" if column else aggregate
            for length in map(duration_text, over):
                text = f"{origin} of {self.name} over {length}{origin_end}"
                made.append(Output(f"{name}_{length}{name_end}", gives, text))
        return self._renamed(made, rename)

    def _renamed(self, made: Sequence[Output], rename: str | Mapping[str, str] | None) -> tuple[Output, ...]:
        if isinstance(rename, str):
            if len(made) > 1:
                raise SpecError(
                    f"{self.about}: as: {rename} names one output, and there are {len(made)}",
                    hint="write as: {default name: name}, e.g. {" + f"{made[0].name}: {rename}" + "}",
                )
            rename = {made[0].name: rename}
        names = dict(rename or {})
        for name in names:
            if name not in {output.name for output in made}:
                raise SpecError(
                    f"{self.about}: as: there is no output '{name}'", hint=did_you_mean(name, [o.name for o in made])
                )
        return tuple(Output(names.get(o.name, o.name), o.type, o.origin) for o in made)

    def _needs(self, parts: Sequence[KeyPart], columns: Iterable[str]) -> Needs:
        """What the window reads: columns of the rows, the sources they point to, and the request."""
        read: dict[str, set[str]] = {self.name: set(columns)}
        request: set[str] = set()
        for part in parts:
            if isinstance(part.event, JoinedKey):
                read[self.name] |= set(part.event.by)
                read.setdefault(part.event.source, set()).update((*part.event.key, part.event.column))
            else:
                read[self.name].add(part.event)
            request |= set(roots(part.lookup)) if part.lookup else {part.request}
        sources = {name: frozenset(names) for name, names in read.items()}
        lookups = frozenset(part.lookup for part in parts if part.lookup)
        return Needs(frozenset(request), sources, lookups=lookups)


def _visible(system: SystemSpec, name: str, source: Source, types: Mapping[str, ColumnType]) -> tuple[str, ...]:
    """The columns of a row that are known at its τ: of a source that says what callers send, only those."""
    return tuple(types) if source.request is None else tuple(request_columns(system, name))


def _lacks(source: str, column: str, types: Mapping[str, ColumnType], visible: Iterable[str]) -> str:
    if column in types:
        return (
            f"'{column}' of '{source}' is not among its request columns, so it is not known at the row's time: "
            "declare a second source over the same file whose time is when it is known"
        )
    return f"source '{source}' has no column '{column}'"


def _near(column: str, visible: Iterable[str]) -> str:
    return did_you_mean(column, visible)
