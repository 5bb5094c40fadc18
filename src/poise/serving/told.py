"""Who waits until what is logged of an answer is on the disk, on the thread that answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any

_LOG = logging.getLogger("poise.serving")


class Told:
    """That something is on the disk, or why it is not: may be awaited, or called back by.

    >>> told, heard = Told(), []
    >>> told.then(heard.append); heard
    []
    >>> told.settle(); heard
    [None]
    """

    __slots__ = ("_error", "_settled", "_then")

    def __init__(self) -> None:
        self._settled = False
        self._error: BaseException | None = None
        self._then: Callable[[BaseException | None], object] | None = None

    def settle(self, error: BaseException | None = None) -> None:
        """It is there, or failed with `error`: whoever waits is told before this returns, and cannot make it fail."""
        self._settled, self._error = True, error
        if self._then is not None:
            try:
                self._then(error)
            except Exception:
                _LOG.exception("what was logged could not be told of")

    def then(self, do: Callable[[BaseException | None], object]) -> None:
        """Call this once it is there, with None, or has failed; at once where that is so. For one who waits."""
        self._then = do
        if self._settled:
            do(self._error)

    def __await__(self) -> Generator[Any, None, None]:
        """Wait for it. Raises what it failed with."""
        waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def pass_on(error: BaseException | None) -> None:
            if waited.done():  # its caller has hung up
                return
            if error is None:
                waited.set_result(None)
            else:
                waited.set_exception(error)

        self.then(pass_on)
        return (yield from waited)
