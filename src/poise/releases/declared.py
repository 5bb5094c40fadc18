"""What declarations ask to be shown: of which sources, which columns, in which order."""

from __future__ import annotations

from collections.abc import Iterable

from poise.stores.base import Declaration, JoinedKey, RowDeclaration


def columns_of(declarations: Iterable[Declaration]) -> dict[str, set[str]]:
    """Source -> the columns of it that a store must be shown.

    >>> {source: sorted(names) for source, names in columns_of([RowDeclaration("shops", ("id",), ("open",))]).items()}
    {'shops': ['id', 'open']}
    """
    found: dict[str, set[str]] = {}
    for one in declarations:
        columns = found.setdefault(one.source, set())
        if isinstance(one, RowDeclaration):
            columns.update(one.key, one.columns)
            continue
        columns.update(column for _, column in one.take if column is not None)
        for part in one.by:
            if isinstance(part, JoinedKey):
                columns.update(part.by)
                found.setdefault(part.source, set()).update([*part.key, part.column])
            else:
                columns.add(part)
    return found


def in_order(declarations: Iterable[Declaration]) -> list[str]:
    """The sources that a store must be shown: those that events point to before those events."""
    every = tuple(declarations)
    parts = [part for one in every if not isinstance(one, RowDeclaration) for part in one.by]
    pointed_to = {part.source for part in parts if isinstance(part, JoinedKey)}
    return sorted(columns_of(every), key=lambda source: (source not in pointed_to, source))
