"""Two folders change places in one step, so that a kill leaves the one or the other, whole."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from poise.data.delta import sync_path
from poise.errors import StateError

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""


def exchange(made: Path, present: Path) -> None:
    """`made` and `present`, on one file system, change places; on disk when this returns.

    Where the system cannot do that in one step, `present` is absent for a moment. Raises `StateError` where it fails.

    >>> import tempfile; folder = tempfile.TemporaryDirectory(); at = Path(folder.name)
    >>> (at / "a").mkdir(); (at / "b").mkdir(); (at / "a" / "new").touch()
    >>> exchange(at / "a", at / "b"); [file.name for file in (at / "b").iterdir()]
    ['new']
    >>> folder.cleanup()
    """
    try:
        if not _at_once(made, present):
            between = made.with_name(f"{made.name}.was")
            present.rename(between)
            made.rename(present)
            between.rename(made)
    except OSError as error:
        raise StateError(f"{present} could not be put in place: {error.strerror}") from error
    for folder in {made.parent, present.parent}:
        sync_path(folder)


def _at_once(made: Path, present: Path) -> bool:
    """Whether the system can, and has."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # a C library before 2018
        return False
    return bool(rename(_HERE, os.fsencode(made), _HERE, os.fsencode(present), _EXCHANGE) == 0)
