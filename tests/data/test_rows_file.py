"""Rows in a file: a disk that takes it only in part is left as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poise.data import rows_file
from poise.table import Column, History, Table


def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = np.array([1, 2], np.int64)
    rows = History("orders", "log", at, at, Table({"v": Column.numbers([1.0, 2.0])}))

    def full(stream, **_):  # type: ignore[no-untyped-def]
        stream.write(b"some")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match="No space"):
            rows_file.write(tmp_path / "lake-orders-1-2.npz", rows, None)
    assert not list(tmp_path.iterdir())
    rows_file.write(tmp_path / "lake-orders-1-2.npz", rows, None)
    assert [path.name for path in tmp_path.iterdir()] == ["lake-orders-1-2.npz"]
