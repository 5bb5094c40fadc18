"""What to do where rows could not be written to the lake."""

from __future__ import annotations

from deltalake.exceptions import DeltaError


def advice(error: Exception) -> str:
    """Blames the disk only where that may be the reason: what Polars says of rows has another.

    >>> advice(OSError(28, "No space left on device"))
    'is the disk full or read-only?'
    >>> from polars.exceptions import ComputeError
    >>> advice(ComputeError("error parsing line: InvalidNumber"))
    'nothing is lost: the rows stay in the journal until they can be written'
    """
    if isinstance(error, OSError | DeltaError) or "os error" in str(error):
        return "is the disk full or read-only?"
    return "nothing is lost: the rows stay in the journal until they can be written"
