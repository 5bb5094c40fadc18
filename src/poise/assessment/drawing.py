"""Drawing curves with bands of their limits, in the look of `releases.charts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10

from markupsafe import Markup

from poise.assessment.wording import signed
from poise.releases.charts import CURVES, LABEL, WIDTH, Scale, svg, text_at
from poise.releases.wording import figure, short

Shown = Callable[[float | None], str]
LEFT, TOP, FOOT = 48, 12, 210
"""Where the frame of a plot begins, its upper and its lower edge."""
DOTTED = 12
"""A curve of so many points shows each."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve, with its limits where they are known."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: solid where it was measured, `ahead` where it is extrapolated."""

    label: str
    points: tuple[Point, ...]
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What the axes say: names, how numbers are shown, whether x goes by factors, what is always visible."""

    across: str
    up: str
    shown_across: Shown = figure
    shown_up: Shown = signed
    by_factors: bool = False
    include: tuple[float, ...] = ()
    mark: tuple[float, str] | None = None
    """A value of x that a dashed line marks, and its name."""


def _by_factors(x: float | None) -> float:
    return log10(max(x or 1.0, 1e-9))


def curves(drawn: Sequence[Curve], frame: Frame, title: str, key: str) -> Markup:
    """Lines with bands of their limits. A line of fewer than two points is left out; empty where none is left."""
    kept = [curve for curve in drawn if len({point.x for point in curve.points}) > 1]
    if not kept:
        return Markup("")
    place = _by_factors if frame.by_factors else float
    xs = [point.x for curve in kept for point in curve.points]
    ys = [v for curve in kept for point in curve.points for v in (point.y, point.low, point.high) if v is not None]
    up = Scale.over([*ys, *frame.include], FOOT, TOP)
    low, high = (place(edge) for edge in (min(xs), max(xs)))
    if up is None or not high > low:
        return Markup("")
    across = Scale(low, high, LEFT, WIDTH - 8)

    def at(x: float) -> float:
        return across(place(x))

    body = [_frame(at, across, up, frame, _ticks(frame, min(xs), max(xs)))]
    if frame.mark is not None:
        body.append(_mark(at(frame.mark[0]), f"{frame.mark[1]}: {frame.shown_across(frame.mark[0])}"))
    for shade, curve in enumerate(kept):
        body.append(_curve(curve, shade, at, up))
    if len(kept) > 1:
        body += [_legend(curve, shade, FOOT + 42 + 18 * shade) for shade, curve in enumerate(kept)]
    says = "; ".join(f"{c.label}: {_said(c, frame)}" for c in kept)
    return svg(body, FOOT + 40 + (18 * len(kept) if len(kept) > 1 else 0), title, f"{says}.", key)


def _said(curve: Curve, frame: Frame) -> str:
    step = max(1, len(curve.points) // 12)
    return ", ".join(f"{frame.shown_up(p.y)} at {frame.shown_across(p.x)}" for p in curve.points[::step])


def _ticks(frame: Frame, low: float, high: float) -> list[float]:
    if not frame.by_factors:
        return Scale(low, high, 0.0, 1.0).ticks(6)
    steps = [m * 10.0**power for power in range(-3, 10) for m in (1, 2, 5)]
    within = [step for step in steps if low <= step <= high]
    return within[:: -(-len(within) // 4)] if within else [low, high]


def _frame(at: Callable[[float], float], across: Scale, up: Scale, frame: Frame, ticks: Sequence[float]) -> Markup:
    parts = []
    for tick in up.ticks():
        y = up(tick)
        made = Markup('<line class="{}" x1="{}" x2="{}" y1="{y}" y2="{y}"/>')
        parts.append(made.format("axis" if tick == 0 else "grid", LEFT, across.end, y=y))
        parts.append(text_at(LEFT - 6, y + 4, frame.shown_up(tick), "soft", "end"))
    for tick in ticks:
        x = at(tick)
        anchor = "end" if x > WIDTH - 24 else "middle"
        parts.append(text_at(x, FOOT + 16, frame.shown_across(tick), "soft", anchor))
    name = text_at((LEFT + across.end) / 2, FOOT + 32, short(frame.across, LABEL), "soft", "middle")
    return Markup("").join([*parts, name, text_at(LEFT + 6, TOP + 10, short(frame.up, LABEL), "soft halo")])


def _curve(curve: Curve, shade: int, at: Callable[[float], float], up: Scale) -> Markup:
    tone = shade % CURVES
    order = sorted(curve.points, key=lambda point: point.x)
    limited = [point for point in order if point.low is not None and point.high is not None]
    parts = []
    if len(limited) > 1:
        edge = [(at(p.x), up(p.high or 0.0)) for p in limited] + [(at(p.x), up(p.low or 0.0)) for p in limited[::-1]]
        outline = " ".join(f"{x},{y}" for x, y in edge)
        parts.append(Markup('<polygon class="band band-{}" points="{}"/>').format(tone, outline))
    line = " ".join(f"{at(p.x)},{up(p.y)}" for p in order)
    parts.append(Markup('<polyline class="curve curve-{}" points="{}"/>').format(tone, line))
    if not curve.ahead and len(order) <= 12:
        dot = Markup('<circle class="spot spot-{}" cx="{}" cy="{}" r="3.5"/>')
        parts += [dot.format(tone, at(p.x), up(p.y)) for p in order]
    return Markup("").join(parts)


def _mark(x: float, name: str) -> Markup:
    line = Markup('<line class="mark" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(TOP, FOOT, x=x)
    anchor = "start" if x < WIDTH / 2 else "end"
    return line + text_at(x + (5 if anchor == "start" else -5), FOOT - 8, name, "soft halo", anchor)


def _legend(curve: Curve, shade: int, y: float) -> Markup:
    line = Markup('<line class="curve curve-{}" x1="{}" x2="{}" y1="{y}" y2="{y}"/>')
    drawn = line.format(shade % CURVES, LEFT, LEFT + 28, y=y + 6)
    return drawn + text_at(LEFT + 36, y + 10, short(curve.label, LABEL), "label")
