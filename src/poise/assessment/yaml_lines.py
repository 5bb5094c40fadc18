"""Lines: values, lists and comments as the text of a system file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

WIDTH = 112
_PLAIN = re.compile(r"[A-Za-z_][\w ./+*()<>=!-]*", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def scalar(text: str) -> str:
    """A value of YAML: bare where that is safe, else in double quotes.

    >>> scalar("a > 3"), scalar("yes"), scalar("x: 1")
    ('a > 3', '"yes"', '"x: 1"')
    """
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def quoted(text: str) -> str:
    """A string of the expression language.

    >>> quoted("it's")
    "'it\\\\'s'"
    """
    inside = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(str(text).split())


def comment(text: str, width: int = WIDTH) -> list[str]:
    """Text as comment lines."""
    lines, line = [], "#  "
    for word in text.split():
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = "#  "
        line += f" {word}"
    return [*lines, line]


def listed(start: str, names: Iterable[str], end: str = "]", width: int = WIDTH) -> list[str]:
    """A list in brackets over as many lines as it takes."""
    lines, line, indent = [], start, " " * (len(start) - len(start.lstrip()) + 2)
    for place, name in enumerate(names):
        piece = name if not place else f", {name}"
        if len(line) + len(piece) > width:
            lines.append(line + ",")
            line, piece = indent, name
        line += piece
    return [*lines, line + end]
