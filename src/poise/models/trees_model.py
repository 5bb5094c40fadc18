"""Answering for the rung `trees`: encoded columns through the scoring kernel, without LightGBM."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from poise.errors import StateError
from poise.models.base import Engine, Floats, Model
from poise.models.forest import Scorer, scorer_of
from poise.models.linear_model import LinearModel
from poise.models.links import predictions, sigmoid_of
from poise.models.stored import read_arrays, read_json, write_arrays, write_json
from poise.models.trees_columns import TreesColumns
from poise.models.trees_split import TreesSplit
from poise.one_row import OneRow
from poise.spec.objective import ProblemType
from poise.table import Table

ENGINES = {"masks": "mask tables", "walk": "trees walked one by one", "LightGBM": "LightGBM's own library"}


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """One forest: LightGBM's text, and probe rows (p, columns) with LightGBM's own raw scores of them (p, k)."""

    text: str
    probes: Floats
    scores: Floats


@dataclass(frozen=True, eq=False)
class TreesModel(Model):
    """Boosted trees. One stand with k outputs, or for multi-label one stand per label (None: `constants` answers).

    classes: for multi-class the class of each output; settings: what `refit` needs (name, rate, rounds per stand).
    """

    type: ProblemType
    columns: TreesColumns
    stands: tuple[Stand | None, ...]
    constants: Floats
    shares: dict[str, float]
    settings: dict[str, Any]
    learned_notes: tuple[str, ...] = field(default=())
    scorers: tuple[Scorer | None, ...] = field(init=False, repr=False)
    notes: tuple[str, ...] = field(init=False)
    ready: float = field(init=False, repr=False)
    """Seconds until the scorers had proved themselves."""
    kind = "trees"

    def __post_init__(self) -> None:
        started = time.perf_counter()
        found = [None if s is None else scorer_of(s.text, s.probes, s.scores) for s in self.stands]
        object.__setattr__(self, "ready", time.perf_counter() - started)
        object.__setattr__(self, "scorers", tuple(None if pair is None else pair[0] for pair in found))
        fallen = dict.fromkeys(pair[1] for pair in found if pair is not None and pair[1] is not None)
        object.__setattr__(self, "notes", (*self.learned_notes, *fallen))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Numbers, categories and texts."""
        return self.columns.names

    @property
    def importance(self) -> dict[str, float]:
        """Share of each input in the gain of all splits."""
        return dict(self.shares)

    @property
    def engine(self) -> Engine | None:
        """Mask tables, trees walked one by one, or LightGBM; several names where labels differ in it."""
        scorers = [scorer for scorer in self.scorers if scorer is not None]
        names = ", ".join(dict.fromkeys(ENGINES[scorer.engine] for scorer in scorers))
        return Engine(names, sum(scorer.bytes for scorer in scorers), self.ready) if scorers else None

    def raw(self, features: Table) -> Floats:
        """Scores before the link, (n, k)."""
        X = self._matrix(features)
        if len(self.scorers) == 1 and self.scorers[0] is not None:
            return self.scorers[0].raw(X)
        out = np.tile(self.constants, (len(X), 1))
        for c, scorer in enumerate(self.scorers):
            if scorer is not None:
                out[:, c] = scorer.raw(X)[:, 0]
        return out

    def _matrix(self, features: Table) -> Floats:
        """What the trees see; of one row made once for all models that see the same."""
        if not isinstance(features, OneRow) or self._digest is None:
            return self.columns.matrix(features)
        found: Floats | None = features.seen.get(self._digest)
        if found is None:
            found = features.seen[self._digest] = self.columns.matrix(features)
        return found

    @cached_property
    def _digest(self) -> str | None:
        return self.columns.digest

    def sides(self, request: Collection[str], item: Collection[str]) -> TreesSplit:
        """The same predictions from inputs known in stages: of the request, of an item, and the others, mixed.

        Raises `NotServed`, with the reason, where only whole rows are scored.
        """
        return TreesSplit(self, request, item)

    def predict(self, features: Table) -> Floats:
        """Predictions, (n,) or (n, k)."""
        return predictions(self.type, self.raw(features))

    def one(self, features: Table) -> float:
        """The prediction for one row."""
        raw = float(self.raw(features).item())
        return sigmoid_of(raw) if self.type == "binary" else raw

    def save(self, folder: Path) -> None:
        """Write `model.json`, `trees_<i>.txt` (LightGBM's own format), `arrays.npz` and, with texts, `text/`."""
        content = {
            "type": self.type,
            "columns": self.columns.to_json(),
            "stands": [stand is not None for stand in self.stands],
            "text": self.columns.text is not None,
            "shares": self.shares,
            "settings": self.settings,
            "notes": list(self.learned_notes),
        }
        write_json(folder / "model.json", content)
        arrays = {"constants": self.constants, **self.columns.arrays()}
        for i, stand in enumerate(self.stands):
            if stand is not None:
                (folder / f"trees_{i}.txt").write_text(stand.text, encoding="utf-8")
                arrays |= {f"probes{i}": stand.probes, f"scores{i}": stand.scores}
        write_arrays(folder / "arrays.npz", arrays)
        if self.columns.text is not None:
            self.columns.text.save(folder / "text")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, and let the kernel prove itself on the probe rows."""
        content, arrays = read_json(folder / "model.json"), read_arrays(folder / "arrays.npz")
        text = LinearModel.load(folder / "text") if content["text"] else None
        columns = TreesColumns.restored(content["columns"], arrays, text)
        stands = tuple(
            Stand(_text(folder / f"trees_{i}.txt"), arrays[f"probes{i}"], arrays[f"scores{i}"]) if there else None
            for i, there in enumerate(content["stands"])
        )
        notes = tuple(content["notes"])
        return cls(content["type"], columns, stands, arrays["constants"], content["shares"], content["settings"], notes)

    def describe(self) -> str:
        """How many rounds with which settings."""
        rounds = self.settings["rounds"]
        shown = str(rounds[0]) if len(rounds) == 1 else f"{min(rounds)} to {max(rounds)}"
        return f"{shown} rounds of boosted trees, {self.settings['name']} settings"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StateError(f"the model's trees cannot be read: {error.strerror}", where=path.name) from error
