"""Thirty changes of releases and weights under load; two hundred are in `tests/soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.mixing import survive, written


def test_no_answer_fails_and_none_mixes_two_releases_or_two_versions_of_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    answers = survive(written(tmp_path), 30)
    assert len({release for release, _ in answers.pairs}) == 3 and len({version for _, version in answers.pairs}) > 3
