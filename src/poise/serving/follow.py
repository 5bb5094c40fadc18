"""Following the state database while serving: new weights take effect without a restart."""

from __future__ import annotations

import logging

from poise.errors import PoiseError
from poise.serving.served import Served
from poise.stores.state_base import LiveState

EVERY = 0.2
"""Seconds between two looks, so that a change of weights is live within half a second."""
_LOG = logging.getLogger("poise.serving")


class Follower:
    """Looks whether anything was written to the state since the last look, and hands new weights to the answerers.

    Weights that cannot be (somebody wrote the database by hand) are refused and logged; the old ones stay.
    """

    def __init__(self, state: LiveState, served: Served) -> None:
        self._state = state
        self._served = served
        self._seen = -1

    def look(self) -> bool:
        """Whether new weights were taken. A state database that cannot be read now is read again at the next look."""
        try:
            seq = self._state.seq()
            if seq == self._seen:
                return False
            weights, current = self._state.weights(), self._served.newest.weights
            self._seen = seq
            if weights is None or (current is not None and weights.version == current.version):
                return False
            self._served.set_weights(weights)
        except PoiseError as error:
            _LOG.warning("the weights stay as they are: %s", error)
            return False
        except Exception:  # the thread that looks must live on, whatever one version of the weights does
            _LOG.exception("the weights stay as they are")
            return False
        _LOG.info("weights %d are live", weights.version)
        return True
