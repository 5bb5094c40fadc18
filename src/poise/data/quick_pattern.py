"""Patterns that Python's `re` reads exactly as Rust's `regex` does, whose word is final, and that cannot be slow.

A pattern is taken where it is built of what both languages write alike, repeats at most twice without a bound, and
never inside another repetition. It is asked only about short strings of printable ASCII, where both agree on `.`,
`\\d`, `\\s` and `\\w`. Everything else is left to Polars.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_LITERAL = r"[A-Za-z0-9_ @/:;,=%!\"'#&<>~-]"
_ESCAPE = r"\\[dwsDWS.\-+*?()\[\]{}^$|/\\@]"
_MEMBER = r"(?:\\[dwsDWS.\-+*?()\[\]{}^$|/\\]|[A-Za-z0-9_ .@/:;,=%!\"'#$*+()<>?{}|])"
_CLASS = rf"\[\^?-?(?:{_MEMBER}|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])+-?\]"
_TOKEN = re.compile(rf"(?P<atom>{_CLASS}|{_ESCAPE}|{_LITERAL}|\.)|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<bar>[|^$])")
_REPEAT = re.compile(r"(?P<open>[*+]|\{\d{1,3},\})\??(?![*+?{])|(?P<shut>\?|\{\d{1,3}(?:,\d{1,3})?\})(?![*+?{])")
_MOST_OPEN = 2
_LONGEST = 200
"""Characters of a string that is asked about: two repetitions without a bound may take the square of that."""


def agreeing(pattern: str) -> Callable[[Iterable[str]], list[bool]] | None:
    """Which strings surely match `pattern` as a whole; None where nothing sure can be said of this pattern.

    >>> sure = agreeing("o[0-9]+")
    >>> sure(["o12", "x12"]), agreeing("(a+)+") is None
    ([True, False], True)
    """
    if not _plain(pattern):
        return None
    try:
        whole = re.compile(f"(?:{pattern})").fullmatch
    except re.error:
        return None

    def matches(texts: Iterable[str]) -> list[bool]:
        return [len(t) <= _LONGEST and t.isascii() and t.isprintable() and whole(t) is not None for t in texts]

    return matches


def _plain(pattern: str) -> bool:
    """Is it built of tokens that both languages share, with few repetitions?"""
    at, unbounded, repeats = 0, 0, [False]  # does the group that is open hold a repetition?
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return False
        at = token.end()
        inside = False
        if token["open"] is not None:
            repeats.append(False)
            continue
        if token["close"] is not None:
            if len(repeats) == 1:
                return False
            inside = repeats.pop()
            repeats[-1] |= inside
        if token["bar"] is not None:
            continue
        repeat = _REPEAT.match(pattern, at)
        if repeat is not None:
            if inside:
                return False
            at = repeat.end()
            unbounded += repeat["open"] is not None
            repeats[-1] = True
    return len(repeats) == 1 and unbounded <= _MOST_OPEN
