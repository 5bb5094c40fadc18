"""What cross-checks gather: each fault with the path of its key, and what the checks share of the system."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from poise.errors import ExpressionError, SpecError, did_you_mean
from poise.spec.expression import Expression, Type, check, parse, type_of
from poise.spec.record_errors import dotted
from poise.spec.source import ColumnType
from poise.spec.source_types import sent_of
from poise.spec.system import SystemSpec
from poise.spec.tokens import WORDS
from poise.spec.yaml_text import KeyPath

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Faults:
    """The faults found so far in one system, and the types of its columns as far as they are known."""

    def __init__(self, system: SystemSpec) -> None:
        self.system = system
        self.found: list[tuple[KeyPath, SpecError]] = []
        self.types: dict[str, dict[str, ColumnType]] = {}
        self.untyped: dict[str, set[str]] = {}
        """Source -> derived columns whose expression is faulty: what uses them is not told off for it."""

    def add(self, path: KeyPath, message: str, hint: str | None = None) -> None:
        """Note a fault of the key at `path`."""
        self.found.append((path, SpecError(message, where=dotted(path), hint=hint)))

    def add_error(self, path: KeyPath, error: SpecError) -> None:
        """Note a fault that something else raised."""
        error.where = dotted(path)
        self.found.append((path, error))

    def word(self, path: KeyPath, name: str, hint: str | None = None) -> bool:
        """Whether `name` can be used in expressions; noted if not."""
        if name in WORDS:
            self.add(path, f"'{name}' is a word of the expression language and cannot be a name", hint)
        elif not _IDENTIFIER.fullmatch(name):
            rule = "a name is letters (a-z, A-Z), digits and _, and does not begin with a digit"
            self.add(path, f"'{name}' cannot be a name: {rule}", hint)
        else:
            return True
        return False

    def one_of(self, path: KeyPath, name: str, known: Iterable[str], noun: str) -> bool:
        """Whether `name` is among `known`; noted with the nearest one if not."""
        words = list(known)
        if name not in words:
            self.add(path, f"there is no {noun} '{name}'", did_you_mean(name, words))
        return name in words

    def column(self, path: KeyPath, source: str, name: str) -> ColumnType | None:
        """The type of a column of a source; noted if there is none."""
        if name in self.types[source]:
            return self.types[source][name]
        if name not in self.untyped[source]:
            hint = did_you_mean(name, self.types[source])
            self.add(path, f"source '{source}' has no column '{name}'", hint)
        return None

    def expression(
        self, path: KeyPath, text: str, names: Mapping[str, Type], *, untyped: Iterable[str] = ()
    ) -> tuple[Expression, Type] | None:
        """`text` parsed and typed; noted if faulty. None too where it uses an `untyped` name, whose fault is noted."""
        try:
            expression = parse(text, dotted(path))
            if not expression.names & set(untyped):
                return expression, check(expression, names, dotted(path))
        except ExpressionError as error:
            self.found.append((path, error))
        return None

    def parsed(self, text: str) -> Expression | None:
        """`text` parsed; None (not noted) where that fails."""
        try:
            return parse(text)
        except ExpressionError:
            return None

    def condition(self, path: KeyPath, text: str, names: Mapping[str, Type], *, untyped: Iterable[str] = ()) -> None:
        """As `expression`, for one that must be true or false."""
        found = self.expression(path, text, names, untyped=untyped)
        if found and found[1] != "bool":
            self.add(path, f"'{text}' is a {found[1]}; a condition is needed", "e.g. price > 0")

    def names_of(self, source: str) -> dict[str, Type]:
        """The columns of a source as an expression over its rows names them."""
        return {name: type_of(kind) for name, kind in self.types[source].items()}

    def sent(self, source: str) -> dict[str, ColumnType]:
        """The columns of a row that its caller sends."""
        return sent_of(self.system.sources[source], self.system, self.types[source])

    def is_timed(self, per: str) -> bool:
        """Whether requests for the rows of `per` have a T."""
        return self.system.sources[per].time is not None or any(
            objective.at for objective in self.system.objectives.values() if objective.per == per
        )
