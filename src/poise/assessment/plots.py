"""Plots of an assessment: what each question found, drawn from its `details` where they hold it.

The drawing itself is that of `releases.charts`, so that both pages look alike. Details are read with care: questions of
plug-ins may hold anything, and what cannot be drawn is an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from markupsafe import Markup

from poise.assessment.drawing import Curve, Frame, Point, Shown, curves
from poise.assessment.wording import signed, tame
from poise.releases import charts
from poise.releases.charts import Line
from poise.releases.evidence import CalibrationBin
from poise.releases.wording import count, figure, short

Found = Mapping[str, Any]
RUNGS = {
    "constant": "always the same",
    "rule": "a rule over one column",
    "curve": "a curve over one column",
    "linear": "a linear model",
    "trees": "a tree model",
}
SLICES = 12
"""Slices that are drawn; the table has all."""
Z = 1.645
"""Standard errors to a one-sided limit of 95 %."""


def number(value: Any) -> float | None:
    """A finite number, else None."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if good else None


def interval(found: Any) -> tuple[float, float | None, float | None] | None:
    """(value, low, high) of an interval, or of a plain number; None where there is none."""
    if isinstance(found, Mapping):
        value = number(found.get("value"))
        return None if value is None else (value, number(found.get("low")), number(found.get("high")))
    value = number(found)
    return None if value is None else (value, None, None)


def limited(one: Found, name: str) -> tuple[float, float | None, float | None] | None:
    """(value, low, high) of a record's number: an interval itself, or with its limits (or its error) beside it."""
    found = interval(one.get(name))
    if found is None or isinstance(one.get(name), Mapping):
        return found
    error = number(one.get("error"))
    if error is not None:
        return found[0], found[0] - Z * error, found[0] + Z * error
    return found[0], number(one.get("low")), number(one.get("high"))


def records(details: Any, *path: str) -> list[Found]:
    """The records at this path of names; empty where there are none."""
    found = details
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    good = isinstance(found, Sequence) and not isinstance(found, str)
    return [one for one in found if isinstance(one, Mapping)] if good else []


def points(found: Iterable[Found], x: str, y: str) -> tuple[Point, ...]:
    """Points out of records, those without both numbers left out."""
    made = ((number(one.get(x)), limited(one, y)) for one in found)
    return tuple(Point(at, *value) for at, value in made if at is not None and value is not None)


def ranked(found: Sequence[tuple[str, Any, bool]], title: str, key: str, shown: Shown = signed) -> Markup:
    """Named intervals, one row each, from zero on: a dashed line where nothing is gained."""
    known = [(name, interval(value), strong) for name, value, strong in found]
    lines = [Line(tame(name, 200), *value, strong=strong) for name, value, strong in known if value is not None]
    parts = [f"{one.label} {shown(one.value)}" for one in lines]
    return charts.whiskers(lines, 0.0, "", title, f"{'; '.join(parts)}.", key, shown) if lines else Markup("")


def rungs(details: Found, key: str) -> Markup:
    """What each candidate explains."""
    found = [one for one in records(details, "rungs") if one.get("name") != "constant" and not one.get("failed")]
    best = max((v[0] for one in found if (v := interval(one.get("skill"))) is not None), default=None)
    rows = []
    for one in found:
        skill = interval(one.get("skill"))
        name = str(one.get("name"))
        rows.append((RUNGS.get(name, name), one.get("skill"), skill is not None and skill[0] == best))
    return ranked(rows, "What each kind of model explains", key)


def reliability(bins: Sequence[Found], key: str) -> Markup:
    """What was predicted against what came true."""
    return charts.calibration([CalibrationBin.model_validate(dict(one)) for one in bins], key)


def slices(details: Found, key: str) -> Markup:
    """What is explained in each part of the rows: the worst and the best."""
    rows = []
    for one in records(details, "slices"):
        skill = limited(one, "skill")
        if skill is not None:
            name = f"{short(str(one.get('by')), 18)} is {short(_rounded(str(one.get('value'))), 24)}"
            value = dict(zip(("value", "low", "high"), skill, strict=True))
            rows.append((skill[0], (name, value, one.get("says") == "of use")))
    rows.sort(key=lambda row: row[0])
    if len(rows) > SLICES:
        rows = [*rows[: SLICES // 2], *rows[-SLICES // 2 :]]
    return ranked([row for _, row in rows], "What is explained, part by part", key)


def _rounded(text: str) -> str:
    """A range with numbers that a reader takes in."""
    return re.sub(r"-?\d+\.\d{3,}", lambda found: figure(float(found.group())), text)


def coverage(details: Found, key: str) -> Markup:
    """How good the answers are where only the surest are given."""
    surest = details.get("surest")
    found = records(surest, "curve")
    what = tame(surest.get("what") or "", 40) if isinstance(surest, Mapping) else ""
    frame = Frame("share of the rows that are answered", what, signed, signed if "share" in what else figure)
    return curves([Curve(what, points(found, "coverage", "value"))], frame, "Answering only the surest rows", key)


def alone(details: Found, key: str) -> Markup:
    """What each column explains by itself, the strongest first."""
    found = details.get("alone")
    known = [(str(name), number(value)) for name, value in found.items()] if isinstance(found, Mapping) else []
    strong = sorted(
        ((name, value) for name, value in known if value is not None and value > 0), key=lambda one: -one[1]
    )
    return charts.bars(strong[:SLICES], "What each column explains by itself", key, whole=1.0)


def learning(details: Found, key: str) -> Markup:
    """What is explained by how many rows, and what more rows would be expected to add."""
    measured = points(records(details, "curve", "points"), "rows", "skill")
    last = max((point.x for point in measured), default=1.0)
    later = [{**one, "rows": last * (number(one.get("times")) or 1.0)} for one in records(details, "later")]
    drawn = [Curve("measured", measured), Curve("expected of more rows", points(later, "rows", "skill"), ahead=True)]
    frame = Frame("rows to learn from", "explained", count, by_factors=True, include=(0.0,))
    return curves(drawn, frame, "What more rows bring", key)


def policies(details: Found, key: str) -> Markup:
    """What each way of deciding comes to, per decision."""
    found = details.get("policies")
    rows = [(str(name), value, name == "ML") for name, value in found.items()] if isinstance(found, Mapping) else []
    unit = tame(details.get("currency") or "", 20)
    return ranked(rows, f"What a decision brings{f', in {unit}' if unit else ''}", key, figure)


def thresholds(details: Found, key: str) -> Markup:
    """What a decision gains, by the probability from which one acts."""
    found = points(records(details, "by_threshold"), "threshold", "gain")
    best, unit = number(details.get("threshold")), tame(details.get("currency") or "gain", 20)
    mark = None if best is None else (best, "by the costs")
    frame = Frame("acting from this probability on", f"{unit} per decision", signed, figure, mark=mark)
    return curves([Curve(unit, found)], frame, "Where to draw the line", key)


def worth(details: Found, key: str) -> Markup:
    """Without declared costs: what a decision would gain, by how much worse a miss is than a false alarm."""
    found = points(records(details, "table"), "ratio", "gain")
    unit = tame(details.get("unit") or "gain", 30)
    frame = Frame(
        "a miss in false alarms", f"{unit} gained per decision", figure, figure, by_factors=True, include=(0.0,)
    )
    return curves([Curve(unit, found)], frame, "What it would be worth", key)


def groups(details: Found, key: str) -> Markup:
    """What came true, by group of the sensitive columns."""
    rows = []
    for one in records(details, "groups"):
        for group in records(one, "table"):
            name = f"{short(str(one.get('column')), 20)} is {short(str(group.get('group')), 20)}"
            rows.append((name, group.get("truth"), True))
    intervals = [interval(value) for _, value, _ in rows]
    shares = all(value is None or -1 <= value[0] <= 1 for value in intervals)
    return ranked(rows[:SLICES], "What came true, by group", key, signed if shares else figure)


def later(details: Found, key: str) -> Markup:
    """What is explained of later rows, beside what a split without regard to time would promise."""
    names = {"later": "later rows, as in use", "shuffled": "rows of any time, as if shuffled"}
    rows = [(words, details.get(name), name == "later") for name, words in names.items()]
    both = all(interval(value) is not None and isinstance(value, Mapping) for _, value, _ in rows)
    return ranked(rows, "What is explained of later rows", key) if both else Markup("")


def course(details: Found, key: str) -> Markup:
    """The mean of the target over time."""
    rate = details.get("rate")
    days, values = (_list(rate, name) for name in ("time", "rate"))
    found = [(_ordinal(day), number(value)) for day, value in zip(days, values, strict=False)]
    made = tuple(Point(day, value) for day, value in found if day is not None and value is not None)
    shares = all(0 <= point.y <= 1 for point in made)
    frame = Frame("", "mean of the target", _month, signed if shares else figure, include=(0.0,) if shares else ())
    return curves([Curve("mean of the target", made)], frame, "The target over time", key)


def decay(details: Found, key: str) -> Markup:
    """What a model that is never learned again explains, by its age, beside one that is."""
    found = details.get("decay")
    days = _list(found, "days")

    def line(label: str, name: str) -> Curve:
        pairs = [(number(day), number(value)) for day, value in zip(days, _list(found, name), strict=False)]
        return Curve(label, tuple(Point(day, value) for day, value in pairs if day is not None and value is not None))

    drawn = [line("learned once", "frozen"), line("learned again each time", "renewed")]
    frame = Frame("age of the model in days", "explained", count, include=(0.0,))
    return curves(drawn, frame, "What becomes of a model that is never learned again", key)


def _list(found: Any, name: str) -> list[Any]:
    values = found.get(name) if isinstance(found, Mapping) else None
    return values if isinstance(values, list) else []


def _ordinal(day: Any) -> float | None:
    """Days since the year 1 of an ISO 8601 date; None for anything else."""
    try:
        return float(date.fromisoformat(str(day)[:10]).toordinal())
    except ValueError:
        return None


def _month(day: float | None) -> str:
    return f"{date.fromordinal(round(day or 1)):%b %Y}"
