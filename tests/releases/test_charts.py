"""The plots: drawn where the numbers say, within the picture, and not at all where nothing can be drawn."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.releases import charts
from poise.releases.charts import Line, Scale
from poise.releases.evidence import CalibrationBin, RungResult

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def places(svg: str, name: str) -> list[float]:
    return [float(v) for v in re.findall(rf'\b{name}="(-?[\d.]+)"', svg)]


@given(st.lists(FINITE, min_size=1, max_size=5))
def test_everything_is_drawn_within_the_picture(values: list[float]) -> None:
    svg = str(charts.whiskers([Line("a", v, None, None) for v in values], 0.0, "needed", "t", "s", "k"))
    for name in ("cx", "x1", "x2", "x"):
        assert all(0 <= v <= charts.WIDTH for v in places(svg, name))
    height = float(re.findall(r'viewBox="0 0 340 ([\d.]+)"', svg)[0]) if svg else 0
    assert all(0 <= v <= height for v in places(svg, "cy"))


@given(FINITE, FINITE)
def test_ticks_are_few_round_and_within(one: float, other: float) -> None:
    scale = Scale.over([one, other], 0, 100)
    if scale is not None:
        ticks = scale.ticks()
        assert len(ticks) <= 6 and all(scale.low <= t <= scale.high for t in ticks)


def test_larger_is_further_right_and_the_kept_one_stands_out() -> None:
    rungs = [
        RungResult(name="rule", against="constant", gain=0.2, gain_low=0.1, needed=0.05, kept=True),
        RungResult(name="trees", against="rule", gain=0.01, gain_low=-0.1, needed=0.05),
        RungResult(name="constant", score=1.0),
    ]
    svg = str(charts.gains(rungs, "log loss", "k"))
    first, second = places(svg, "cx")
    assert first > second
    assert re.findall(r'class="dot (\w+)"', svg) == ["strong", "weak"]
    assert "rule over constant gains 0.2, at least 0.1" in svg and "0.05 needed" in svg


@pytest.mark.parametrize("top", [0.003, 0.04, 0.33, 0.97])
def test_the_calibration_plot_shows_rare_things_too(top: float) -> None:
    bins = [CalibrationBin(predicted=top * p, realised=top * p, rows=10) for p in (0.1, 0.5, 1.0)]
    svg = str(charts.calibration(bins, "k"))
    xs, ys = places(svg, "cx"), places(svg, "cy")
    assert xs == sorted(xs) and ys == sorted(ys, reverse=True)
    assert xs[-1] - xs[0] > 120, "the picture is used"


def test_what_cannot_be_drawn_is_nothing() -> None:
    assert charts.gains([], "auc", "k") == ""
    assert charts.calibration([CalibrationBin(predicted=0.1)], "k") == ""
    assert charts.bars([("a", None), ("b", 0.0)], "t", "k") == ""
    assert charts.whiskers([Line("a", -1e308, 1e308, None)], None, "", "t", "s", "k") == ""


def test_names_are_escaped_cut_and_kept_whole_for_those_who_point() -> None:
    name = "<b>" + "x" * 90
    svg = str(charts.bars([(name, 0.5)], "t", 'k"'))
    assert "<b>" not in svg and "…" in svg
    assert f"<title>&lt;b&gt;{'x' * 90}</title>" in svg
    assert 'id="k&#34;-title"' in svg


def test_a_curve_of_places_starts_at_the_top_and_says_what_is_left() -> None:
    drawn = charts.places({"sales": [1.0, 0.5, 0.25], "<clicks>": [1.0, 0.6, 0.3]}, "p")
    assert 'points="44.0,12.0 188.0,111.0 332.0,160.5"' in drawn
    assert "sales: 25 % is left at place 3" in drawn and "&lt;clicks&gt;: 30 % is left at place 3" in drawn
    assert "From the first place down: sales 100 %, 50 %, 25 %;" in drawn
    assert charts.places({"sales": [1.0]}, "p") == "" == charts.places({}, "p")
