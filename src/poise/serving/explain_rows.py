"""What the decision log kept in full of one answer, as the columns that models and terms read then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poise.errors import StateError
from poise.features.plan import FeaturePlan
from poise.features.rows import kind_of
from poise.features.scope import Scope
from poise.models.base import Floats
from poise.serving.explain_words import spoken
from poise.spec.system import SystemSpec
from poise.table import Column, Kind, Table

NOT_KEPT = "the log keeps the features of the items that were shown, and of all candidates of one list in a hundred"


class Kinds:
    """How the features of the rows of `per`, and what terms look up beside them, are stored."""

    def __init__(self, system: SystemSpec, per: str) -> None:
        self._scope = Scope(system, per)
        self.plan = FeaturePlan.of(system, per)
        outputs, known = self.plan.outputs, system.sources
        self._outputs: dict[str, Kind] = {o.name: "number" if o.type == "number" else "string" for o in outputs}
        self.called = {output.name: spoken(output.name, output.origin, per) for output in outputs}
        """What people call each feature."""
        self.columns = {o.origin: o.name for o in outputs if "." in o.origin and o.origin.partition(".")[0] in known}
        """The columns that are features as they are, by which terms may read them too: `source.column` -> feature."""
        own = f"{per}."
        self.columns |= {origin.removeprefix(own): n for origin, n in self.columns.items() if origin.startswith(own)}

    def of(self, name: str) -> Kind:
        """Of one name. Raises `SpecError` for one that means nothing."""
        return self._outputs[name] if name in self._outputs else kind_of(self._scope.resolve(name).type)


def features_of(record: Mapping[str, Any], rows: Sequence[int], kinds: Kinds) -> Table:
    """The features of some of the rows that are kept in full, in that order.

    kinds: how each feature is stored; see `Kinds`. Raises `StateError` for a row that is not kept in full, and for a
    record that is damaged.
    """
    place = {row: at for at, row in enumerate(record["logged"])}
    try:
        at = [place[row] for row in rows]
        columns = {
            name: _column([values[i] for i in at], kinds.of(name)) for name, values in record["features"].items()
        }
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise StateError(f"what the log kept of this answer cannot be read: {error!r}") from error
    return Table(columns, len(at))


def _column(values: list[Any], declared: Kind) -> Column:
    """The log writes missing values as null, instants as microseconds, and categories as they were stored."""
    if any(isinstance(value, str) for value in values):
        return Column.strings(values)
    if declared == "time":
        return Column.times(values)
    if declared == "string" and all(value is None for value in values):
        return Column.absent("string", len(values))
    return Column.numbers([np.nan if value is None else float(value) for value in values])


def kept_in_full(record: Mapping[str, Any]) -> list[int]:
    """The rows of which the log has the features; of a list the shown ones first, in their order."""
    logged = set(record["logged"])
    shown = [row for row in record.get("shown") or [] if row in logged]
    return [*shown, *(row for row in record["logged"] if row not in set(shown))]


def numbers(values: Sequence[float | None]) -> Floats:
    """Numbers of the log, NaN where one is missing."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
