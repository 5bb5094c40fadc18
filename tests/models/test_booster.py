"""LightGBM without its OpenMP library: a sentence that names the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

BROKEN = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "lightgbm":
            raise {error}
sys.meta_path.insert(0, Broken())
from poise.errors import MissingExtra
from poise.registry import get
try:
    get("learner", "trees")
except MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OSError('libgomp.so.1: cannot open shared object file')", "libgomp1"),
        ("ModuleNotFoundError('lightgbm')", "pip install lightgbm"),
    ],
)
def test_what_is_not_installed_is_named(error: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.replace("{error}", error)], capture_output=True, text=True, check=False
    )
    assert words in done.stdout, done.stderr
