"""Systems of every problem type, written the way a user would write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from poise.interfaces.system import System

Write = Callable[..., System]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a table and the text of a system file beside it; the system that Poise reads there."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)

    def made(text: str, **tables: pl.DataFrame) -> System:
        for name, table in tables.items():
            table.write_csv(tmp_path / f"{name}.csv")
        (tmp_path / "poise.yaml").write_text(text, encoding="utf-8")
        return System.read(tmp_path / "poise.yaml")

    return made
