"""The assessment in some 20 lines: the verdict first, a line per question, what to know, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import east_asian_width

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
LINES = 5
"""Lines of the verdict's reasons; the page has them whole."""
WARNED = 3
"""Findings that are told; the page has all."""
Line = tuple[str, str]
"""A line and its style: empty, `bold`, `dim`."""


def summary(content: Mapping[str, Any], width: int = WIDTH) -> list[Line]:
    """The lines of one assessment (as `Assessment.to_dict` has it), each at most `width` columns wide."""
    verdict = content["verdict"]
    person = verdict["evidence"] != verdict["verdict"]
    rows = f"{content['rows']:,} rows"
    head = f"{content['table']}: predict '{content['target']}' ({problem_words(content)}) from {rows}"
    out: list[Line] = [(line, "dim") for line in wrapped(head, width, 2)]
    out.append(("", ""))
    symbol, _, advice = VERDICTS[verdict["verdict"]]
    out += [(line, "bold") for line in wrapped(f"{symbol} {verdict['verdict']} ({sure_words(verdict)})", width)]
    out += [(f"  {line}", "") for line in wrapped(advice, width - 2)]
    out += [(f"  {line}", "") for line in wrapped(_reasons(content), width - 2, LINES)]
    if person:
        out += [(f"  {line}", "") for line in wrapped(f"By the figures alone: {verdict['evidence']}.", width - 2)]
    if content["answers"]:
        out.append(("", ""))
        deciding = set(verdict["because"])
        out += [_question(answer, answer["code"] in deciding, width) for answer in content["answers"]]
    warned = findings(content)
    if warned:
        out.append(("", ""))
        for finding in warned[:WARNED]:
            out += [(line, "") for line in _item("!", finding["sentence"], width)]
        if len(warned) > WARNED:
            out.append((f"  ! {len(warned) - WARNED} more in the report", ""))
    changes = [] if verdict["verdict"] in ("use ML", "use the rule") else verdict["next"][: 1 if person else 2]
    if changes:
        out.append(("", ""))
        for change in changes:
            out += [(line, "") for line in _item("→", change, width)]
    return out


def findings(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What somebody should know, the weightiest first; notes are for the page only."""
    found = [finding for answer in content["answers"] for finding in answer["findings"]]
    return [f for weight in ("stop", "warn") for f in found if f["weight"] == weight]


def _reasons(content: Mapping[str, Any]) -> str:
    """The sentences of the answers that decided; of an obstacle the verdict's own."""
    by_code = {answer["code"]: answer for answer in content["answers"]}
    verdict = content["verdict"]
    said = " ".join(told(by_code[code]["sentence"]) for code in verdict["because"] if code in by_code)
    return said or tame(verdict["sentence"][:1].upper() + verdict["sentence"][1:])


def _question(answer: Mapping[str, Any], decided: bool, width: int) -> Line:
    symbol, word, _ = MARKS[answer["answer"]]
    word = {"needs a person": "person"}.get(word, word)
    figure = figure_words(answer) if is_share(answer["unit"]) and width >= LEAST_WIDTH else ""
    room = max(4, width - 19 - (len(figure) + 1 if figure else 0))
    said = next(iter(wrapped(in_short(answer), room, 1)), "")
    line = f"  {answer['code']:<5} {symbol} {word:<8} {said}"
    return (f"{line:<{width - len(figure) - 1}} {figure}".rstrip(), "bold" if decided else "")


def _item(mark: str, text: str, width: int) -> Iterator[str]:
    for at, line in enumerate(wrapped(tame(text), width - 4, 3)):
        yield f"  {mark if at == 0 else ' '} {line}"


def wrapped(text: str, width: int, most: int = 1_000) -> list[str]:
    """`text` in lines of at most `width` columns (wide characters count two), at most `most` of them.

    >>> wrapped("one two three", 7), wrapped("one two three", 7, 1)
    (['one two', 'three'], ['one…'])
    """
    lines: list[str] = []
    line = ""
    for word in tame(text).split():
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
        last = last.rpartition(" ")[0] or last[:-1]
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
