"""Predictions of trees for candidates of one request: the request's inputs once, an item's once per item."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from poise.models.base import Floats
from poise.models.forest_text import NotServed
from poise.models.links import predictions
from poise.table import Table

if TYPE_CHECKING:
    from poise.models.trees_model import TreesModel


class TreesSplit:
    """A model of trees whose inputs are parted in three: of the request, of an item, and the others, mixed.

    request, item, mixed: what makes each side's columns from its inputs. Scores that a model takes from several texts
    are mixed unless all its texts are of one side.
    """

    def __init__(self, model: TreesModel, request: Collection[str], item: Collection[str]) -> None:
        scorer = model.scorers[0]
        if len(model.scorers) != 1 or scorer is None:
            raise NotServed("a model of several labels has a forest for each")
        whole = model.columns
        texts = set(whole.text.inputs if whole.text else ())
        self.request, of_request = whole.part(request, bool(texts) and texts <= set(request))
        self.item, of_item = whole.part(item, bool(texts) and texts <= set(item))
        rest = [name for name in whole.names if name not in request and name not in item]
        self.mixed, of_mixed = whole.part(rest, bool(texts) and self.request.text is None and self.item.text is None)
        self._split = scorer.sides(of_request, of_item)
        assert self._split.mixed == tuple(of_mixed)
        self.mixes = bool(of_mixed)
        """Whether any column depends on both."""
        self._type = model.type

    @property
    def bytes_per_item(self) -> int:
        """What one kept state takes."""
        return self._split.bytes_per_row

    def state(self, items: Table) -> NDArray[Any]:
        """States (n, words) of n items, from the inputs that items say; see `MaskSplit`."""
        return self._split.state(self.item.matrix(items))

    def predict(
        self, request: Floats, items: NDArray[Any], mixed: Floats, rows: NDArray[np.int64] | None = None
    ) -> Floats:
        """Predictions (n,) or (n, k) of n candidates, equal to `TreesModel.predict` of whole rows bit for bit.

        request: (1, columns), what `self.request.matrix` makes of the request's inputs. items: states (m, words), of
        which candidate i takes row `rows[i]`, or without `rows` row i. mixed: (n, columns), what `self.mixed.matrix`
        makes of the candidates' mixed inputs.
        """
        return predictions(self._type, self._split.raw(request, items, mixed, rows))
