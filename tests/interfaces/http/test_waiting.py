"""Which requests are refused under load: a simulated event loop, whose time is counted, not measured."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, cast

import pytest

from poise.errors import Overloaded
from poise.interfaces.http.waiting import Waiting
from poise.serving.limits import Limits

READ, REFUSE, ANSWER, AWAY = 40e-6, 60e-6, 0.8e-3, 50e-6
"""Seconds that it takes to read a request, to refuse it, to answer it, and a caller to ask again."""
LIMITS = Limits()


@dataclass
class Loop:
    """One event loop: it reads all that came, then runs all that is ready, and so on.

    takes: the seconds that the answer to the request of an instant takes; stalls: those for which, before the n-th one,
    the system lets somebody else have the core. answered, refused: (when a request came, the
    seconds until its end).
    """

    takes: Callable[[float], float] = lambda _: ANSWER
    stalls: Callable[[int], float] = lambda _: 0.0
    limits: Limits = LIMITS
    time: float = 0.0
    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: list[tuple[float, float]] = field(default_factory=list)
    ready: deque[tuple[Callable[..., None], tuple[Any, ...]]] = field(default_factory=deque)

    def call_soon(self, act: Callable[..., None], *arguments: Any) -> None:
        self.ready.append((act, arguments))

    def run(self, instants: Iterable[float], ends: float = 0.0) -> None:
        """Answer the requests that come at these instants; until `ends` each caller asks again once it was told."""
        waiting = Waiting(self.limits, lambda: self.time)
        coming = list(instants)
        heapq.heapify(coming)

        def handle(came: float, read: float) -> None:
            self.time += self.stalls(len(self.answered))
            try:
                waiting.check(read)
            except Overloaded:
                self.time += REFUSE
                self.refused.append((came, self.time - came))
                again()
                return
            took = self.takes(came)
            self.time += took
            waiting.took(took)
            self.answered.append((came, self.time - came))
            again()

        def again() -> None:
            if self.time < ends:
                heapq.heappush(coming, self.time + AWAY)

        while coming or self.ready:
            if not self.ready:
                self.time = max(self.time, coming[0])
            polled = self.time
            while coming and coming[0] <= polled:
                came = heapq.heappop(coming)
                read = waiting.came(cast(Any, self))
                self.time += READ
                self.call_soon(handle, came, read)
            for _ in range(len(self.ready)):
                act, arguments = self.ready.popleft()
                act(*arguments)

    def quantile(self, part: float) -> float:
        times = sorted(seconds for _, seconds in self.answered)
        return times[int(part * (len(times) - 1))]


def poisson(rate: float, seconds: float, start: float = 0.0) -> Iterator[float]:
    drawn = random.Random(1)
    now = start
    while (now := now + drawn.expovariate(rate)) < start + seconds:
        yield now


CAPACITY = 1 / (READ + ANSWER)
"""Requests per second, of which the loop answers no more."""


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8])
def test_below_its_capacity_it_answers_everybody(load: float) -> None:
    loop = Loop()
    loop.run(poisson(load * CAPACITY, 5))
    assert not loop.refused


@pytest.mark.parametrize("load", [1.1, 1.5, 2.0, 3.0])
def test_beyond_it_those_who_are_answered_are_answered_in_time(load: float) -> None:
    loop = Loop()
    loop.run(poisson(load * CAPACITY, 5))
    ninety = Loop()
    ninety.run(poisson(0.9 * CAPACITY, 5))
    standing = [seconds for came, seconds in loop.answered if came > 1]
    assert sorted(standing)[int(0.99 * len(standing))] < 2.5 * ninety.quantile(0.99)
    assert len(loop.answered) > 0.7 * 5 * CAPACITY, "refusing must not eat up what answering needs"


def test_without_it_everybody_would_be_late() -> None:
    loop = Loop(limits=Limits(burst=1e9, wait=1e9))
    loop.run(poisson(2 * CAPACITY, 5))
    assert not loop.refused and loop.quantile(0.5) > 2


def test_callers_who_ask_again_at_once_are_all_answered_whatever_stalls_now_and_then() -> None:
    loop = Loop(lambda _: 0.2e-3, lambda answered: 0.03 * (answered % 5000 == 4999))
    loop.run([0.0] * 8, ends=5.0)
    assert len(loop.answered) > 10_000 and not loop.refused, "the queue never empties, but nobody waits long in it"


def test_a_burst_is_answered() -> None:
    loop = Loop()
    loop.run(chain(poisson(0.3 * CAPACITY, 1), [1.0] * 100))
    assert not loop.refused


def test_one_answer_that_takes_long_costs_nobody_behind_it_theirs() -> None:
    loop = Loop(takes=lambda came: 0.3 if came == 0.5 else ANSWER)
    loop.run(sorted([*poisson(0.3 * CAPACITY, 2), 0.5]))
    assert not loop.refused


@pytest.mark.parametrize("callers", [1, 4, 8])
def test_a_few_callers_that_ask_again_at_once_are_all_answered(callers: int) -> None:
    loop = Loop()
    loop.run([0.0] * callers, 2.0)
    assert not loop.refused


def test_even_a_thousand_callers_that_never_wait_do_not_keep_it_from_answering() -> None:
    loop = Loop()
    loop.run([0.0] * 1000, 5.0)
    assert len(loop.answered) > 0.05 * 5 * CAPACITY


def test_once_less_comes_nobody_is_refused_any_more() -> None:
    loop = Loop()
    loop.run(chain(poisson(3 * CAPACITY, 2), poisson(0.6 * CAPACITY, 3, start=2.0)))
    assert loop.refused and max(came for came, _ in loop.refused) < 2.3


def test_answers_that_take_longer_may_be_waited_for_longer() -> None:
    loop = Loop(takes=lambda _: 20e-3)
    loop.run([0.0] * 8, 5.0)
    assert not loop.refused
