"""Runs one update in a process of its own that ends itself with `kill -9` at a named point: `killed.py POINT FILE`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn
from unittest.mock import patch

from poise.interfaces.system import System

POINTS = {
    "begun": "poise.interfaces.updating._Round._train",
    "training": "poise.releases.build._written",
    "trained": "poise.interfaces.updating.step",
    "judging": "poise.interfaces.updating.compare",
    "judged": "poise.interfaces.releasing.judge_candidate",
    "sealed": "poise.interfaces.releasing.settle",
    "recorded": "poise.rollout.promote.begin_rollout",
    "promoted": "poise.interfaces.updating.finish",
}
"""What an update is about to call when it is killed."""


def die(*_: Any, **__: Any) -> NoReturn:
    """`kill -9`, of this very process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody lives on after that")


if __name__ == "__main__":
    with patch(POINTS[sys.argv[1]], die):
        System.read(sys.argv[2]).update()
