"""Plots of the report as inline SVG: no script, no outside resource, colours from the page's style (light and dark).

Each is `WIDTH` units wide, so that its text is as large as the page's on a telephone and hardly larger on a desk. Each
has a title and a description for those who do not see it. What cannot be drawn is an empty text, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from markupsafe import Markup, escape

from poise.releases.evidence import CalibrationBin, FeatureShare, RungResult
from poise.releases.list_part import TermResult
from poise.releases.list_wording import sorted_words
from poise.releases.wording import clean, figure, policy_words, share, short

WIDTH = 340
TINY = 1e-300
"""Spans below this cannot be divided into ticks."""
ROW = 36
"""Height of one labelled row: the label stands above what it labels, so that long names fit."""
CURVES = 4
"""So many lines are told apart by colour and dashes."""
LABEL = 46
"""Columns of text that fit into `WIDTH`, beside a number."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places on the page: `low` is drawn at `start`, `high` at `end`.

    >>> Scale(0.0, 10.0, 0.0, 100.0)(2.5), Scale(0.0, 10.0, 0.0, 100.0).ticks()
    (25.0, [0.0, 5.0, 10.0])
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> Scale | None:
        """A scale that shows all `values` with some room; None where there is nothing to show."""
        found = list(values)
        if not found:
            return None
        low, high = min(found), max(found)
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
        return cls(low, high, start, end) if isfinite(high - low) and high - low > TINY else None

    def __call__(self, value: float) -> float:
        """Where `value` is drawn; what lies outside is drawn at the edge."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)

    def ticks(self, most: int = 4) -> list[float]:
        """At most `most` round values within the scale."""
        rough = (self.high - self.low) / most
        power = 10.0 ** floor(log10(rough))
        step = next((m * power for m in (1, 2, 5) if m * power >= rough), 10 * power)
        first = ceil(self.low / step)
        found = (i * step for i in range(first, floor(self.high / step) + 1))
        return [tick for tick in found if self.low <= tick <= self.high]  # i * step may round across the end


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled line of `whiskers`: a dot at `value`, a whisker from `low` to `high`."""

    label: str
    value: float
    low: float | None
    high: float | None
    strong: bool = False


def gains(rungs: Sequence[RungResult], metric: str, key: str) -> Markup:
    """What each step up the ladder gains, from the least it could be, against what it must be worth."""
    stepped = [r for r in rungs if r.gain is not None]
    lines = [
        Line(f"{r.name} over {r.against or 'the one before'}", r.gain or 0.0, r.gain_low, None, r.kept) for r in stepped
    ]
    needed = next((r.needed for r in stepped if r.needed is not None), None)
    parts = [f"{one.label} gains {figure(one.value)}, at least {figure(one.low)}" for one in lines]
    says = f"Gain in {metric}; {figure(needed)} is needed. {'; '.join(parts)}."
    return whiskers(lines, needed, "needed", f"What each step gains in {metric}", says, key)


def policies(
    terms: Sequence[TermResult], key: str, per: str = "row", who: Callable[[str], str] = policy_words
) -> Markup:
    """One term under each policy, which `who` puts into words; more is better."""
    lines = [Line(who(t.policy), t.value, t.low, t.high, t.policy == "model") for t in terms if t.value is not None]
    unit = terms[0].unit if terms else None
    parts = [f"{one.label} {figure(one.value)}" for one in lines]
    title = f"{terms[0].term}{f' in {unit}' if unit else ''} per {per}, by who decides" if terms else ""
    return whiskers(lines, None, "", title, f"More is better. {'; '.join(parts)}.", key)


def orders(results: Sequence[TermResult], key: str) -> Markup:
    """One term of a list under each order."""
    return policies(results, key, "list", sorted_words)


def whiskers(
    lines: Sequence[Line],
    mark: float | None,
    mark_label: str,
    title: str,
    says: str,
    key: str,
    shown: Callable[[float | None], str] = figure,
) -> Markup:
    """Dots with whiskers, one row each, over one axis, its numbers as `shown`; a dashed line at `mark`."""
    ends = [v for one in lines for v in (one.value, one.low, one.high) if v is not None]
    scale = Scale.over([*ends, *([mark] if mark is not None else [])], 6, WIDTH - 6) if lines else None
    if scale is None:
        return Markup("")
    foot = ROW * len(lines) + 20
    body = [axis(scale, foot, shown)]
    if mark is not None:
        x = scale(mark)
        body.append(Markup('<line class="mark" x1="{}" x2="{}" y1="16" y2="{}"/>').format(x, x, foot))
        anchor = "start" if x < WIDTH / 2 else "end"
        body.append(text_at(x, 10, f"{shown(mark)} {mark_label}", "soft", anchor))
    for at, one in enumerate(lines):
        y = 24 + ROW * at
        tone = "strong" if one.strong else "weak"
        low, high = (one.value if v is None else v for v in (one.low, one.high))
        body += [
            text_at(0, y + 8, short(one.label, LABEL), "label"),
            Markup('<line class="whisker {}" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
                tone, scale(low), scale(high), y=y + 18
            ),
            Markup('<circle class="dot {}" cx="{}" cy="{}" r="4.5"/>').format(tone, scale(one.value), y + 18),
        ]
    return svg(body, foot + 20, title, says, key)


def bars(shares: Sequence[tuple[str, float | None]], title: str, key: str, whole: float = 0.0) -> Markup:
    """One bar per name, as long as its share of the largest (or of `whole`, if larger), with the share in words."""
    known = [(name, value) for name, value in shares if value is not None and value >= 0]
    if not known or not (largest := max(value for _, value in known)):
        return Markup("")
    body, largest = [], max(largest, whole)
    for at, (name, value) in enumerate(known):
        y, long = ROW * 0.9 * at, round(value / largest * WIDTH, 1)
        body += [
            text_at(0, y + 12, short(name, LABEL), "label", whole=name),
            text_at(WIDTH, y + 12, share(value), "label", "end"),
            Markup('<rect class="trough" x="0" y="{}" width="{}" height="7" rx="3.5"/>').format(y + 18, WIDTH),
            Markup('<rect class="bar" x="0" y="{}" width="{}" height="7" rx="3.5"/>').format(y + 18, max(long, 1)),
        ]
    says = "; ".join(f"{name} {share(value)}" for name, value in known)
    return svg(body, ROW * 0.9 * len(known) + 2, title, f"{says}.", key)


def importance(features: Sequence[FeatureShare], key: str) -> Markup:
    """How much of the model each feature is."""
    return bars([(f.feature, f.share) for f in features], "What the model looks at most", key)


def calibration(bins: Sequence[CalibrationBin], key: str) -> Markup:
    """What was predicted against what came true: on the dashed line they agree."""
    drawn = [b for b in bins if b.predicted is not None and b.realised is not None]
    if not drawn:
        return Markup("")
    top = max(v for b in drawn for v in (b.predicted, b.realised, b.high) if v is not None)
    power = 10.0 ** floor(log10(top)) if top > TINY else 0.01
    top = min(1.0, next(m * power for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if m * power >= top))
    across, up = Scale(0.0, top, 44, WIDTH - 8), Scale(0.0, top, 270, 12)
    body = [_calibration_frame(across, up, top)]
    for one in drawn:
        assert one.predicted is not None and one.realised is not None
        x, y = across(one.predicted), up(one.realised)
        low, high = (one.realised if v is None else v for v in (one.low, one.high))
        body.append(
            Markup('<line class="whisker strong" x1="{x}" x2="{x}" y1="{}" y2="{}"/>').format(up(low), up(high), x=x)
        )
        body.append(Markup('<circle class="dot strong" cx="{}" cy="{}" r="4.5"/>').format(x, y))
    says = "; ".join(f"predicted {share(b.predicted)}, came true {share(b.realised)}" for b in drawn)
    return svg(body, 312, "Predicted and came true", f"{says}.", key)


def places(curves: Mapping[str, Sequence[float | None]], key: str) -> Markup:
    """What each place of a list keeps of every term, one line per term; the first place keeps all."""
    drawn = {term: [v for v in curve if v is not None] for term, curve in curves.items()}
    longest = max((len(curve) for curve in drawn.values()), default=0)
    if longest < 2:
        return Markup("")
    top = max(1.0, *(v for curve in drawn.values() for v in curve))
    across, up = Scale(1.0, float(longest), 44, WIDTH - 8), Scale(0.0, top, 210, 12)
    body = [_places_frame(across, up, longest)]
    for number, (term, curve) in enumerate(drawn.items()):
        points = " ".join(f"{across(float(at))},{up(value)}" for at, value in enumerate(curve, 1))
        body.append(Markup('<polyline class="curve curve-{}" points="{}"/>').format(number % CURVES, points))
        y = 252 + 18 * number
        body.append(
            Markup('<line class="curve curve-{}" x1="44" x2="72" y1="{y}" y2="{y}"/>').format(number % CURVES, y=y)
        )
        body.append(
            text_at(80, y + 4, short(f"{term}: {share(curve[-1])} is left at place {len(curve)}", LABEL), "label")
        )
    parts = [f"{term} {', '.join(share(value) for value in curve)}" for term, curve in drawn.items()]
    says = f"From the first place down: {'; '.join(parts)}."
    return svg(body, 248 + 18 * len(drawn), "What each place keeps", says, key)


def _places_frame(across: Scale, up: Scale, longest: int) -> Markup:
    parts = []
    for tick in (0.0, 0.5, 1.0):
        y = up(tick)
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(across(1), across(longest), y=y)
        )
        parts.append(text_at(38, y + 4, share(tick), "soft", "end"))
    step = max(1, round(longest / 5))
    shown = [1, *(at for at in range(step, longest, step) if 1 < at <= longest - step / 2), longest]
    marks = [text_at(across(float(at)), 226, f"{at:,}", "soft", "middle") for at in shown]
    name = text_at((across(1) + across(longest)) / 2, 242, "place in the list", "soft", "middle")
    return Markup("").join([*parts, *marks, name])


def _calibration_frame(across: Scale, up: Scale, top: float) -> Markup:
    parts = []
    for tick in (0.0, top / 2, top):
        x, y = across(tick), up(tick)
        parts += [
            Markup('<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(across(0), across(top), y=y),
            text_at(38, y + 4, share(tick), "soft", "end"),
            text_at(x, 288, share(tick), "soft", "end" if tick == top else "middle" if tick else "start"),
        ]
    parts += [
        Markup('<line class="mark" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(across(0), across(top), up(0), up(top)),
        text_at((across(0) + across(top)) / 2, 306, "predicted", "soft", "middle"),
        text_at(across(0) + 6, 24, "came true", "soft"),
    ]
    return Markup("").join(parts)


def axis(scale: Scale, foot: float, shown: Callable[[float | None], str] = figure) -> Markup:
    """The axis at the foot of rows, with its ticks and their grid lines."""
    parts = [Markup('<line class="axis" x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(WIDTH, y=foot)]
    for tick in scale.ticks():
        x = scale(tick)
        anchor = "start" if x < 24 else "end" if x > WIDTH - 24 else "middle"
        parts.append(Markup('<line class="grid" x1="{x}" x2="{x}" y1="16" y2="{}"/>').format(foot, x=x))
        parts.append(text_at(x, foot + 14, shown(tick), "soft", anchor))
    return Markup("").join(parts)


def text_at(x: float, y: float, text: str, tone: str, anchor: str = "start", whole: str | None = None) -> Markup:
    """A text of a plot, escaped; `whole` is what it was cut from, shown to who points at it."""
    full = Markup("<title>{}</title>").format(clean(whole)) if whole else Markup("")
    made = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}{}</text>')
    return made.format(tone, round(x, 1), round(y, 1), anchor, clean(text), full)


def svg(body: Iterable[Markup], height: float, title: str, says: str, key: str) -> Markup:
    """A plot of the parts of `body`, with its title and description; `key` is its own within the page."""
    head = Markup(
        '<svg class="chart" role="img" viewBox="0 0 {w} {h}" aria-labelledby="{k}-title {k}-says">'
        '<title id="{k}-title">{t}</title><desc id="{k}-says">{s}</desc>'
    )
    opened = head.format(w=WIDTH, h=round(height, 1), k=escape(key), t=clean(title), s=clean(says))
    return opened + Markup("").join(body) + Markup("</svg>")
