"""Copies of rows in several parts are told; rows that repeat by nature are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.interfaces.system import System
from poise.releases.twins import row_hashes
from poise.table import Column, Table

FILE = """
format: 1
system: twins
purpose: Test copies.
sources: {rows: {path: rows.csv, columns: {a: float, b: category, y: bool}, request: {except: y}}}
objectives: {y: {type: binary, per: rows, label: {take: y}, rungs: [constant]}}
"""


def warnings(folder: Path, lines: list[str]) -> list[str]:
    (folder / "rows.csv").write_text("\n".join(["a,b,y", *lines]))
    (folder / "poise.yaml").write_text(FILE)
    system = System.read(folder / "poise.yaml")
    system.ingest()
    return [w for w in system.train().folder.json("evidence")["objectives"]["y"]["warnings"] if "judged rows" in w]


def drawn(n: int, levels: int) -> list[str]:
    """Rows of a number with so many values and a category; what comes of them is half chance."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, levels, n)
    truth = values / levels + rng.normal(size=n) > 0.5
    return [f"{value},{'uv'[value % 2]},{'yes' if true else 'no'}" for value, true in zip(values, truth, strict=True)]


def test_copies_are_told(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, drawn(200, 1_000_000) * 2)
    assert said.endswith("scores are too good: give 'rows' an id: (or entity:) that copies share.")
    assert "% of the judged rows have the features and the truth of a row that was learned from" in said


@pytest.mark.parametrize("levels", [10, 1_000_000])
def test_rows_that_are_alike_by_nature_are_not(tmp_path: Path, levels: int) -> None:
    assert warnings(tmp_path, drawn(400, levels)) == []


def test_equal_rows_have_equal_hashes() -> None:
    rows = Table({"a": Column.numbers([0.0, -0.0, None, None, 1.0]), "b": Column.strings(["x", "x", None, None, "x"])})
    hashes = row_hashes(rows)
    assert hashes[0] == hashes[1] and hashes[2] == hashes[3]
    assert len(np.unique(hashes)) == 3
