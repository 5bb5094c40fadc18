"""The story of one change, told by a real server on a small market."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "restaurants"


@pytest.mark.soak
def test_the_story_is_told_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from story import Story, tell

    story = Story(tmp_path / "story", (14, 7, 7), 120, quick=True)
    scenes: dict[str, Any] = {one.name: one.told for one in tell(story)}
    assert list(scenes) == ["asks", "preview", "proposed", "approved", "came", "back"]
    assert "product" in scenes["proposed"]["proposal"]["touches"]
    assert scenes["approved"]["changed"] and scenes["back"]["values"]["revenue"] == 0.4
    came = scenes["came"]
    assert came["told_from"] > 300 < came["foretold_from"] and came["version"] == 2
    acts = [line.act for line in story.system.state.history()]
    order = [acts.index(act) for act in ("release", "propose", "approve", "realised", "take-back")]
    assert order == sorted(order)
