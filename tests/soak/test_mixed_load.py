"""A server under a long mixed load: all answers are what they may be, and memory grows by what is to be kept only."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.soak.mixed_load import bear, market

SECONDS = 120.0
A_ROW = 600
"""Bytes that a new row may take: its identity, and its place in the windows of each of its keys."""
SLACK = 3_000_000


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_mixed_load(tmp_path: Path) -> None:
    load = bear(market(tmp_path / "market"), 8.0)
    assert load.requests > 100 and load.rows > 0
    assert load.statuses["list", 200] > 10 * load.statuses["list", 503]


@pytest.mark.soak
def test_a_long_mixed_load_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = market(tmp_path / "market")
    for new in (False, True):
        load = bear(folder, SECONDS, new=new)
        grown = load.grown(0.3)
        print(f"{load.requests:,} requests, {load.rows:,} new rows: {grown / 1e6:.1f} MB more in the last two thirds")
        assert grown < SLACK + A_ROW * 0.7 * load.rows
