"""Features where some cannot be made: what failed, and what is made of it, is missing; the others are as ever."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from poise.errors import RequestError
from poise.features.lookup import RowLookup
from poise.features.rows import kind_of
from poise.features.sides import Step, makes, reads
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.stores.base import OnlineStore
from poise.table import Column, Kind, Requests

_LOG = logging.getLogger("poise.features")


class Attempt:
    """Makes steps one by one; `failed` says which names could not be made, each with the name that failed first.

    without: steps that are not even tried, by the first name that they make. What went wrong is logged, and not told to
    callers: it may say more than they should know.
    """

    def __init__(
        self, system: SystemSpec, requests: Requests, store: OnlineStore, without: Collection[str] = ()
    ) -> None:
        self._system, self._requests, self._store, self._without = system, requests, store, without
        self.failed: dict[str, str] = {}

    def __call__(self, step: Step, made: Mapping[str, Column]) -> dict[str, Column]:
        """The columns of a step: missing ones where it fails, or reads what failed. Raises `RequestError` as it is."""
        first = next((self.failed[name] for name in reads(step) if name in self.failed), None)
        if first is None and makes(step)[0] in self._without:
            first = makes(step)[0]
        if first is None:
            try:
                return step.online(self._requests, self._store, made)
            except RequestError:
                raise
            except Exception:  # whatever a store or a function of the user's does, others are still answered
                first = makes(step)[0]
                _LOG.exception("'%s' could not be made", first)
        self.failed |= dict.fromkeys(makes(step), first)
        return {name: Column.absent(kind, self._requests.height) for name, kind in kinds_of(step, self._system).items()}


def kinds_of(step: Step, system: SystemSpec) -> dict[str, Kind]:
    """What a step makes, and of which kind."""
    if isinstance(step, RowLookup):
        types = column_types(system.sources[step.declaration.source], system)
        return {name: kind_of(types[column]) for name, column in step.gives.items()}
    return {output.name: "number" if output.type == "number" else "string" for output in step.outputs}


def named(failed: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """What of the `wanted` names (name -> the key under which it was made) failed, with what failed first.

    >>> named({"shops.price": "shops.price", "dear": "shops.price"}, {"dear": "dear", "city": "users.city"})
    {'dear': 'shops.price'}
    """
    return {name: failed[key] for name, key in wanted.items() if key in failed}
