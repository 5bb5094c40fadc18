"""Following the state database while serving: new weights and other releases take effect without a restart."""

from __future__ import annotations

import logging
from typing import Protocol

from poise.clock import Clock
from poise.errors import PoiseError
from poise.serving.served import Served
from poise.stores.state_base import LiveState

EVERY = 0.2
"""Seconds between two looks, so that what was written is in force within half a second."""
_LOG = logging.getLogger("poise.serving")


class Switches(Protocol):
    """What lets other releases answer."""

    def begin(self) -> None:
        """Called on the thread that answers, by its running loop, before anything is asked."""

    def due(self) -> bool:
        """Whether there is something to do although nothing was written to the state database."""

    def follow(self) -> None:
        """Let those answer that the state database wants, now or as soon as they can."""

    def watch(self) -> None:
        """See what came of a release that answers a share, and take it back where it has to be."""


class Follower:
    """Looks whether anything was written to the state since the last look: lets `switching` see to the releases, and
    hands new weights to the answerers.

    Weights that cannot be (somebody wrote the database by hand) are refused and logged; the old ones stay.
    """

    def __init__(self, state: LiveState, served: Served, switching: Switches | None = None) -> None:
        self._state = state
        self._served = served
        self._switching = switching
        self._seen = -1
        self._until: int | None = None
        """When the weights that are live are to give way to those before."""
        self._said = ""

    def look(self) -> bool:
        """Whether new weights were taken. A state database that cannot be read now is read again at the next look."""
        try:
            if self._until is not None and Clock().now() >= self._until:
                self._until = None
                self._state.expire_weights()
            if self._switching is not None:
                self._switching.watch()
            seq = self._state.seq()
            if seq == self._seen and not (self._switching is not None and self._switching.due()):
                return False
            if self._switching is not None:
                self._switching.follow()
            weights, current = self._state.weights(), [one.weights for one in self._served.answering]
            self._seen, self._until = seq, weights.until if weights is not None else None
            if weights is None or all(one is not None and one.version == weights.version for one in current):
                return False
            self._served.set_weights(weights)
        except PoiseError as error:
            self._warn(f"what is live stays as it is: {error}", None)
            return False
        except Exception as error:  # the thread that looks must live on, whatever one version of the weights does
            self._warn(f"what is live stays as it is: {type(error).__name__}", error)
            return False
        self._said = ""
        _LOG.info("weights %d are live", weights.version)
        return True

    def _warn(self, text: str, error: Exception | None) -> None:
        """Once, however often the same is met."""
        if text != self._said:
            self._said = text
            _LOG.warning("%s", text, exc_info=error)
