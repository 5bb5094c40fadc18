"""Hands tests the stand-ins of `tests/serving`, by path: tests are no package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SERVING = Path(__file__).parents[2] / "serving"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SERVING / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stand_ins() -> ModuleType:
    return _module("stand_ins")


@pytest.fixture(scope="session")
def lists() -> ModuleType:
    return _module("list_stand_ins")
