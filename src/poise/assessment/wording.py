"""Answers in words: what the terminal and the page share, so that both say the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from poise.releases.wording import clean, extent, figure, share

MARKS = {
    "yes": ("✓", "yes", "good"),
    "no": ("✗", "no", "bad"),
    "unclear": ("?", "unclear", "unsure"),
    "needs a person": ("●", "needs a person", "unsure"),
}
"""Answer -> symbol, words, tone."""

VERDICTS = {
    "use ML": ("✓", "good", "Build it: a model says what no simple rule says."),
    "use the rule": ("✓", "good", "Write the rule down and use it: a model would not earn its upkeep."),
    "use ML for this part": ("✓", "unsure", "Let a model decide where it is good enough, and leave the rest as it is."),
    "collect data first": ("○", "unsure", "Do not build yet: collect more, then ask again."),
    "do not use ML": ("✗", "bad", "Do not build a model on these data."),
    "needs a person": ("●", "unsure", "A person must decide something first; the data cannot."),
}
"""Verdict -> symbol, tone, and what to do in one sentence."""

SHORT: dict[tuple[str, str], str] = {
    ("PA01", "yes"): "there is something to learn",
    ("PA01", "no"): "next to nothing to learn",
    ("PA01", "unclear"): "these rows cannot tell",
    ("PA02", "yes"): "columns together say more than one",
    ("PA02", "no"): "a rule over one column does it",
    ("PA02", "unclear"): "rule and ML cannot be told apart",
    ("PA03", "yes"): "good enough in every part",
    ("PA03", "no"): "not good enough everywhere",
    ("PA03", "unclear"): "too few rows to tell parts",
    ("PA04", "yes"): "there are enough rows",
    ("PA04", "no"): "more rows would clearly help",
    ("PA04", "unclear"): "whether more rows help is open",
    ("PA05", "yes"): "what is learned holds on later rows",
    ("PA05", "no"): "it does not hold on later rows",
    ("PA05", "unclear"): "whether it holds later is open",
    ("PA06", "yes"): "nothing gives the answer away",
    ("PA06", "no"): "something gives the answer away",
    ("PA06", "needs a person"): "it rests on what may be known too late",
    ("PA06", "unclear"): "something may give the answer away",
    ("PA07", "yes"): "the patterns last",
    ("PA07", "no"): "the patterns change",
    ("PA07", "unclear"): "whether the patterns last is open",
    ("PA08", "yes"): "it is worth what it costs",
    ("PA08", "no"): "it is not worth what it costs",
    ("PA08", "unclear"): "what it is worth is not declared",
    ("PA09", "yes"): "a person has answered and signed",
    ("PA09", "no"): "a person has said no",
    ("PA09", "unclear"): "a person has not answered yet",
    ("PA09", "needs a person"): "a person must answer first",
}
"""An answer in a few words, for one line of a terminal; of other questions the sentence itself is cut."""

_LONG = re.compile(r"\S{61,}")
_OPENING = re.compile(r"^(Yes|No|Unclear|Not shown): (\w)")
MOST = 1_500
"""Characters of one text that are shown: names of columns may be of any length."""


def tame(text: Any, most: int = MOST) -> str:
    """Any text from the data, cut where it is too long, without what would disturb what stands around it.

    >>> tame("a" * 100)[-3:], len(tame("a" * 100)), tame("x\\n  y")
    ('aa…', 60, 'x y')
    """
    found = " ".join(clean(str(text)).split())
    found = _LONG.sub(lambda match: match.group()[:59] + "…", found)
    return found if len(found) <= most else found[: most - 1] + "…"


def told(sentence: str) -> str:
    """A sentence of an answer without the yes or no that already stands before it.

    >>> told("Yes: the columns say something.")
    'The columns say something.'
    """
    return _OPENING.sub(lambda match: match.group(2).upper(), tame(sentence))


def in_short(answer: Mapping[str, Any]) -> str:
    """An answer in a few words."""
    return SHORT.get((answer["code"], answer["answer"])) or tame(told(answer["sentence"]), 40)


def figure_words(answer: Mapping[str, Any], unit: bool = False) -> str:
    """The figure of an answer with its limits; empty where it has none.

    >>> figure_words({"figure": 0.17, "low": 0.15, "high": 0.19, "unit": "share of the variance"})
    '17 % (15 to 19 %)'
    >>> figure_words({"figure": 12.0, "low": None, "high": None, "unit": "days"}, unit=True)
    '12 days'
    """
    value, low, high, name = (answer.get(key) for key in ("figure", "low", "high", "unit"))
    if value is None or not isfinite(value):
        return ""
    if is_share(name):
        limits = extent(low, high, share).replace(" % to ", " to ")
        return f"{signed(value)}{f' ({_minus(limits)})' if limits else ''}"
    if abs(value) >= 1_000:
        value, low, high = (None if v is None else float(f"{v:.3g}") for v in (value, low, high))
    limits = extent(low, high)
    named = f" {tame(name, 40)}" if unit and name else ""
    return f"{figure(value)}{named}{f' ({limits})' if limits else ''}"


def is_share(unit: str | None) -> bool:
    """Whether a figure is a fraction that people read as per cent."""
    return bool(unit) and str(unit).startswith(("share", "part of", "chance"))


def signed(value: float | None) -> str:
    """A fraction as per cent, with a minus sign proper.

    >>> signed(-0.031), signed(1.0)
    ('−3.1 %', '100 %')
    """
    return _minus(share(value))


def _minus(text: str) -> str:
    return re.sub(r"(^|[ (])-(?=\d)", r"\1−", text)


def sure_words(verdict: Mapping[str, Any]) -> str:
    """How sure a verdict is.

    >>> sure_words({"confidence": "high", "sure": 0.9997}), sure_words({"confidence": "low", "sure": 0.5})
    ('confidence high: over 99.9 %', 'confidence low')
    """
    said, sure = f"confidence {verdict['confidence']}", verdict["sure"]
    if verdict["confidence"] == "low" or sure is None:
        return said
    return f"{said}: over 99.9 %" if sure > 0.999 else f"{said}: {sure * 100:.3g} %"


PROBLEMS = {"binary": "yes or no", "multi-class": "one of several classes", "regression": "a number"}


def problem_words(content: Mapping[str, Any]) -> str:
    """What is predicted, in words."""
    return PROBLEMS.get(str(content["problem"]), str(content["problem"]))
