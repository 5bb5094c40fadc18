"""From a body's bytes to Python values: strict JSON, with a sentence for everything that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from poise.errors import NotJson, RequestError, TooLarge
from poise.serving.limits import Limits

ROWS_FORM = 'an object: {"rows": [{…}, …]} or one row {…}'
_DECODER = msgspec.json.Decoder()
_BYTE = re.compile(r"\(byte (\d+)\)")
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_NOT_JSON_NUMBERS = re.compile(rb"-?(NaN|Infinity)")


def decode(body: bytes, limits: Limits, form: str = ROWS_FORM) -> dict[str, Any]:
    """The object that `body` holds. NaN, Infinity, numbers beyond float64 and deep nesting are refused.

    form: what a body looks like, for those whose body does not.

    >>> decode(b'{"carrier": "UA"}', Limits())
    {'carrier': 'UA'}
    >>> decode(b'{"delay": NaN}', Limits())
    Traceback (most recent call last):
    poise.errors.NotJson: NaN is not JSON (byte 10 of the body) (write null for a missing value)
    """
    if len(body) > limits.body:
        raise TooLarge(f"the body has {len(body):,} bytes; at most {limits.body:,} are allowed")
    try:
        content = _DECODER.decode(body)
    except msgspec.ValidationError:
        raise RequestError("a number is larger than a 64-bit float can hold", allowed="up to 1.8e308") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(body, error, form) from None
    except RecursionError:
        raise NotJson("the body is nested too deeply", allowed=form) from None
    if not isinstance(content, dict):
        raise RequestError(f"the body is {described(content)}", allowed=form)
    return content


def refuse_duplicates(body: bytes, keys: int, content: Any) -> None:
    """Raises where an object of `body` names a field twice; the parser keeps the last and says nothing.

    `keys` is how many keys the parsed `content` holds in all. Each key that was written has one colon after it, so the
    body has as many colons as keys unless strings hold some or a key was lost: only where the counts cannot explain the
    colons is the body parsed once more, by a parser that sees pairs.
    """
    colons = body.count(b":")
    if colons == keys or (b"\\" not in body and colons == keys + _colons_in_strings(content)):
        return
    json.loads(body, object_pairs_hook=_unique)


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


def _not_json(body: bytes, error: Exception, form: str) -> NotJson:
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
