"""Models asked for the candidates of lists: what a model makes of an item alone is kept beside the item's columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from poise.features.kept_items import KeptItems
from poise.features.listed import Listed
from poise.features.sides import Sides
from poise.jit import compiled
from poise.models.base import Floats, Model
from poise.models.forest_text import NotServed
from poise.models.trees_model import TreesModel
from poise.models.trees_split import TreesSplit
from poise.table import Table


class ForLists(Protocol):
    """A model, or a predictor, in the form that lists are answered by."""

    @property
    def bytes_per_item(self) -> int:
        """What is kept of an item."""

    def predict(self, features: Listed) -> Floats:
        """Predictions of n candidates, (n,) or (n, k): those of the model for whole rows, bit for bit."""


class WholeRows:
    """A model that is asked for whole rows and keeps nothing."""

    bytes_per_item = 0

    def __init__(self, predict: Callable[[Table], Floats]) -> None:
        self.predict = predict


def for_lists(model: Model, item: frozenset[str]) -> ForLists:
    """The form in which a model answers lists, of which `item` are the inputs that items alone say."""
    if isinstance(model, TreesModel):
        with suppress(NotServed):  # whole rows then: the model's own notes say what answers
            return ListedTrees(model, item)
    return WholeRows(model.predict)


class ListedTrees:
    """Trees: an item's state, the leaves that its columns leave reachable, is kept as long as those columns.

    item: the inputs that items say. Raises `NotServed` where the trees are scored by whole rows only.
    """

    def __init__(self, model: TreesModel, item: frozenset[str]) -> None:
        self._model = model
        self._item = tuple(name for name in model.inputs if name in item)
        self._whole = model.sides((), self._item)
        self._states = KeptRows(self._whole.state, self._item)
        self._forms: dict[Sides, _Form] = {}

    @property
    def bytes_per_item(self) -> int:
        """What is kept of an item."""
        return self._whole.bytes_per_item

    def predict(self, features: Listed) -> Floats:
        """Predictions of n candidates."""
        if features.kept is None:
            return self._model.predict(features)
        form = self._forms.get(features.sides)
        if form is None:
            if len(self._forms) >= MOST_FORMS:
                self._forms.clear()
            form = self._forms[features.sides] = _Form(self._model, self._item, features.side_of())
        states, split = self._states.of(features.kept, features), form.split
        mixed = np.empty((features.height, 0))  # mostly nothing depends on both
        if split.mixes:
            mixed = split.mixed.matrix(features.select(split.mixed.names))
        return split.predict(form.row(features), states, mixed, features.rows)


MOST_FORMS = 8
"""So many ways in which callers spread columns over requests have tables of their own."""


class _Form:
    """The trees' tables for requests that say some inputs once for all candidates."""

    def __init__(self, model: TreesModel, item: tuple[str, ...], side: Mapping[str, str]) -> None:
        request = tuple(name for name in model.inputs if side[name] == "request")
        self.split: TreesSplit = model.sides(request, item)
        self._digest = self.split.request.digest

    def row(self, features: Listed) -> Floats:
        """What the trees see of the request, (1, columns): made once for all models that see the same."""
        found = features.seen.get(self._digest) if self._digest is not None else None
        if found is None:
            found = self.split.request.matrix(features.of_request)
            if self._digest is not None:
                features.seen[self._digest] = found
        return found


class KeptRows:
    """What is made of an item's columns, a row for each item that is kept, and made anew whenever those are.

    make: from columns of m items to (m, …); names: the columns.
    """

    def __init__(self, make: Callable[[Table], NDArray[Any]], names: tuple[str, ...]) -> None:
        self._make = make
        self._names = names
        self._kept: KeptItems | None = None
        self._seen = np.empty(0, np.int64)
        self._compared = self._whole = 0
        """After how many times that rows were made they were compared last, and were all as they had been seen."""
        self._values: NDArray[Any] | None = None

    def of(self, kept: KeptItems, features: Listed) -> NDArray[Any]:
        """All rows; those of `features.rows` are right."""
        if kept.made == self._whole and kept is self._kept and self._values is not None:
            return self._values
        rows, version = features.rows, kept.version
        if kept is not self._kept or len(version) != len(self._seen):
            self._look_at(kept)
        if _differ(self._seen, version, rows) or self._values is None:  # asked first: a rehearsal compiles it
            stale = rows[self._seen[rows] != version[rows]]
            made = self._make(features.of_items(self._names, stale))
            self._values = self._room(len(version), made)
            self._values[stale] = made
            self._seen[stale] = version[stale]
        elif self._compared != kept.made:  # mostly many lists come before anything is made anew
            self._compared = kept.made
            self._whole = kept.made if np.array_equal(self._seen, version) else 0
        return self._values

    def _look_at(self, kept: KeptItems) -> None:
        """Others than before, of which nothing is made yet, or more."""
        size, old = len(kept.version), len(self._seen)
        if kept is not self._kept or size < old:
            self._kept, self._seen = kept, np.zeros(size, np.int64)
            self._compared = self._whole = 0
        else:
            self._seen = np.concatenate([self._seen, np.zeros(size - old, np.int64)])

    def _room(self, size: int, like: NDArray[Any]) -> NDArray[Any]:
        """The values, with room for so many rows."""
        old = self._values
        if old is not None and len(old) == size:
            return old
        values = np.empty((size, *like.shape[1:]), like.dtype)
        values.fill(0)  # the system then gives the memory now, not while a list waits for it
        if old is not None:
            values[: len(old)] = old[:size]
        return values


@compiled
def _differ(seen: NDArray[np.int64], version: NDArray[np.int64], rows: NDArray[np.int64]) -> bool:
    """Whether any of some rows has another version than was seen."""
    differ = False
    for row in rows:
        differ |= seen[row] != version[row]
    return differ
