"""A disk that is full, or that fails, is named: SQLite calls both an I/O error."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from poise.stores import state_url


def failure(name: str, text: str) -> OperationalError:
    """What SQLAlchemy raises where SQLite fails so."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name  # as the driver sets it
    return OperationalError("INSERT", {}, error)


@pytest.mark.parametrize(
    ("name", "text", "free", "said"),
    [
        ("SQLITE_IOERR_WRITE", "disk I/O error", 0, "is full (free some space"),
        ("SQLITE_IOERR_SHMSIZE", "disk I/O error", 4096, "is full (free some space"),
        ("SQLITE_FULL", "database or disk is full", 0, "is full (free some space"),
        ("SQLITE_IOERR_FSYNC", "disk I/O error", 1 << 30, "the disk that holds the state database fails"),
    ],
)
def test_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, free: int, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free if folder == tmp_path else 1e9))
    assert said in str(state_url.explain(failure(name, text), f"sqlite:///{tmp_path}/state.db"))


def test_a_folder_that_is_gone_is_not_called_full(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gone/state.db"
    assert "fails" in str(state_url.explain(failure("SQLITE_IOERR_READ", "disk I/O error"), url))
