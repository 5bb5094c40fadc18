"""Sixty days of the market of restaurants under `poise update`, with shocks and liars, held against its truth."""

from __future__ import annotations

from math import comb
from pathlib import Path

import pytest
from benchmarks.market_days import Home, system_text
from benchmarks.sixty_days import FIRST, LISTS, lived, look, nothing, told, truth_of

# isort: split
from troubles import Calendar, Troubled  # from the folder that the lines above add

ERROR = 0.05
"""How often a candidate that is no better may pass for better: 1 - `updates.level`."""


@pytest.fixture(autouse=True)
def _nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)


def likely(worse: int, of: int) -> float:
    """How probable so many false promotions, or more, are where each of so many comparisons errs so often."""
    return sum(comb(of, k) * ERROR**k * (1 - ERROR) ** (of - k) for k in range(worse, of + 1))


@pytest.mark.soak
def test_sixty_days_of_shocks_and_lies(tmp_path: Path) -> None:
    figures = {one.name.removeprefix("60 days: "): one.value for one in told(lived(tmp_path, Calendar(), LISTS, FIRST))}
    print(figures)
    compared = int(figures["candidates compared"])
    for what in ("whose lists were worse by the truth", "of which no loss was lower by the truth"):
        assert likely(int(figures[f"promotions {what}"]), compared) > 0.01, what
    assert figures["update: worth of the best possible"] > figures["frozen: worth of the best possible"]
    assert figures["update: trainings"] < figures["every day: trainings"]
    assert figures["made-up rows held back"] > 60, "of the two attacks most is seen"


def test_what_is_promoted_is_better_and_made_up_orders_are_held_back(tmp_path: Path) -> None:
    """The short form: models of ten days, prices that jump, orders that nobody made, and one look."""
    none = (17, 17)
    calendar = Calendar(
        17, dearer=10, come=11, rain=(10, 11), failure=(11, 12), holiday=none, fakes=(12, 16), flood=none
    )
    home = Home(tmp_path / "home", Troubled(calendar, lists=150 * 17), look)
    text = system_text().replace("  - {who: product, metric: latency_p99, at_most: 2s, candidates: 100}\n", "")
    for before in ("    label: {from: orders, match: impression_id, within: 6h}", "take: value, within: 6h}"):
        assert before in text
        text = text.replace(before, f"{before}\n    rungs: [linear]")
    home.begin(10, text)
    home.pass_by(5)
    found = home.live_day()
    assert found.did.startswith(("promoted", "kept")), found.did
    home.evening = nothing
    home.live_day()
    truth = truth_of(home, calendar)
    assert truth.held[0] > 0.7 and truth.held[1] < 0.3
    for one, lower in zip(home.promotions, truth.lower, strict=True):
        assert one.gain > -2 * one.error and max(lower.values()) > 0
