"""A home whose live release learned what no longer holds, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from poise.interfaces.system import System
from tests.updating.market import DAYS, TURN, write

Outdated = Callable[..., System]


@pytest.fixture(scope="session")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after the days before the turn, with r1 live."""
    folder = tmp_path_factory.mktemp("market")
    write(folder, TURN)
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    system.release()
    system.state.close()
    return folder


@pytest.fixture
def outdated(first_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outdated:
    """A copy of it with the files of later days, as of which r1 is wrong."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)

    def made(days: int = DAYS, **keys: str) -> System:
        folder = tmp_path / "home"
        shutil.copytree(first_release, folder)
        text = (folder / "poise.yaml").read_text(encoding="utf-8")
        for old, new in keys.items():
            text = text.replace(f"{old}:", f"{new}, {old}:", 1)
        write(folder, days, text)
        return System.read(folder / "poise.yaml")

    return made
