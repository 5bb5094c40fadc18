"""A finding over time as inline SVG: its values per window, what is usual as a band, and since when it holds."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup, escape

from poise.clock import to_text
from poise.evaluation.words import number
from poise.monitoring.finding import Finding
from poise.releases.charts import WIDTH, Scale

HEIGHT, TOP, LEFT, FOOT = 150, 8, 48, 22
MOST = 400
"""Points of one line; of more every second (third, …) is drawn."""


def over_time(one: Finding, key: str, zone: str) -> Markup:
    """The line of `detail["series"]` at `detail["times"]`; empty where there are fewer than two values."""
    times, series = _points(one.detail.get("times"), one.detail.get("series"))
    second = _points(one.detail.get("times"), one.detail.get("other"))[1] if one.detail.get("other") else []
    drawn = [v for v in (*series, *second) if v is not None]
    if len(drawn) < 2:
        return Markup("")
    band = _band(one)
    across = Scale(times[0], max(times[-1], times[0] + 1), LEFT, WIDTH - 6)
    up = Scale.over([*drawn, *band], HEIGHT - FOOT, TOP)
    if up is None:
        return Markup("")
    parts = [_axis(up, across, times, zone), _shade(band, up)]
    if second:
        parts.append(_line(times, second, across, up, "other"))
    parts.append(_line(times, series, across, up, "own"))
    if one.since is not None and times[0] <= one.since <= times[-1]:
        x = across(one.since)
        parts.append(
            Markup('<line class="since" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>').format(x=x, a=TOP, b=HEIGHT - FOOT)
        )
    says = f"{one.subject}: from {number(drawn[0])} to {number(drawn[-1])}, {len(drawn)} values."
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{k}-t"><title id="{k}-t">{says}</title>'
        "{inner}</svg>"
    ).format(w=WIDTH, h=HEIGHT, k=key, says=says, inner=Markup("").join(parts))


def _points(times: Any, series: Any) -> tuple[list[int], list[float | None]]:
    if times is None or series is None or len(times) != len(series) or any(at is None for at in times):
        return [], []
    step = len(times) // MOST + 1
    values = [float(v) if v is not None and isfinite(float(v)) else None for v in series]
    return [int(at) for at in times][::step], values[::step]


def _band(one: Finding) -> list[float]:
    """What is usual, from where to where; empty where that is not told."""
    found = one.detail.get("usual")
    return [float(v) for v in found if v is not None and isfinite(float(v))] if found is not None else []


def _shade(band: Sequence[float], up: Scale) -> Markup:
    if len(band) != 2:
        return Markup("")
    top, foot = sorted(up(v) for v in band)
    return Markup('<rect class="band" x="{x}" y="{y}" width="{w}" height="{h}"/>').format(
        x=LEFT, y=top, w=WIDTH - 6 - LEFT, h=max(round(foot - top, 1), 1.0)
    )


def _line(times: Sequence[int], series: Sequence[float | None], across: Scale, up: Scale, kind: str) -> Markup:
    """One line, broken where a value is missing."""
    runs: list[list[str]] = [[]]
    for at, value in zip(times, series, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{across(at)},{up(value)}")
    lines = [
        Markup('<polyline class="{k}" points="{p}"/>').format(k=kind, p=" ".join(run)) for run in runs if len(run) > 1
    ]
    dots = [run[0].split(",") for run in runs if len(run) == 1]
    lines += [Markup('<circle class="{k}" cx="{x}" cy="{y}" r="2"/>').format(k=kind, x=x, y=y) for x, y in dots]
    return Markup("").join(lines)


def _axis(up: Scale, across: Scale, times: Sequence[int], zone: str) -> Markup:
    parts = []
    for tick in up.ticks():
        y = up(tick)
        parts.append(
            Markup('<line class="grid" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>').format(a=LEFT, b=WIDTH - 6, y=y)
        )
        parts.append(
            Markup('<text class="soft" x="{x}" y="{y}" text-anchor="end">{t}</text>').format(
                x=LEFT - 5, y=y + 4, t=number(tick)
            )
        )
    for at, anchor in ((times[0], "start"), (times[-1], "end")):
        parts.append(
            Markup('<text class="soft" x="{x}" y="{y}" text-anchor="{a}">{t}</text>').format(
                x=across(at), y=HEIGHT - 6, a=anchor, t=escape(to_text(at, zone)[:10])
            )
        )
    return Markup("").join(parts)
