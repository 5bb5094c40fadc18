"""One person, as rows, requests and answers name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poise.errors import SpecError, did_you_mean
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec


def written(value: object) -> str:
    """How an id is written, whatever type it has: the same for 17, 17.0 and "17".

    >>> written(17.0), written("u17")
    ('17', 'u17')
    """
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@dataclass(frozen=True, slots=True)
class Person:
    """A person of one system, by the id that its sources have for them.

    columns: source -> the column that says whose row it is. text: whether ids are texts, so that any text that equals
    the id names the person; a number does so in one of `columns` only. decisions: ids of answers that were theirs.

    >>> ana = Person("u17", {"orders": "user_id"}, text=True)
    >>> ana.named({"user_id": "u17", "price": 3}), ana.named({"items": ["u1", "u171"]})
    (True, False)
    """

    id: str
    columns: Mapping[str, str]
    text: bool
    names: frozenset[str] = field(default=frozenset())
    decisions: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, id: str, system: SystemSpec, only: tuple[str, ...] = ()) -> Person:
        """The person `id` in the sources that say whose their rows are, or `only` in some of them.

        Raises `SpecError` where there is no such source, or it does not say.
        """
        theirs = {name: one.person for name, one in system.sources.items() if one.person is not None}
        for name in only:
            if name not in theirs:
                known = name in system.sources
                said = f"source '{name}' does not say whose its rows are" if known else f"there is no source '{name}'"
                hint = f"add person: COLUMN to sources.{name}" if known else did_you_mean(name, system.sources)
                raise SpecError(said, hint=hint)
        if not theirs:
            raise SpecError("no source says whose its rows are", hint="add person: COLUMN to the sources about people")
        columns = {name: column for name, column in theirs.items() if not only or name in only}
        kinds = {column_types(system.sources[name], system)[column] for name, column in columns.items()}
        files = {system.sources[name].in_file.get(column, column) for name, column in columns.items()}
        return cls(id, columns, bool(kinds & {"string", "category", "text"}), frozenset({*columns.values(), *files}))

    def named(self, value: Any, key: str = "") -> bool:
        """Whether a JSON value, which stands under `key`, names the person anywhere."""
        if isinstance(value, dict):
            return any(self.named(inner, name) for name, inner in value.items())
        if isinstance(value, list):
            return any(self.named(inner, key) for inner in value)
        if isinstance(value, str):
            return value == self.id and (self.text or key in self.names)
        counts = isinstance(value, int | float) and not isinstance(value, bool)
        return counts and key in self.names and written(value) == self.id
