"""A release on trial: whom it answers, what becomes of its failures, and that a shadow changes no answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from poise.errors import NotFinite, RequestError
from poise.serving.answer import Answer, Answerer
from poise.serving.served import Served
from poise.serving.sticky import UNITS, Sticky
from poise.serving.trial import LATE, MOST_SEEN, MOST_WAITING, Canary, Shadow

Decide = Callable[[Answerer], Answer]


def by(stand_ins: ModuleType, release: str) -> Answerer:
    loaded = replace(stand_ins.loaded(), release=release)
    made: Answerer = Answerer(loaded, stand_ins.StandInStore(), stand_ins.ReplayClock(stand_ins.NOW))
    return made


def asked(stand_ins: ModuleType, number: int) -> bytes:
    return json.dumps({**stand_ins.ROW, "distance": 100.0 + number}).encode()


def decide(served: Served, body: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(served.answered(None, body, lambda one: one.decide(body)).body)
    return told


@pytest.fixture
def served(stand_ins: ModuleType) -> Served:
    return Served.of_one(by(stand_ins, "r1"))


# ---- who is answered by it


def test_shares_are_exact_within_sampling_and_grow_by_those_who_were_in() -> None:
    sticky = Sticky("shop/r2", "user")
    units = np.array([sticky.unit(b'{"user": "u%d"}' % number) for number in range(20_000)], np.float64) / UNITS
    for share in (0.01, 0.1, 0.5):
        assert abs((units < share).mean() - share) < 4 * np.sqrt(share * (1 - share) / len(units))
    other = np.array([Sticky("shop/r3", "user").unit(b'{"user": "u%d"}' % n) for n in range(20_000)]) / UNITS
    assert abs(np.corrcoef(units < 0.1, other < 0.1)[0, 1]) < 0.03, "it is not always the same who come first"


def test_callers_are_the_same_in_every_process_wherever_their_key_stands() -> None:
    bodies = [
        b'{"user": "u1", "candidates": [{"dish": "pho"}]}',
        b'{"context": {"user": "u1"}, "candidates": [{"dish": "udon"}]}',
        b'{"candidates": [{"dish": "pho", "user": "u1"}, {"dish": "udon", "user": "u1"}]}',
        b'{"rows": [{"user": "u1", "x": 1}, {"user": "u2"}]}',
        b'{ "user" : "u1" , "x": null}',
    ]
    units = {Sticky("shop/r2", "user").unit(body) for body in bodies}
    assert len(units) == 1
    code = f"from poise.serving.sticky import Sticky; print(Sticky('shop/r2', 'user').unit({bodies[0]!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {int(out)} == units
    assert units != {Sticky("shop/r2", "user").unit(b'{"user": 1}')}


def test_requests_without_a_key_are_callers_of_their_own() -> None:
    sticky = Sticky("shop/r2", None)
    assert sticky.unit(b'{"user": "u1"}') != sticky.unit(b'{"user": "u1", "x": 1}')
    named = Sticky("shop/r2", "user")
    for body in (b'{"x": 1}', b'{"user": null}', b"not JSON", b"\xff", b"[]", b'{"rows": 7}', b""):
        assert named.unit(body) == sticky.unit(body)


# ---- a canary


def test_a_canary_answers_its_share_and_says_so(served: Served, stand_ins: ModuleType) -> None:
    served.trial = canary = Canary(by(stand_ins, "r2"), Sticky("flights/r2", None), 0.25)
    bodies = [asked(stand_ins, number) for number in range(400)]
    first = [decide(served, body)["release"] for body in bodies]
    assert 70 <= first.count("r2") <= 130 and first.count("r1") == 400 - first.count("r2")
    assert [decide(served, body)["release"] for body in bodies] == first, "callers keep to their release"
    served.trial = Canary(by(stand_ins, "r2"), Sticky("flights/r2", None), 0.5)
    more = [decide(served, body)["release"] for body in bodies]
    assert all(now == "r2" for now, then in zip(more, first, strict=True) if then == "r2")
    seen = canary.take()
    assert len(seen) == 800 and sum(one.canary for one in seen) == 2 * first.count("r2") and not canary.take()


def test_where_a_canary_fails_the_live_release_answers(served: Served, stand_ins: ModuleType) -> None:
    class Broken(Answerer):
        error: Exception = NotFinite("late is NaN")

        def decide(self, body: bytes, *, may_ask_time: bool = False) -> Answer:
            raise self.error

    broken = Broken(stand_ins.loaded(), stand_ins.StandInStore(), stand_ins.ReplayClock(stand_ins.NOW))
    served.trial = canary = Canary(broken, Sticky("flights/r2", None), 0.999)
    for error in (NotFinite("late is NaN"), ZeroDivisionError(), RequestError("it knows no such carrier")):
        broken.error = error
        assert decide(served, asked(stand_ins, 1))["chosen"]
    assert [(one.canary, one.failed) for one in canary.take()] == [(True, True)] * 3
    with pytest.raises(RequestError, match="nothing came"):
        decide(served, b'{"carrier": 7}')
    assert not canary.take(), "what the live release refuses as well is no failure of the canary"


def test_what_is_seen_has_a_bound(served: Served, stand_ins: ModuleType) -> None:
    canary = Canary(by(stand_ins, "r2"), Sticky("flights/r2", None), 0.5)
    answer = Answer(200, b"{}")
    for _ in range(MOST_SEEN + 10):
        canary.answer(served.live, b"{}", lambda _: answer)
    assert canary.dropped == 10 and len(canary.take()) == MOST_SEEN


def test_a_trial_is_of_one_contract_and_takes_new_weights(served: Served, stand_ins: ModuleType) -> None:
    newer = by(stand_ins, "r2")
    served.trial = Canary(newer, Sticky("flights/r2", None), 0.5)
    served.trial.major = 2
    assert {decide(served, asked(stand_ins, number))["release"] for number in range(20)} == {"r1"}
    assert served.answering == (served.live, newer)
    served.put(newer)
    assert served.answering == (newer,)


# ---- a shadow


def test_a_shadow_scores_after_the_answer_and_changes_none(served: Served, stand_ins: ModuleType) -> None:
    async def go(shadowed: bool) -> list[dict[str, Any]]:
        served.trial = shadow = Shadow(by(stand_ins, "r2"), 0.5) if shadowed else None
        told = []
        for number in range(20):
            told.append(decide(served, asked(stand_ins, number)))
            await asyncio.sleep(0.002)
        if shadow is not None:
            await asyncio.sleep(0.1)
            seen = shadow.take()
            assert len(seen) + shadow.dropped == 10 and not [one for one in seen if one.failed]
            assert all(json.loads(one.body or b"")["release"] == "r2" for one in seen)
            assert all(json.loads(one.beside or b"")["release"] == "r1" for one in seen)
        return told

    keep = ("release", "chosen", "score", "terms", "predictions")
    plain, beside = asyncio.run(go(False)), asyncio.run(go(True))
    assert [{k: one.get(k) for k in keep} for one in plain] == [{k: one.get(k) for k in keep} for one in beside]


def test_under_load_a_shadow_drops_and_counts_what_it_would_score(served: Served, stand_ins: ModuleType) -> None:
    async def go() -> Shadow:
        served.trial = shadow = Shadow(by(stand_ins, "r2"), 1.0)
        for number in range(MOST_WAITING + 10):  # without letting the loop do anything else
            decide(served, asked(stand_ins, number))
        assert shadow.dropped == 10
        time.sleep(2 * LATE)
        await asyncio.sleep(0.01)
        assert shadow.dropped == MOST_WAITING + 10, "the loop is late: there is too much to do"
        decide(served, asked(stand_ins, 0))
        await asyncio.sleep(0.05)
        assert len(shadow.take()) + shadow.dropped - MOST_WAITING - 10 == 1
        return shadow

    asyncio.run(go())


def test_a_shadow_that_fails_harms_nobody(served: Served, stand_ins: ModuleType) -> None:
    async def go() -> list[bool]:
        broken = by(stand_ins, "r2")
        served.trial = shadow = Shadow(broken, 1.0)

        def handle(one: Answerer) -> Answer:
            if one is broken:
                raise ZeroDivisionError
            return one.decide(asked(stand_ins, 1))

        assert served.answered(None, asked(stand_ins, 1), handle).release == "r1"
        await asyncio.sleep(0.05)
        return [one.failed for one in shadow.take()]

    assert asyncio.run(go()) in ([True], [])
