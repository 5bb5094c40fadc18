"""Following the tokens in the state database: a new one is known, a revoked one void, within a second.

This has a thread of its own, since a release that is being loaded must not keep a leaked token in force.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from poise.errors import PoiseError
from poise.serving.tokens import Tokens
from poise.stores.state_base import TokenRow

_LOG = logging.getLogger("poise.serving")


class TokensKept(Protocol):
    """What is looked at: the state database of `stores`."""

    def seq(self) -> int: ...
    def tokens(self) -> Sequence[TokenRow]: ...


class TokensFollower:
    """Looks whether anything was written to the state since the last look, and hands over the tokens as they are now.

    While the state database cannot be read the tokens stay as they are, and that is logged once.
    """

    def __init__(self, state: TokensKept, tokens: Tokens) -> None:
        self._state = state
        self._tokens = tokens
        self._seen = -1
        self._failed = False

    def look(self) -> None:
        """Look once."""
        try:
            seq = self._state.seq()
            if seq != self._seen:
                self._tokens.put(self._state.tokens())
                self._seen = seq
        except PoiseError as error:
            if not self._failed:
                _LOG.warning("the tokens stay as they are: %s", error)
            self._failed = True
        else:
            self._failed = False
