"""The worth of lists day by day as a drawing: an SVG that needs nothing else, in light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 62, 190, 78, 48
NAMES = {
    "oracle": "best possible",
    "hindsight": "last release, in hindsight",
    "poise": "Poise, from nothing",
    "taking": "popularity, not exploring",
    "popularity": "popularity, exploring",
    "random": "random order",
}
"""What lines are called, in the order in which they are drawn."""
STYLE = """
.start-curve { --paper: #faf8f3; --ink: #22201b; --soft: #5f5a50; --grid: #e2dccf; --poise: #0b6b61; --other: #8f4a00 }
@media (prefers-color-scheme: dark) {
  .start-curve { --paper: #171613; --ink: #efebe1; --soft: #aea798; --grid: #38352d }
  .start-curve { --poise: #6fd0c2; --other: #f0ac5a }
}
.start-curve text { font: 13px system-ui, sans-serif; fill: var(--ink) }
.start-curve .small { font-size: 12px; fill: var(--soft) }
.start-curve .title { font-size: 16px; font-weight: 600 }
.start-curve path { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-linejoin: round }
.start-curve .grid, .start-curve .mark { stroke: var(--grid); stroke-width: 1 }
.start-curve .mark { stroke: var(--soft); stroke-dasharray: 1 4 }
.start-curve .poise { stroke: var(--poise); stroke-width: 3 }
.start-curve .popularity { stroke: var(--other); stroke-width: 2 }
.start-curve .taking { stroke: var(--other); stroke-dasharray: 9 3 2 3 }
.start-curve .random { stroke-dasharray: 2 3 }
.start-curve .hindsight { stroke: var(--poise); stroke-dasharray: 7 5 }
.start-curve text.poise { fill: var(--poise); stroke: none; font-weight: 600 }
.start-curve text.popularity, .start-curve text.taking { fill: var(--other); stroke: none }
.start-curve text.hindsight { fill: var(--poise); stroke: none }
.start-curve circle { fill: var(--paper); stroke: var(--poise); stroke-width: 2.5 }
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A release that answers from a day on, and a word on what it is made of."""

    day: int
    release: str
    what: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Worth per 1,000 lists of each policy on each day, and from when on each release answered.

    lines: name (of `NAMES`) -> (days,); lists: how many there were in all.
    """

    lines: Mapping[str, Sequence[float]]
    marks: Sequence[Mark]
    lists: int

    def svg(self) -> str:
        """The drawing.

        >>> drawn = Curve({"poise": [1.0, 2.0], "random": [1.0, 1.0]}, [Mark(0, "r1", "rule")], 20).svg()
        >>> drawn.startswith("<svg"), "r1 rule" in drawn, "from 1.0 on the first day to 2.0" in drawn
        (True, True, True)
        """
        scale = _Scale.of(self.lines)
        body = [*self._axes(scale), *self._marked(scale), *self._drawn(scale), *self._points(scale)]
        return "\n".join(
            [
                '<svg xmlns="http://www.w3.org/2000/svg" class="start-curve" role="img" '
                f'viewBox="0 0 {WIDTH} {HEIGHT}" aria-labelledby="start-title start-says">',
                '<title id="start-title">A list that starts without data</title>',
                f'<desc id="start-says">{escape(self.says())}</desc>',
                f"<style>{STYLE}</style>",
                f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" style="fill: var(--paper)"/>',
                '<text class="title" x="20" y="28">A list that starts without data</text>',
                '<text class="small" x="20" y="48">What 1,000 lists are worth by the weights of poise.yaml and the '
                f"truth of the market, of {self.lists:,} lists</text>",
                *body,
                "</svg>\n",
            ]
        )

    def says(self) -> str:
        """The drawing in words."""
        said = [
            f"{NAMES[name]}: from {_number(values[0])} on the first day to {_number(values[-1])} on the last"
            for name, values in self.lines.items()
        ]
        came = [f"{mark.release} {mark.what}".strip() + f" from day {mark.day + 1}" for mark in self.marks]
        return f"Worth per 1,000 lists. {'; '.join(said)}. Releases: {', '.join(came)}."

    def _axes(self, scale: _Scale) -> list[str]:
        drawn = []
        for value in scale.ticks():
            y = scale.y(value)
            drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            drawn.append(
                f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
            )
        foot = HEIGHT - BOTTOM + 20
        for day in range(0, scale.days, max(1, round(scale.days / 28) * 7 if scale.days > 10 else 1)):
            x = scale.x(day)
            drawn.append(f'<text class="small" x="{x:.1f}" y="{foot}" text-anchor="middle">{day + 1}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        drawn.append(f'<text class="small" x="{middle}" y="{foot + 20}" text-anchor="middle">day</text>')
        return drawn

    def _marked(self, scale: _Scale) -> list[str]:
        """Dotted lines where releases begin; a name stands lower where the one before is near."""
        drawn, ends = [], [0.0, 0.0]
        for mark in self.marks:
            x, said = scale.x(mark.day), f"{mark.release} {mark.what}".strip()
            row = 0 if x >= ends[0] else 1
            ends[row] = x + 8 * len(said) + 6
            y = TOP - 10 + 15 * row
            drawn.append(f'<path class="mark" d="M{x:.1f} {y + 4}V{HEIGHT - BOTTOM}"/>')
            drawn.append(
                f'<text x="{x:.1f}" y="{y}" text-anchor="{"start" if row or mark.what else "middle"}">{said}</text>'
            )
        return drawn

    def _drawn(self, scale: _Scale) -> list[str]:
        """Lines, each with its name at its end."""
        drawn = []
        for name, values in self.lines.items():
            path = "L".join(f"{scale.x(day):.1f} {scale.y(value):.1f}" for day, value in enumerate(values))
            drawn.append(f'<path class="{name}" d="M{path}"/>')
        x = WIDTH - RIGHT + 10
        for name, y in _apart({name: scale.y(values[-1]) for name, values in self.lines.items()}).items():
            drawn.append(f'<text class="{name}" x="{x}" y="{y + 4:.1f}">{NAMES[name]}</text>')
        return drawn

    def _points(self, scale: _Scale) -> list[str]:
        values = self.lines["poise"]
        return [f'<circle cx="{scale.x(m.day):.1f}" cy="{scale.y(values[m.day]):.1f}" r="4"/>' for m in self.marks]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where days and worths stand in the drawing."""

    days: int
    top: float

    @classmethod
    def of(cls, lines: Mapping[str, Sequence[float]]) -> _Scale:
        return cls(max(map(len, lines.values())), 1.04 * max(max(values) for values in lines.values()))

    def x(self, day: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * day / max(1, self.days - 1)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top

    def ticks(self) -> list[float]:
        """About five round numbers from 0."""
        step = 10.0 ** len(str(int(self.top))) / 100
        while self.top / step > 6:
            step *= 2
        return [step * i for i in range(int(self.top / step) + 1)]


def _apart(places: Mapping[str, float], gap: float = 17) -> dict[str, float]:
    """Heights for names, moved down until none covers another."""
    found, last = {}, -gap
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        last = found[name] = max(y, last + gap)
    return found


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"
