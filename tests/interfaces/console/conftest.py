"""Hands tests the made-up server, by path: tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from poise.stores.state import State


@pytest.fixture(scope="session")
def made_up() -> ModuleType:
    spec = importlib.util.spec_from_file_location("made_up_server", Path(__file__).parent / "server.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["made_up_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def state(tmp_path: Path, made_up: ModuleType) -> Iterator[State]:
    with closing(State(f"sqlite:///{tmp_path / 'state.db'}", "flights")) as state:
        made_up.fill(state)
        yield state
