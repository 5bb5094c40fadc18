"""Evidence in words: numbers, units, dates, verdicts and metrics as a person reads them.

The page and the terminal share these, so that both say the same. What is None was not measured, and is said to be so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from datetime import datetime
from math import floor, log10
from unicodedata import category, east_asian_width

from poise import registry
from poise.errors import SpecError
from poise.evaluation.words import number, plain, seconds, size
from poise.releases.evidence import VerdictResult

NOT_MEASURED = "not measured"

VERDICTS = {
    "pass": ("✓", "holds", "good"),
    "fail": ("✗", "fails", "bad"),
    "insufficient": ("✗", "too little evidence", "bad"),
    "allowed": ("○", "too little evidence, allowed", "unsure"),
    "cannot tell": ("?", "cannot tell yet", "unsure"),
}
"""Status -> symbol, words, tone."""

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """`text` without what would disturb the page around it: control characters and marks that turn its direction.

    >>> clean("a\\x00b\\u202ec")
    'a�b�c'
    """
    text = _MARKS.sub("�", text)
    return "".join("�" if category(c) in ("Cc", "Cs") and c not in "\n\t" else c for c in text)


def short(text: str, width: int) -> str:
    """`text` cut to `width` columns of a fixed-width font, with a sign that it was; wide characters count two.

    >>> short("orders_count_7d_by_restaurant_id", 12), short("abc", 12), short("猫猫猫", 5)
    ('orders_coun…', 'abc', '猫猫…')
    """
    text, used = clean(text), 0
    for at, char in enumerate(text):
        used += 2 if east_asian_width(char) in "WF" else 1
        if used > width or (used == width and at + 1 < len(text)):
            return text[:at] + "…"
    return text


def figure(value: float | None) -> str:
    """A number with three digits that count.

    >>> figure(0.61234), figure(48211), figure(None)
    ('0.612', '48,211', 'not measured')
    """
    return NOT_MEASURED if value is None else _minus(number(value))


def cell(value: float | None) -> str:
    """A number for a column of numbers: three digits that count, also where they are zeros.

    >>> cell(0.5), cell(-2.5), cell(48211.4), cell(None)
    ('0.500', '−2.50', '48,211', 'not measured')
    """
    if value is None:
        return NOT_MEASURED
    places = 0 if value == 0 else max(0, 2 - floor(log10(abs(value))))
    return _minus(f"{value:,.{places}f}")


def _minus(text: str) -> str:
    """A minus sign proper: a hyphen is hard to see, and may be cut off from its number at the end of a line."""
    return text.replace("-", "−", 1) if text.startswith("-") else text


def count(value: float | None) -> str:
    """A number of things.

    >>> count(48211.0), count(None)
    ('48,211', 'not measured')
    """
    return NOT_MEASURED if value is None else f"{round(value):,}"


def share(value: float | None) -> str:
    """A fraction as a percentage.

    >>> share(0.1234), share(0.0004), share(None)
    ('12 %', '0.04 %', 'not measured')
    """
    return NOT_MEASURED if value is None else f"{number(value * 100, 2)} %"


def span(value: float | None) -> str:
    """Seconds, in the unit that fits; from two minutes on in minutes, from two hours on in hours.

    >>> span(0.0123), span(754.0), span(9000.0), span(None)
    ('12.3ms', '12.6min', '2.5h', 'not measured')
    """
    if value is None:
        return NOT_MEASURED
    if value < 0.001:
        return f"{number(value * 1e6)}µs"
    for unit, factor in (("h", 3600), ("min", 60)):
        if value >= 2 * factor:
            return f"{number(value / factor)}{unit}"
    return seconds(value)


def amount(value: float | None) -> str:
    """Bytes.

    >>> amount(12_345_678), amount(None)
    ('12.3MB', 'not measured')
    """
    return NOT_MEASURED if value is None else size(value)


def money(value: float | None, unit: str | None) -> str:
    """A quantity of some unit.

    >>> money(-3.921, "USD"), money(2.0, None), money(None, "USD")
    ('−3.92 USD', '2', 'not measured')
    """
    return f"{figure(value)} {unit}" if value is not None and unit else figure(value)


def day(instant: str | None) -> str:
    """The day of an ISO 8601 instant; as it stands where it is none.

    >>> day("2013-09-30T20:59:00-04:00"), day(None)
    ('30 September 2013', 'not known')
    """
    if not instant:
        return "not known"
    try:
        when = datetime.fromisoformat(instant)
    except ValueError:
        return instant
    return f"{when.day} {when:%B} {when.year}"


def moment(instant: str | None) -> str:
    """Day and minute of an ISO 8601 instant, with its offset from UTC.

    >>> moment("2026-03-02T11:05:09+08:00")
    '2 March 2026, 11:05 (UTC+08:00)'
    """
    try:
        when = datetime.fromisoformat(instant or "")
    except ValueError:
        return day(instant)
    return f"{day(instant)}, {when:%H:%M}" + (f" ({when.tzname()})".replace("-", "−") if when.tzinfo else "")


def extent(low: float | None, high: float | None, shown: Callable[[float | None], str] = figure) -> str:
    """Limits of a value; empty where neither is known.

    >>> extent(0.58, 0.63), extent(0.58, None), extent(None, None)
    ('0.58 to 0.63', 'at least 0.58', '')
    """
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"at most {shown(high)}" if low is None else f"at least {shown(low)}"
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def measured(verdict: VerdictResult) -> str:
    """The value that decided on a requirement with its limits, in the unit of its metric.

    >>> measured(VerdictResult(metric="latency_p99", value=0.0123, high=0.0204))
    '12.3ms (at most 20.4ms)'
    """
    shown = figure
    if verdict.metric.startswith("latency"):
        shown = span
    elif verdict.metric == "release_size":
        shown = amount
    low, high = (None if v == verdict.value else v for v in (verdict.low, verdict.high))
    limits = extent(low, high, shown)
    return shown(verdict.value) + (f" ({limits})" if limits else "")


def compared(verdict: VerdictResult) -> str:
    """What the value that decided was compared with, to follow it; empty where it was compared with a bound alone.

    >>> from poise.releases.evidence import Compared
    >>> against = Compared(name="the rule", value=0.871, gain=0.013, gain_low=0.004, gain_high=0.02)
    >>> compared(VerdictResult(metric="liked.auc", value=0.884, against=against))
    ', against 0.871 of the rule: a gain of 0.013 (0.004 to 0.02)'
    """
    against = verdict.against
    if against is None or against.value is None:
        return ""
    said = f", against {figure(against.value)} of {against.name}"
    if against.gain is None:
        return said
    limits = extent(against.gain_low, against.gain_high)
    return f"{said}: a gain of {figure(against.gain)}{f' ({limits})' if limits else ''}"


def counted_words(verdict: VerdictResult) -> str:
    """From how many rows, lists or requests a verdict is, to follow the value; empty where it is from no such number.

    >>> counted_words(VerdictResult(metric="liked.ndcg@10", n=226, blocks=30, counts="lists"))
    ', from 226 lists in 30 blocks'
    """
    if not verdict.n or verdict.n < 2:
        return ""
    noun = verdict.counts or ("requests" if verdict.metric.startswith(("latency", "cost_per")) else "rows")
    return f", from {count(verdict.n)} {noun}" + (f" in {count(verdict.blocks)} blocks" if verdict.blocks else "")


def policy_words(policy: str) -> str:
    """A policy as a person calls it.

    >>> policy_words("model"), policy_words("always warn"), policy_words("logged")
    ('the models decide', 'always warn', 'as they were shown')
    """
    known = {
        "model": "the models decide",
        "rule": "the rule decides",
        "live": "the live release decides",
        "logged": "as they were shown",
        "constant": "a random order",
    }
    return known.get(policy, policy)


def verdict_words(verdict: VerdictResult) -> tuple[str, str, str]:
    """Symbol, words and tone of a verdict.

    >>> verdict_words(VerdictResult(status="insufficient", allowed=True))
    ('○', 'too little evidence, allowed', 'unsure')
    """
    return VERDICTS["allowed" if verdict.status == "insufficient" and verdict.allowed else verdict.status]


_SERVING = {
    "latency_p50": "Half of all requests are answered faster than this",
    "latency_p99": "99 of 100 requests are answered faster than this",
    "release_size": "What the release takes on disk",
    "cost_per_1000": "What the computing for 1,000 requests costs",
    "training_cost": "What the computing for one training costs",
}


def meaning(metric: str, terms: Collection[str] = ()) -> str:
    """What the metric of a requirement says; empty where its name is all there is. `terms` of the decision hide metrics
    of the same name.

    >>> meaning("late.auc"), meaning("decision.cost")
    ('AUC: how often a positive row is ranked above a negative one', "The term 'cost', on average per row")
    """
    owner, _, name = metric.partition(".")
    if owner == "decision" and name and (name in terms or not metric_words(name)[1]):
        return f"The term '{name}', on average per row"
    title, says = metric_words(name) if name else ("", "")
    return f"{title}: {says}" if says else _SERVING.get(metric, "")


def metric_words(name: str) -> tuple[str, str]:
    """A metric's name and what it says, as the first line of its own file has it.

    >>> metric_words("auc"), metric_words("mrr@10")[0]
    (('AUC', 'how often a positive row is ranked above a negative one'), 'MRR@10')
    >>> metric_words("never_heard_of")
    ('never heard of', '')
    """
    base, at, places = name.partition("@")
    try:
        kind = registry.get("list-metric" if base in registry.names("list-metric") else "metric", base)
    except SpecError:
        return plain(name), ""
    line = (sys.modules[kind.__module__].__doc__ or "").strip().partition("\n")[0].rstrip(".")
    title, colon, meaning = line.partition(": ")
    return (title + at + places, meaning) if colon else (line or plain(name), "")
