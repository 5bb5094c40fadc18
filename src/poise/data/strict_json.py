"""JSON that came over the wire, strictly: a sentence for everything that is not JSON, and for keys that are sent twice.

Requests and events are read with this alike. msgspec parses; it keeps the last of two equal keys and says nothing, so
those are looked for here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from poise.errors import NotJson, RequestError

_BYTE = re.compile(r"\(byte (\d+)\)")
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_NOT_JSON_NUMBERS = re.compile(rb"-?(NaN|Infinity)")


def refuse_duplicates(body: bytes, keys: int, content: Any) -> None:
    """Raises where an object of `body` names a field twice; the parser keeps the last and says nothing.

    `keys` is how many keys the parsed `content` holds in all. Each key that was written has one colon after it, so the
    body has as many colons as keys unless strings hold some or a key was lost: only where the counts cannot explain the
    colons is the body parsed once more, by a parser that sees pairs.
    """
    colons = body.count(b":")
    if colons == keys or (b"\\" not in body and colons == keys + _colons_in_strings(content)):
        return
    refuse_twice(body)


def refuse_twice(body: bytes) -> None:
    """Raises where an object of `body` names a field twice, by a parser that sees pairs.

    >>> refuse_twice(b'{"x": 1, "x": 2}')
    Traceback (most recent call last):
    poise.errors.RequestError: x: 'x' is sent twice in one object (allowed: once)
    """
    json.loads(body, object_pairs_hook=_unique, parse_int=str)  # int() refuses numbers of very many digits


def _colons_in_strings(value: Any) -> int:
    if isinstance(value, str):
        return value.count(":")
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return sum(map(_colons_in_strings, value))


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise RequestError(f"'{shown(name)}' is sent twice in one object", field=shown(name), allowed="once")
        seen.add(name)


def not_json(body: bytes, error: Exception, form: str) -> NotJson:
    """The error for a `body` that a parser gave up on with `error`; `form` is what a body looks like."""
    if isinstance(error, UnicodeDecodeError):
        return NotJson("the body is not UTF-8", allowed="JSON in UTF-8")
    if not body.strip():
        return NotJson("the body is empty", allowed=form)
    place = _BYTE.search(str(error))
    at = int(place[1]) if place else len(body)
    strange = _NOT_JSON_NUMBERS.match(body, max(0, at - 1)) or _NOT_JSON_NUMBERS.match(body, at)
    if strange:
        text = f"{strange[0].decode()} is not JSON (byte {at} of the body)"
        return NotJson(text, hint="write null for a missing value")
    if place is None:
        if _HALF_PAIR.search(body):
            return NotJson("the body has half of a surrogate pair in it", allowed="\\ud83d\\ude00 for one character")
        return NotJson("the body ends before its JSON does", allowed="one complete JSON object")
    near = body[max(0, at - 10) : at + 10].decode("utf-8", "replace")
    return NotJson(f"the body is not JSON: unexpected character at byte {at}, near {shown(near)!r}")


def whole(value: Any) -> Any:
    """A whole number that came as `20.0` as the integer that it is to JSON; anything else as it came.

    >>> whole(20.0), whole(20.5), whole(True), whole("20")
    (20, 20.5, True, '20')
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


def described(value: Any) -> str:
    """What came, in words for people, short whatever it is.

    >>> described("UA"), described(True), described({}), described(None), described(0.5)
    ("the string 'UA'", 'true', 'an object', 'null', 'the number 0.5')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string '{shown(value)}'"
    if isinstance(value, int):
        return f"the number {value}" if abs(value) < 10**20 else "a number of more than 20 digits"
    if isinstance(value, float):
        return f"the number {value:.12g}"
    return "an object" if isinstance(value, Mapping) else "a list"


def shown(text: str, most: int = 60) -> str:
    """`text` cut to `most` characters, without line ends and other control characters, fit for an answer or a log."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(c if c.isprintable() else "�" for c in cut)
