"""A choice held to the capacities of its actions, as a server holds it, so that gates judge what can be done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR
from poise.decisions.choose import Choice, Chooser
from poise.decisions.threshold import best, prices
from poise.table import MISSING_TIME

LONG = {"hour": HOUR, "day": DAY, "week": 7 * DAY}


def held(chooser: Chooser, choice: Choice, time: NDArray[np.int64]) -> Choice:
    """The choice with each limited action taken no more often than its capacity allows on average.

    time: T of the rows, (n,), microseconds; where they have none nobody can say how many come in a day, and nothing is
    held back.
    """
    capacity = chooser.decision.capacity
    known = time[time != MISSING_TIME]
    span = int(np.ptp(known)) if len(known) > 1 else 0
    if not capacity or not span:
        return choice
    shares = {
        chooser.actions.index(action): one.at_most / (len(known) * LONG[one.every] / span)
        for action, one in capacity.items()
    }
    top, some = best(choice.scores, prices(choice.scores, shares), frozenset())
    return replace(choice, chosen=np.where(some, top, choice.chosen).astype(np.int64))
