"""The columns by which a row is placed."""

from __future__ import annotations

from poise.spec.source import Source


def roles_of(source: Source) -> dict[str, str]:
    """The columns without which a row cannot be placed, each with the word for its role.

    >>> roles_of(Source.model_validate({"path": "o.csv", "id": "o", "time": "t", "columns": {"o": "string"}}))
    {'o': 'id', 't': 'time'}
    """
    roles: dict[str, str] = {}
    for column in source.id or ():
        roles[column] = "id"
    for column in source.key or ():
        roles[column] = "key"
    if source.time:
        roles.setdefault(source.time, "time")
    if source.known:
        roles.setdefault(source.known, "known time")
    return roles
