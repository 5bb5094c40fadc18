"""Keys of the design that this version does not honour: they are refused by name, never ignored.

The table shrinks as versions learn to honour them: whoever adds the key to a record takes it out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poise.spec.yaml_text import KeyPath

NOT_YET: tuple[tuple[str, ...], ...] = (
    ("ethics",),
    ("costs", "budget"),
    ("objectives", "*", "search"),
)
"""Where such keys may stand; `*` is any name."""


def refused(content: Any) -> Iterator[tuple[KeyPath, str]]:
    """The path of each such key that `content` has, with the sentence that refuses it.

    >>> list(refused({"ethics": {"signed_by": None}}))
    [(('ethics',), "'ethics' is not honoured by this version of Poise")]
    """
    for pattern in NOT_YET:
        for path in _found(content, pattern, ()):
            yield path, f"'{'.'.join(map(str, path))}' is not honoured by this version of Poise"


def _found(content: Any, pattern: tuple[str, ...], path: KeyPath) -> Iterator[KeyPath]:
    if not pattern:
        yield path
    elif isinstance(content, dict):
        for key in list(content) if pattern[0] == "*" else [pattern[0]] * (pattern[0] in content):
            yield from _found(content[key], pattern[1:], (*path, key))
