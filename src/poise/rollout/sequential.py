"""A test that may be looked at after every answer: does something happen to the canary's callers more often?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TIMES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
"""How many times more often than allowed it might happen: a bet on each, all of the same weight."""


class MoreOften:
    """Bets, event by event, that an event falls on the canary's callers more than `allowed` times as often.

    Callers fall to the canary by a hash, with the probability `share`, whatever they are like. So where an event
    happens to both sides' callers, at rates of which the canary's is at most `allowed` times the other, each event
    falls to the canary with at most a known probability, given all that was before. The wealth of who bets against that
    at fair odds is a supermartingale, and ever exceeds 1/a with a probability of at most a, however often it is looked
    at (Ville, 1939; a mixture of bets: Robbins, Ann. Math. Stat. 41, 1970; tests by betting: Shafer, JRSS A 184, 2021).
    Each caller may be counted once: answers to one caller are no new evidence. Events that several servers saw add up,
    as do those of before and after a start: the wealth depends on how many there were on each side and not on their
    order.

    >>> bool(MoreOften(share=0.1, allowed=1.5).wealth(6, 0) > 10_000)
    True
    """

    __slots__ = ("_hit", "_miss")

    def __init__(self, share: float, allowed: float) -> None:
        fair = _probability(share, allowed)
        bets = np.array([_probability(share, allowed * times) for times in TIMES])
        self._hit, self._miss = np.log(bets / fair), np.log((1 - bets) / (1 - fair))

    def wealth(self, canary: ArrayLike, live: ArrayLike) -> NDArray[Any]:
        """By how much what was bet has grown after so many events on each side, of any shape (one test each): n or more
        is ever seen with a probability of at most 1/n if all is well."""
        logs = np.multiply.outer(np.asarray(canary), self._hit) + np.multiply.outer(np.asarray(live), self._miss)
        return np.asarray(np.exp(np.minimum(logs, 700)).mean(axis=-1))


def _probability(share: float, times: float) -> float:
    """Of an event that happens to the canary's callers so many times as often to be one of theirs."""
    return share * times / (share * times + 1 - share)
