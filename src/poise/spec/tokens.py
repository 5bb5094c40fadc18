"""The words of an expression: numbers, durations, strings, names and signs, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from poise.errors import ExpressionError, did_you_mean
from poise.spec.units import DURATIONS

MAX_LENGTH = 4_000  # characters: far beyond what a person reads, far below what could keep a server busy

Kind = Literal["number", "duration", "string", "name", "word", "sign", "end"]
WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
SIGNS = ("==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)([^\W\d]\w*)?", re.ASCII)
_PART = r"(?:[A-Za-z_][A-Za-z0-9_]*|`[^`\n]+`)"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*")
_STRING = re.compile(r"'(?:[^'\\]|\\['\"\\])*'|\"(?:[^\"\\]|\\['\"\\])*\"")
_ESCAPE = re.compile(r"\\(.)")
_INSTEAD = {
    "=": "write '==' to compare",
    "!": "write 'not'",
    "&": "write 'and'",
    "|": "write 'or'",
    "~": "write 'not'",
    "{": "lists are written with [ ]",
    "}": "lists are written with [ ]",
    ".": "write a digit before the point, e.g. 0.5, and a name on both sides of it, e.g. users.city",
    "%": "write a fraction, e.g. 0.02",
    "^": "powers are not offered; multiply",
    "`": "a quoted name needs a second '`'",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word. `value` is a float for numbers, microseconds for durations, the content of a string, else the text."""

    kind: Kind
    text: str
    at: int
    value: float | str = ""


def tokens(text: str, where: str | None = None) -> list[Token]:
    """The words of `text`, ended by one of kind `end`.

    Raises `ExpressionError` at a character that begins no word, at an unknown unit, and beyond 4,000 characters.

    >>> [t.text for t in tokens("a.b >= 2h")]
    ['a.b', '>=', '2h', '']
    >>> tokens("3 hm")[1].kind
    'name'
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression of {len(text):,} characters; at most {MAX_LENGTH:,} are read", where=where
        )
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at, where)
        found.append(token)
        at += len(token.text)
    found.append(Token("end", "", len(text)))
    return found


def _token(text: str, at: int, where: str | None) -> Token:
    if match := _NUMBER.match(text, at):
        return _quantity(match, text, where)
    if match := _NAME.match(text, at):
        word = match[0]
        if word in WORDS:
            return Token("word", word, at)
        return Token("name", word, at, word.replace("`", ""))
    if match := _STRING.match(text, at):
        return Token("string", match[0], at, _ESCAPE.sub(r"\1", match[0][1:-1]))
    for sign in SIGNS:
        if text.startswith(sign, at):
            return Token("sign", sign, at)
    raise ExpressionError(_unexpected(text, at), text=text, position=at, where=where)


def _quantity(match: re.Match[str], text: str, where: str | None) -> Token:
    number, unit = float(match[1]), match[2]
    if number == float("inf"):
        raise ExpressionError(f"{match[1]} is too large for a number", text=text, position=match.start(), where=where)
    if unit is None:
        return Token("number", match[0], match.start(), number)
    if unit.startswith("_"):
        raise ExpressionError(
            f"'{match[0]}' is not a number; write it without '_'", text=text, position=match.start(2), where=where
        )
    if unit not in DURATIONS:
        reason = f"'{match[0]}' has the unknown unit '{unit}' ({did_you_mean(unit, DURATIONS)})"
        raise ExpressionError(reason, text=text, position=match.start(2), where=where)
    return Token("duration", match[0], match.start(), number * DURATIONS[unit])


def _unexpected(text: str, at: int) -> str:
    sign = text[at]
    if sign in "'\"":
        return (
            f"a string that begins here has no end; a second {sign} closes it, and a \\ stands before ', \" or \\ only"
        )
    instead = f" ({_INSTEAD[sign]})" if sign in _INSTEAD else ""
    return f"'{sign}' does not belong here{instead}"
