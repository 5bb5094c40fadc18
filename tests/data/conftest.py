"""A lake in a temporary folder, and systems of a few sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poise.clock import Clock
from poise.data.ingest import ingest
from poise.data.lake import Lake
from poise.data.report import IngestReport
from poise.spec.system import SystemSpec

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class Fixed(Clock):
    """A wall clock that tests set."""

    def __init__(self, now: int = NOW) -> None:
        self.at = now

    def now(self) -> int:
        return self.at


def system(zone: str = "UTC", **sources: dict[str, Any]) -> SystemSpec:
    """A system of these sources and an objective that nobody uses."""
    objective = {"type": "binary", "per": next(iter(sources)), "label": {}}
    content = {"format": 1, "system": "shop", "purpose": "test", "timezone": zone, "sources": sources}
    return SystemSpec.model_validate({**content, "objectives": {"o": objective}})


class Bench:
    """Files in `base`, one lake, one clock."""

    def __init__(self, base: Path) -> None:
        self.base, self.lake, self.clock = base, Lake(str(base / "lake")), Fixed()

    def write(self, name: str, text: str) -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def take(self, spec: SystemSpec, **more: Any) -> IngestReport:
        report = ingest(spec, self.lake, base=self.base, clock=self.clock, **more)
        assert all(one.counts.balanced() for one in report.sources)
        return report


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def make() -> Callable[..., SystemSpec]:
    return system


@pytest.fixture
def new_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bench]:
    return lambda: Bench(tmp_path_factory.mktemp("bench"))
