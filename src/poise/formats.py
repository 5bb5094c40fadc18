"""`format:` of everything stored, and the migrations from one to the next.

Each stored thing (the system file, a release, the state database, an online snapshot) carries a number. A migration is
a function from the parsed content of format n to format n + 1, registered here; reading walks them in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poise.errors import StateError

CURRENT: dict[str, int] = {
    "system": 1,
    "release": 1,
    "contract": 1,
    "evidence": 1,
    "manifest": 1,
    "state": 3,
    "snapshot": 1,
    "built": 1,
    "judged": 1,
    "journal": 1,
    "forgotten": 1,
    "profile": 1,
    "backup": 1,
    "model": 1,
    "json": 1,
}
"""The format that this version of Poise writes, per kind of stored thing. `json` is the output of `--json`,
`model` every JSON file of a model's folder."""

Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _nothing_moves(content: dict[str, Any]) -> dict[str, Any]:
    """What the next format adds is absent until it is written."""
    return content


MIGRATIONS: dict[tuple[str, int], Migration] = {("state", 1): _nothing_moves, ("state", 2): _nothing_moves}
"""(kind, from) -> function to format from + 1.

state 1 -> 2: the tables of tokens, of usage and of limits of weights, which opening a database of format 1 makes,
empty. state 2 -> 3: the table of documents."""


def migrate(kind: str, content: dict[str, Any], *, where: str = "") -> dict[str, Any]:
    """`content` brought to the current format of its `kind`.

    Raises `StateError` where `format` is absent, is not a whole number, or was written by a newer Poise.

    >>> migrate("release", {"format": 1})
    {'format': 1}
    >>> migrate("release", {"format": 9})
    Traceback (most recent call last):
    poise.errors.StateError: this release has format 9; this Poise reads formats up to 1 (upgrade Poise)
    """
    found = content.get("format")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise StateError(
            f"this {kind} has format {found!r}", where=where or None, hint="a whole number from 1 is needed"
        )
    if found > CURRENT[kind]:
        reads = f"this {kind} has format {found}; this Poise reads formats up to {CURRENT[kind]}"
        raise StateError(reads, where=where or None, hint="upgrade Poise")
    for step in range(found, CURRENT[kind]):
        content = {**MIGRATIONS[kind, step](content), "format": step + 1}
    return content
