"""What people install: the wheel carries the examples, and starts systems from them without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

CARRIED = {
    "flights": {"poise.yaml", "prepare.py"},
    "fraud": {"poise.yaml", "prepare.py", "README.md"},
    "pricing": {"poise.yaml", "prepare.py", "oj.csv", "DATA-LICENSE"},
    "restaurants": {"poise.yaml", "prepare.py", "market.py", "demo.py", "page.html"},
    "table": {"poise.yaml", "prepare.py"},
}


def test_the_wheel_carries_the_examples_and_nothing_that_running_them_left(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for template, files in CARRIED.items():
        inside = {name.rpartition("/")[2] for name in names if name.startswith(f"poise/examples/{template}/")}
        assert files <= inside
    assert not [name for name in names if "/data/" in name.removeprefix("poise/data/") or ".poise/" in name]
    assert not [name for name in names if name.endswith((".parquet", ".pyc")) or name.startswith(("tests", "src"))]
    assert wheel.stat().st_size < 2_000_000


def test_new_works_without_the_checkout(installed: dict[str, str], tmp_path: Path) -> None:
    def poise(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "poise", *words]
        return subprocess.run(command, cwd=folder, env=installed, capture_output=True, text=True, check=False)

    listed = poise(tmp_path, "new")
    assert all(name in listed.stdout for name in CARRIED), listed.stderr
    assert poise(tmp_path, "new", "shop").returncode == 0
    checked = poise(tmp_path / "shop", "check")
    assert "is valid: customers" in checked.stdout, checked.stderr
