"""`columns`: values as they stand, of the row itself or of the newest row of a table or history as of T."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from poise.errors import SpecError, did_you_mean
from poise.features.base import Edges, Feature, Output
from poise.features.naming import renamed
from poise.features.rows import NotCarried, carried, output_type, request_columns
from poise.features.scope import Meaning, Scope, needs_of
from poise.spec.record import Record
from poise.spec.source import Names, as_tuple
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.stores.base import OnlineStore
from poise.table import Column, History, Requests


def as_taken(value: Any) -> Any:
    """As `as_tuple`, but for `all`.

    >>> as_taken("city"), as_taken("all"), as_taken(["all"])
    (('city',), 'all', ['all'])
    """
    return value if value == "all" else as_tuple(value)


Taken = Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(as_taken, json_schema_input_type=str | list[str])]


class ColumnsSpec(Record):
    """`columns: {from: users, take: [city, budget]}`."""

    from_: str = Field(alias="from")
    """The source. Where it is the one that is predicted for, its request columns of the row itself are taken."""
    take: Taken
    """The columns; `all` are all that may be read, but the key by which they are looked up and instants. (`[all]` is
    the column of that name.)"""
    by: Names | dict[str, str] | None = None
    """Request columns that hold the key of the source, where they have other names: `dest`, `[a, b]`, or
    `{key column: request column}`. `source.column` reads the key from a further source."""
    as_: str | dict[str, str] | None = Field(None, alias="as")
    """Names: one for a single column, else {column: name}. Default `source_column`, with a key of another name
    `source_column_by_key`."""


class Columns(Feature):
    """Columns of the row itself, or of the newest row of another source that was known before T."""

    Spec = ColumnsSpec

    def __init__(self, meanings: Mapping[str, Meaning], per: str) -> None:
        self.renames = {name: meaning.key for name, meaning in meanings.items()}
        self.outputs = tuple(_output(name, meaning, per) for name, meaning in meanings.items())
        self.needs = needs_of(meanings.values())

    @classmethod
    def bind(cls, spec: ColumnsSpec, system: SystemSpec, per: str) -> Self | None:
        """Raises `SpecError` for an unknown source or column, an instant, or an own column that is not sent."""
        if spec.from_ not in system.sources:
            raise SpecError(f"there is no source '{spec.from_}'", hint=did_you_mean(spec.from_, system.sources))
        return carried(lambda name: cls._in(spec, Scope(system, name)), system, per)

    @classmethod
    def _in(cls, spec: ColumnsSpec, scope: Scope) -> Self:
        if spec.from_ == scope.per and spec.by is not None:
            raise SpecError(f"by: looks up another source, but '{spec.from_}' is the source of the row itself")
        own = spec.from_ == scope.per
        taken = _all(spec.from_, scope) if spec.take == "all" else spec.take
        found = {c: scope.own(c) if own else scope.look_up(spec.from_, c, spec.by) for c in taken}
        names = renamed({column: _default(spec.from_, column, scope, found[column]) for column in taken}, spec.as_)
        if len(set(names.values())) < len(found):
            raise SpecError(f"two of {', '.join(names.values())} have one name")
        return cls({names[column]: meaning for column, meaning in found.items()}, scope.per)

    def batch(
        self, requests: Requests, histories: Mapping[str, History], made: Mapping[str, Column]
    ) -> dict[str, Column]:
        """The columns, which the plan has looked up."""
        return {name: made[key] for name, key in self.renames.items()}

    def online(self, requests: Requests, store: OnlineStore, made: Mapping[str, Column]) -> dict[str, Column]:
        """The columns, which the plan has read from the store."""
        return {name: made[key] for name, key in self.renames.items()}

    def holds(self) -> Edges:
        """Like what the plan has read."""
        return ()


def _all(source: str, scope: Scope) -> tuple[str, ...]:
    """The columns that `take: all` means; at least one."""
    spec = scope.system.sources[source]
    closed = source == scope.per or spec.request is not None
    types = request_columns(scope.system, source) if closed else column_types(spec, scope.system)
    key = () if source == scope.per else spec.key or ()
    found = tuple(column for column, type in types.items() if column not in key and output_type(type) is not None)
    if not found:
        which = "request columns" if closed else "columns"
        raise NotCarried(f"'{source}' has no {which} to take: keys and instants are no features by themselves")
    return found


def _default(source: str, column: str, scope: Scope, meaning: Meaning) -> str:
    """`users_city`; where the key is held by something of another name, `users_city_by_friend`."""
    name = f"{source}_{column}"
    lookup = meaning.lookup
    if lookup is None or lookup.by == scope.system.sources[source].key:
        return name
    return f"{name}_by_{'_'.join(part.replace('.', '_') for part in lookup.by)}"


def _output(name: str, meaning: Meaning, per: str) -> Output:
    found = output_type(meaning.type)
    if found is None:
        raise SpecError(
            f"'{meaning.name}' is an instant, which is no feature by itself",
            hint=f"compute hours from another instant, (… - {meaning.name}) / 1h, or hour({meaning.name})",
        )
    return Output(name, found, meaning.lookup.name if meaning.lookup else f"{per}.{meaning.name}")
