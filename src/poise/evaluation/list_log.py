"""Logged lists with what came of them: told what other weights would have shown, and what that would have come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from poise.decisions.explore import Exploration
from poise.decisions.plackett_luce import expected_worth, logits, shown, standard
from poise.errors import StateError
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.off_policy import LoggedRows, Model

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ARRAYS = ("start", "allowed", "took_part", "explored", "decision", "row", "place", "propensity", "time")


@dataclass(frozen=True, slots=True, eq=False)
class ListLog:
    """n lists of N candidates in all, of which m rows were shown and their outcomes are known.

    start: (n + 1,), where the candidates of each list begin, and the end. terms: term -> (N,), as predicted for the
    first place; allowed: (N,), whether they might be shown; took_part: (N,), whether they were among those whose order
    was drawn; explored: (n,), whether one was. decision, row, place, propensity: (m,) of each shown row its list, its
    candidate (0 to N - 1), its place from 0 and the logged probability of that; each list has all its rows, in order.
    realised: term -> (m,). time: T of each list, (n,) microseconds, ascending. exposure: term -> (show,), what is left
    further down of a value of the first place.
    """

    start: Ints
    terms: Mapping[str, Floats]
    allowed: Bools
    took_part: Bools
    explored: Bools
    decision: Ints
    row: Ints
    place: Ints
    propensity: Floats
    realised: Mapping[str, Floats]
    time: Ints
    exposure: Mapping[str, Floats]

    @property
    def count(self) -> int:
        """How many lists."""
        return len(self.start) - 1

    @property
    def show(self) -> int:
        """Places of a list."""
        return len(next(iter(self.exposure.values()), ()))

    @property
    def blocks(self) -> Blocks:
        """The blocks of the lists."""
        return blocks_of(self.time)

    def newest(self, most: int) -> ListLog:
        """The last `most` of the lists, which are in the order of time."""
        return self if most >= self.count else self.only(np.arange(self.count - most, self.count))

    def only(self, lists: Ints) -> ListLog:
        """Some of the lists, by their numbers, ascending."""
        sizes = np.diff(self.start)
        wanted = np.zeros(self.count, np.bool_)
        wanted[lists] = True
        among, kept = np.repeat(wanted, sizes), wanted[self.decision]
        start = np.concatenate([[0], np.cumsum(sizes[lists])]).astype(np.int64)
        moved = start[:-1] - self.start[lists]
        number = np.cumsum(wanted) - 1
        decision = number[self.decision[kept]]
        return ListLog(
            start,
            {term: values[among] for term, values in self.terms.items()},
            self.allowed[among],
            self.took_part[among],
            self.explored[lists],
            decision,
            self.row[kept] + moved[decision],
            self.place[kept],
            self.propensity[kept],
            {term: values[kept] for term, values in self.realised.items()},
            self.time[lists],
            self.exposure,
        )

    def under(self, weights: Mapping[str, float], exploration: Exploration) -> dict[str, LoggedRows]:
        """What each term would have come to under these weights, with the exploration that is settled for them.

        What the model expects of an item at a place is its term as predicted, times the place's exposure.
        """
        scores = np.zeros(int(self.start[-1]))
        for term, weight in weights.items():
            if weight and term in self.terms:
                scores = scores + weight * self.terms[term]
        return self.ranked_by(scores, self.allowed, exploration)

    def ranked_by(self, scores: Floats, allowed: Bools, exploration: Exploration) -> dict[str, LoggedRows]:
        """The same for any scores of all candidates, (N,), NaN where one has none; allowed: (N,) which may be."""
        made = _Target.of(self, scores, allowed, exploration)
        return {
            term: LoggedRows(
                self.decision,
                self.propensity,
                made.shown,
                self.realised[term],
                made.covered,
                self.blocks,
                Model(np.nan_to_num(self.terms[term][self.row]) * self.exposure[term][self.place], made.expected[term]),
            )
            for term in self.terms
        }

    def save(self, path: Path) -> None:
        """Write it to `path`, an `.npz` file."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        for kind in ("terms", "realised", "exposure"):
            arrays |= {f"{kind}/{term}": values for term, values in getattr(self, kind).items()}
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises `StateError` where the file is not that."""
        by_term: dict[str, dict[str, Floats]] = {"terms": {}, "realised": {}, "exposure": {}}
        plain: dict[str, Any] = {}
        try:
            with np.load(path, allow_pickle=False) as file:
                for name in file.files:
                    kind, _, term = name.partition("/")
                    if term:
                        by_term[kind][term] = file[name]
                    else:
                        plain[name] = file[name]
            return cls(**plain, **by_term)  # type: ignore[arg-type]
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise StateError(f"'{path}' holds no logged lists: {error}") from None


@dataclass(slots=True, eq=False)
class _Target:
    """The other policy on the lists of a log: the probability of each shown row at its place, (m,); per list the share
    that the log could have shown, (n,), and what the model expects of each term, (n,)."""

    shown: Floats
    covered: Floats
    expected: dict[str, Floats]

    @classmethod
    def of(cls, log: ListLog, scores: Floats, allowed: Bools, exploration: Exploration) -> _Target:
        made = cls(np.zeros(len(log.row)), np.ones(log.count), {term: np.zeros(log.count) for term in log.terms})
        first = np.searchsorted(log.decision, np.arange(log.count + 1))  # rows are in the order of their lists
        for n in range(log.count):
            rows = slice(int(first[n]), int(first[n + 1]))
            made._list(log, n, scores, allowed, rows, exploration)
        return made

    def _list(
        self, log: ListLog, n: int, scores: Floats, allowed: Bools, rows: slice, exploration: Exploration
    ) -> None:
        """One list: its candidates in their new order, drawn or not."""
        begin, end = int(log.start[n]), int(log.start[n + 1])
        among = begin + np.flatnonzero(allowed[begin:end] & np.isfinite(scores[begin:end]))
        order = among[np.argsort(-scores[among], kind="stable")]
        if not len(order):
            return
        stands = np.full(end - begin, -1)
        stands[order - begin] = np.arange(len(order))
        standing = stands[log.row[rows] - begin]  # where the shown candidates stand in the new order
        self.shown[rows] = _probability(standing, scores[order], exploration)
        self._expect(log, n, order, rows, scores, exploration)

    def _expect(self, log: ListLog, n: int, order: Ints, rows: slice, scores: Floats, exploration: Exploration) -> None:
        """What the model expects of the list, and which share of it the log could have shown in its place."""
        places = rows.stop - rows.start
        k = min(places, len(order))
        drawn = np.arange(k) < int(log.took_part[log.start[n] : log.start[n + 1]].sum())
        values = np.array([*(np.nan_to_num(log.terms[term][order]) for term in log.terms), log.took_part[order]])
        exposure = np.array([*(log.exposure[term][:k] for term in log.terms), drawn.astype(np.float64)])
        *terms, covered = _worth(values, exposure, scores[order], exploration).tolist()
        for term, total in zip(log.terms, terms, strict=True):
            self.expected[term][n] = total
        behind = float(self.shown[rows][int(drawn.sum()) :].sum())  # where it drew nothing it shows what it did
        self.covered[n] = min((covered + behind) / k, 1.0)


def _taking(exploration: Exploration, candidates: int) -> int:
    """How many take part in a draw, 0 where nothing is drawn."""
    taking = min(exploration.top, candidates) if exploration.on else 0
    return taking if taking > 1 else 0


def _probability(standing: Ints, scores: Floats, exploration: Exploration) -> Floats:
    """P(the candidate that stands at `standing[p]` in the new order is shown at place p), (k,); -1: it is not in it.

    scores: of all candidates in the new order, the best first.
    """
    target: Floats = (standing == np.arange(len(standing))).astype(np.float64)
    taking = _taking(exploration, len(scores))
    drawn = min(len(standing), taking)
    if not drawn:
        return target
    part = (standing[:drawn] >= 0) & (standing[:drawn] < taking)
    if exploration.method == "epsilon":
        target[:drawn] = part * (exploration.strength / taking + (1 - exploration.strength) * target[:drawn])
        return target
    order = standing[:drawn].copy()
    order[~part] = np.setdiff1d(np.arange(taking), order[part])[: int((~part).sum())]  # anybody else, left out below
    target[:drawn] = part * shown(logits(scores[:taking], exploration.strength), order)
    return target


def _worth(values: Floats, exposure: Floats, scores: Floats, exploration: Exploration) -> Floats:
    """What the places of one list come to on average, (terms,).

    values: (terms, candidates), the best first, as `scores`; exposure: (terms, places).
    """
    places = exposure.shape[1]
    best: Floats = (values[:, :places] * exposure).sum(axis=1)
    taking = _taking(exploration, values.shape[1])
    if not taking:
        return best
    drawn = min(places, taking)
    behind: Floats = (values[:, drawn:places] * exposure[:, drawn:]).sum(axis=1)
    if exploration.method == "epsilon":
        shuffled: Floats = values[:, :taking].mean(axis=1) * exposure[:, :drawn].sum(axis=1) + behind
        mixed: Floats = (1 - exploration.strength) * best + exploration.strength * shuffled
        return mixed
    standards, sizes = standard(scores[:taking])[None, :], np.array([taking], np.int64)
    drawing = np.ascontiguousarray(values[:, None, :taking]), np.ascontiguousarray(exposure[:, :drawn])
    worth: Floats = expected_worth(standards, sizes, *drawing, exploration.strength) + behind
    return worth
