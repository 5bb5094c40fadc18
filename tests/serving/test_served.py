"""What a server serves: by contract, exchanged in one step."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from poise.errors import RequestError, Retired
from poise.serving.answer import Answerer
from poise.serving.served import Served, Trouble


def by(stand_ins: ModuleType, release: str, major: int) -> Answerer:
    """An answerer of a release of that contract."""
    loaded = stand_ins.loaded()
    loaded = replace(loaded, release=release, contract=replace(loaded.contract, major=major))
    made: Any = Answerer(loaded, stand_ins.StandInStore(), stand_ins.ReplayClock(stand_ins.NOW))
    return made  # type: ignore[no-any-return]


def test_the_oldest_contract_that_is_not_retired_is_the_default(stand_ins: ModuleType) -> None:
    old, new = by(stand_ins, "r1", 1), by(stand_ins, "r3", 2)
    served = Served(new, old)
    assert (served.live, served.newest, served.majors) == (old, new, (1, 2))
    assert [served.of(major) for major in (None, 1, 2)] == [old, old, new]
    with pytest.raises(RequestError, match=r"there is no contract 3 \(allowed: 1, 2\)"):
        served.of(3)
    before = served.all
    served.retire(1, "nobody calls it")
    assert before == (old, new), "whoever looked before keeps what they saw"
    assert served.of(None) is new and served.live is new
    with pytest.raises(Retired, match=r"contract 1 was retired: nobody calls it \(ask by contract 2"):
        served.of(1)
    with pytest.raises(ValueError, match="the only contract"):
        served.retire(2, "why")


def test_a_release_takes_the_place_of_the_one_before_of_its_contract(stand_ins: ModuleType) -> None:
    served = Served(by(stand_ins, "r1", 1), by(stand_ins, "r3", 2))
    served.put(by(stand_ins, "r4", 2))
    assert [one.release for one in served.all] == ["r1", "r4"] and served.answers(3) is None
    assert {one.telemetry for one in served.all} == {served.telemetry}
    served.note("r5", Trouble("its seal is broken", again=2))
    served.note("r6", Trouble("no snapshot", again=1))
    served.note("r6", Trouble("no snapshot", again=3))
    served.note_only({"r6", "r7"})
    assert dict(served.troubles) == {"r6": Trouble("no snapshot", again=3)}
