"""The assessment in some 20 lines: the verdict first, a line per question, what to know, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

from poise.assessment.leaving_out import in_words
from poise.assessment.wording import (
    MARKS,
    VERDICTS,
    figure_words,
    in_short,
    is_share,
    problem_words,
    sure_words,
    tame,
    told,
)

WIDTH = 80
LEAST_WIDTH = 60
"""Narrower terminals show no figures beside the questions."""
LINES = 4
"""Lines of the verdict's reasons; the page has them whole. Where a person must decide, what they must decide and what
the figures say share them."""
TOLD = 4
"""Lines of what to watch out for, and of what to do next, together; the page has all."""
_GAP = re.compile(r" (?!%)")
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")
Line = tuple[str, str]
"""A line and its style: empty, `bold`, `dim`."""


def summary(content: Mapping[str, Any], width: int = WIDTH) -> list[Line]:
    """The lines of one assessment (as `Assessment.to_dict` has it), each at most `width` columns wide."""
    verdict = content["verdict"]
    rows = f"{content['rows']:,} rows"
    head = f"{content['table']}: predict '{content['target']}' ({problem_words(content)}) from {rows}"
    out: list[Line] = [(line, "dim") for line in wrapped(head, width, 2)]
    out.append(("", ""))
    out += _verdict(content, width)
    if content["answers"]:
        out.append(("", ""))
        deciding = set(verdict["because"])
        out += [_question(answer, answer["code"] in deciding, width) for answer in content["answers"]]
    told = [*_warned(content, width), *_next(content, width)]
    return [*out, ("", ""), *((line, "") for line in told)] if told else out


def _verdict(content: Mapping[str, Any], width: int) -> Iterator[Line]:
    """The verdict, what it means and why."""
    verdict = content["verdict"]
    symbol, _, advice = VERDICTS[verdict["verdict"]]
    sentences = _reasons(content)
    if verdict["evidence"] == verdict["verdict"]:
        named, reasons = verdict["verdict"], [advice, *_fitting(sentences, width - 2, LINES)]
    else:  # the person's sentence says what the advice would
        named = f"{verdict['verdict']}; by the figures alone: {verdict['evidence']}"
        first = _fitting(sentences[:1], width - 2, LINES // 2)
        reasons = [*first, *_fitting(sentences[1:], width - 2, LINES - len(first))]
    yield from ((line, "bold") for line in wrapped(f"{symbol} {named} ({sure_words(verdict)})", width))
    yield from ((f"  {line}", "") for reason in reasons for line in wrapped(reason, width - 2))


def _fitting(sentences: Sequence[str], width: int, most: int) -> list[str]:
    """Lines of as many whole sentences as there is room for; the first is cut where it alone is too long."""
    kept = next(
        n for n in range(len(sentences), -1, -1) if n < 2 or len(wrapped(" ".join(sentences[:n]), width)) <= most
    )
    return wrapped(" ".join(sentences[:kept]), width, most)


def _warned(content: Mapping[str, Any], width: int) -> list[str]:
    """What to watch out for, the weightiest first, as far as there is room."""
    warned = findings(content)
    room = TOLD - (2 if _steps(content) else 1)
    lines: list[str] = []
    for at, finding in enumerate(warned):
        item = list(_item("!", finding["sentence"], width, 2))
        if lines and len(lines) + len(item) > room:
            return [*lines, f"  ! {len(warned) - at} more in the report"]
        lines += item
    return lines


def _next(content: Mapping[str, Any], width: int) -> list[str]:
    """The first sentence of each step; the page has the others."""
    steps = _steps(content)
    return [line for step in steps for line in _item("→", _SENTENCE.split(step)[0], width, 2)]


def _steps(content: Mapping[str, Any]) -> list[str]:
    """What to do, where the verdict does not say so itself."""
    verdict = content["verdict"]
    return [] if verdict["verdict"] in ("use ML", "use the rule") else list(verdict["next"][:1])


def findings(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What somebody should know, the weightiest first; notes are for the page only."""
    found = [finding for answer in content["answers"] for finding in answer["findings"]]
    return [f for weight in ("stop", "warn") for f in found if f["weight"] == weight]


def _reasons(content: Mapping[str, Any]) -> list[str]:
    """The sentences of the answers that decided; of an obstacle the verdict's own."""
    by_code = {answer["code"]: answer for answer in content["answers"]}
    verdict = content["verdict"]
    said = [told(by_code[code]["sentence"]) for code in verdict["because"] if code in by_code]
    for code in verdict["because"]:
        if beside := by_code.get(code, {}).get("details", {}).get("beside"):
            said.insert(1, in_words(beside, verdict["evidence"]))
    return said or [tame(verdict["sentence"][:1].upper() + verdict["sentence"][1:])]


def _question(answer: Mapping[str, Any], decided: bool, width: int) -> Line:
    symbol, word, _ = MARKS[answer["answer"]]
    word = {"needs a person": "person"}.get(word, word)
    figure = figure_words(answer) if is_share(answer["unit"]) and width >= LEAST_WIDTH else ""
    room = max(4, width - 19 - (len(figure) + 1 if figure else 0))
    said = next(iter(wrapped(in_short(answer), room, 1)), "")
    line = f"  {answer['code']:<5} {symbol} {word:<8} {said}"
    return (f"{line:<{width - len(figure) - 1}} {figure}".rstrip(), "bold" if decided else "")


def _item(mark: str, text: str, width: int, most: int) -> Iterator[str]:
    """A point of a list; what comes from within a sentence begins large all the same."""
    for at, line in enumerate(wrapped(tame(text[:1].upper() + text[1:]), width - 4, most)):
        yield f"  {mark if at == 0 else ' '} {line}"


def wrapped(text: str, width: int, most: int = 1_000) -> list[str]:
    """`text` in lines of at most `width` columns (wide characters count two), at most `most` of them; 9 % stays whole.

    >>> wrapped("one two three", 7), wrapped("one two three", 7, 1), wrapped("at most 9.8 %.", 11)
    (['one two', 'three'], ['one…'], ['at most', '9.8 %.'])
    """
    lines: list[str] = []
    line = ""
    for word in _GAP.split(tame(text)):
        for piece in _pieces(word, width):
            if line and columns(line) + 1 + columns(piece) > width:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    lines += [line] if line else []
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while columns(last) > width - 1:
        last = " ".join(_GAP.split(last)[:-1]) or last[:-1]
    return [*lines[: most - 1], last.rstrip(" ,;:") + "…"]


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _pieces(word: str, width: int) -> Iterator[str]:
    """A word, broken where it is wider than a line."""
    while columns(word) > width:
        at = max(1, width // 2 if columns(word[:width]) > width else width)
        yield word[:at]
        word = word[at:]
    yield word
