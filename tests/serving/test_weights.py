"""Live weights across releases with other terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from poise.errors import RequestError
from poise.serving.weights import LiveWeights
from poise.spec.decision import Decision
from poise.stores.state import State

OLD = Decision(
    per="rides",
    choose=("go", "stay"),
    terms={"fare": {"unit": "USD", "go": "2", "stay": "0"}, "tips": {"go": "1", "stay": "0"}},
    weights={"tips": 3},
)
NEW = Decision(
    per="rides",
    choose=("go", "stay"),
    terms={"fare": {"unit": "USD", "go": "2", "stay": "0"}, "calm": {"go": "0", "stay": "1"}},
    weights={"calm": 5, "fare": 4},
)


def test_a_release_with_other_terms_keeps_what_people_set_and_seeds_the_rest(tmp_path: Path) -> None:
    store = State(f"sqlite:///{tmp_path}/state.db", "rides")
    LiveWeights(OLD, store).seed("the system file", "ana")
    LiveWeights(OLD, store).change({"values": {"fare": 2, "tips": 7}, "why": "try"})
    new = LiveWeights(NEW, store)
    assert new.show()["values"] == {"fare": 2.0, "calm": 5.0}, "before it is seeded the file's counts"
    changed = LiveWeights(NEW, store).change({"values": {"calm": 5}, "why": "sent twice", "expected_version": 2})
    assert changed["version"] == 3, "new terms are seeded under the version that was expected"
    new.seed("new terms, with r2")
    shown = new.show()
    assert (shown["version"], shown["values"], shown["unused"]) == (3, {"fare": 2.0, "calm": 5.0}, {"tips": 7.0})
    assert shown["file"] == [{"term": "fare", "live": 2.0, "file": 4.0}]
    new.seed("nothing is new")
    assert new.show()["version"] == 3
    assert LiveWeights(OLD, store).show()["values"] == {"fare": 2.0, "tips": 7.0}, "for the day of a rollback"
    store.close()


def test_weights_may_be_set_for_a_while(tmp_path: Path) -> None:
    store = State(f"sqlite:///{tmp_path}/state.db", "rides", zone="UTC")
    live = LiveWeights(OLD, store)
    told = live.change({"values": {"fare": 2}, "why": "the holidays", "until": "2099-01-01T00:00"})
    assert told["until"] == "2099-01-01T00:00:00+00:00" and live.show()["until"] == told["until"]
    assert live.change({"values": {"fare": 3}, "why": "for good"})["until"] is None
    for wrong in ("2001-01-01T00:00", "soon", 5, ""):
        with pytest.raises(RequestError, match=r"until: .* came"):
            live.change({"values": {"fare": 4}, "why": "x", "until": wrong})
    assert live.show()["values"]["fare"] == 3.0
    store.close()
