"""The long form of the journal's kill test: 50 rounds over one journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.test_journal_kill import survive

pytestmark = pytest.mark.soak


def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    survive(tmp_path, 50)
