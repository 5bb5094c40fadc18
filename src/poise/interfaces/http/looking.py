"""A thread that looks at something again and again while a server runs: the tokens, the certificate."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

_LOG = logging.getLogger("poise.http")


@contextlib.contextmanager
def looking(name: str, every: float, *looks: Callable[[], object]) -> Iterator[None]:
    """While inside, a thread calls each of `looks` every so many seconds, and all of them once more at the end."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            _all(looks)
            over.wait(every)
        _all(looks)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)


def _all(looks: tuple[Callable[[], object], ...]) -> None:
    for look in looks:
        try:
            look()
        except Exception:  # the thread must live on, whatever one look meets
            _LOG.exception("what the server follows stays as it is")
