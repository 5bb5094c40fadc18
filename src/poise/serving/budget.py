"""The seconds that each objective of one request has: for the features that it reads and its model, not for others'."""

from __future__ import annotations


def late(seconds: float, features: float, model: float = 0.0) -> str | None:
    """Why an objective that has so many `seconds` is answered by its fallback, where its own features and its model
    took so long; None where it is not.

    >>> late(2.0, 0.0, 1.5), late(2.0, 0.0, 2.5)
    (None, 'its model took 2.5 s, longer than 2 s')
    >>> late(2.0, 1.5, 1.0)
    'its features and its model took 2.5 s, longer than 2 s'
    """
    took = features + model
    if took <= seconds:
        return None
    what = "its features" if features > seconds else "its features and its model"
    what = "its model" if model > seconds else what
    return f"{what} took {took:.3g} s, longer than {seconds:g} s"
