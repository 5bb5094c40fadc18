"""What exploration costs, in terms, and how strong it may be for a stated cost.

The cost of a term is the share of what the best lists are worth in it that drawn lists lose on average. Under other
weights other lists are the best, so that it is settled anew, on a sample of lists, whenever weights change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from poise.decisions.explore import NONE, Exploration
from poise.decisions.plackett_luce import expected_worth, standard
from poise.decisions.terms import Floats
from poise.errors import SpecError, StateError, did_you_mean
from poise.spec.decision import Explore

TEMPERATURE, SHARE = 1.0, 0.1
"""How strong exploration is where its cost is bounded but cannot be known."""
WEAKEST, FIRST, STRONGEST, STRIDE = 1e-3, 1 / 64, 100.0, 4.0
"""Temperatures are tried from `FIRST` on, each `STRIDE` times the one before, until a bound is crossed."""
TIGHT, TRIES = 0.98, 20
"""Then within these two, until so much of the bound is used up."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A sample of lists by which the cost of exploration is known under any weights.

    terms: term -> (lists, width), of the candidates that may be shown, as for the first place, NaN behind the last
    candidate of a list; exposure: term -> (show,), what is left of a value of the first place at places 1..show.
    Raises `StateError` where the shapes do not agree.
    """

    terms: Mapping[str, Floats]
    exposure: Mapping[str, Floats]

    def __post_init__(self) -> None:
        shapes = {np.shape(values) for values in self.terms.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise StateError(f"the lists by which exploration is settled have shapes {sorted(shapes)}, not one of 2")
        lacking = sorted(self.terms.keys() ^ self.exposure.keys())
        if lacking:
            raise StateError(f"the lists by which exploration is settled lack the term or exposure of '{lacking[0]}'")
        for term, values in self.exposure.items():
            if np.ndim(values) != 1 or not np.isfinite(values).all():
                raise StateError(f"the exposure of '{term}' is not one finite number per place")

    def save(self, path: Path) -> None:
        """Write it to `path`, an `.npz` file."""
        arrays: dict[str, Any] = {f"term/{name}": values for name, values in self.terms.items()}
        arrays |= {f"exposure/{name}": values for name, values in self.exposure.items()}
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises `StateError` where the file is not that."""
        found: dict[str, dict[str, Floats]] = {"term": {}, "exposure": {}}
        try:
            with np.load(path, allow_pickle=False) as file:
                for name in file.files:
                    kind, _, term = name.partition("/")
                    found[kind][term] = np.asarray(file[name], np.float64)
        except (OSError, EOFError, ValueError, KeyError, AttributeError, BadZipFile) as error:
            raise StateError(f"'{path}' holds no lists to settle exploration by: {error}") from None
        return cls(found["term"], found["exposure"])


def assumed_exposure(show: int) -> Floats:
    """What is left of a value at places 1..show where no position was logged: 1 / log2(place + 1), (show,).

    (Järvelin and Kekäläinen, Cumulated gain-based evaluation, TOIS 20, 2002.)

    >>> assumed_exposure(3).round(3).tolist()
    [1.0, 0.631, 0.5]
    """
    return np.asarray(1 / np.log2(np.arange(show) + 2.0))


def settle(explore: Explore | None, weights: Mapping[str, float], basis: Basis | None, show: int) -> Exploration:
    """The exploration that `explore` asks for, under these weights and on these lists.

    With `cost`, the strength is the greatest below which no named term loses more than its bound on average (and not
    beyond temperature 100 or share 1); off where even the weakest loses more. Where the best lists are worth nothing or
    less in a term, the loss is a share of the term's mean size (its mean absolute value, at the places shown). A
    declared strength stays, and its cost is stated. Without a basis (nothing is learned yet) the cost is not known:
    temperature 1 or share 0.1, unless declared. `notes` says which of these held.

    Raises `SpecError` for a bound on a term that there is not, `StateError` for a basis that does not fit.

    >>> half = np.array([[0.5, 0.4, 0.1, 0.0]] * 3)
    >>> basis = Basis({"orders": half}, {"orders": assumed_exposure(4)})
    >>> made = settle(Explore(method="epsilon", cost={"orders": 0.02}), {"orders": 1.0}, basis, show=4)
    >>> round(made.strength, 4), {term: round(share, 4) for term, share in made.cost.items()}
    (0.0991, {'orders': 0.02})
    """
    if explore is None:
        return NONE
    lists = None if basis is None else _Lists.of(basis, weights, explore.top, show)
    if lists is None:
        return _unknown(explore)
    for term in explore.cost or ():
        if term not in lists.terms:
            hint = did_you_mean(term, lists.terms)
            raise SpecError(f"cost names '{term}', which is no term", where="decision.explore.cost", hint=hint)
    notes = lists.notes(explore.cost or lists.terms)
    if explore.method == "epsilon":
        whole = lists.lost()
        share = explore.share or _share(whole, explore.cost or {})
        cost = {term: share * lost for term, lost in whole.items()}
        return Exploration("epsilon", explore.top, share, cost, (*notes, *_beyond(explore, weights, cost, share >= 1)))
    temperature = explore.temperature or _temperature(lists, explore.cost or {})
    if temperature:
        cost = lists.lost(temperature)
        notes = (*notes, *_beyond(explore, weights, cost, temperature >= STRONGEST))
        return Exploration("plackett-luce", explore.top, temperature, cost, notes)
    return Exploration(
        "plackett-luce", explore.top, 0.0, dict.fromkeys(lists.terms, 0.0), (*notes, _off(lists, explore))
    )


def _unknown(explore: Explore) -> Exploration:
    """What holds while nothing says how much is lost."""
    own, assumed = ("temperature", TEMPERATURE) if explore.method == "plackett-luce" else ("share", SHARE)
    declared = explore.temperature or explore.share
    note = f"the cost of exploration is not known before there are models; {own} is {declared or assumed:g}"
    return Exploration(explore.method, explore.top, declared or assumed, None, (note,))


def _share(whole: Mapping[str, float], bounds: Mapping[str, float]) -> float:
    """The greatest share of shuffled lists within the bounds: what is lost is in proportion to it."""
    return min([1.0, *(bound / whole[term] for term, bound in bounds.items() if whole[term] > bound)])


def _temperature(lists: _Lists, bounds: Mapping[str, float]) -> float:
    """The temperature up to which all bounds hold, 0 where none does.

    Terms may also gain as the order loosens, so that what is lost need not rise throughout: the first crossing counts.
    """

    def used(temperature: float) -> float:
        """The share of the tightest bound that is used up."""
        lost = lists.lost(temperature, bounds)
        return max(lost[term] / bound for term, bound in bounds.items())

    low, high, at_low, at_high = 0.0, FIRST, 0.0, used(FIRST)
    while at_high > 1 and high > WEAKEST:
        high = max(high / STRIDE, WEAKEST)
        at_high = used(high)
    while at_high <= 1 and high < STRONGEST:
        low, at_low = high, at_high
        high = min(high * STRIDE, STRONGEST)
        at_high = used(high)
    if at_high <= 1 or not low:
        return high if at_high <= 1 else 0.0
    for _ in range(TRIES):
        if at_low >= TIGHT:
            break
        # Nearly a straight line in logarithms; both sides must move, should it not be.
        lowest, most, aim = (np.log(max(share, 1e-3)) for share in (at_low, at_high, (1 + TIGHT) / 2))
        middle = low * (high / low) ** min(max((aim - lowest) / (most - lowest), 0.1), 0.9)
        at_middle = used(middle)
        if at_middle <= 1:
            low, at_low = middle, at_middle
        else:
            high, at_high = middle, at_middle
    return float(low)


def _beyond(explore: Explore, weights: Mapping[str, float], cost: Mapping[str, float], most: bool) -> tuple[str, ...]:
    """What bounds do not hold back: an order that is all but random, and terms that count and are not bounded."""
    if explore.cost is None:
        return ()
    said = [f"the bounds let the order of the first {explore.top} be all but random"] if most else []
    widest = max(explore.cost.values())
    for term, lost in cost.items():
        if term not in explore.cost and weights.get(term, 1.0) and lost > 2 * widest:
            said.append(f"{term} counts too, has no bound and loses {lost:.0%}: bound it in decision.explore.cost")
    return tuple(said)


def _off(lists: _Lists, explore: Explore) -> str:
    """Which bound cannot be kept by any exploration."""
    bounds, lost = explore.cost or {}, lists.lost(WEAKEST)
    over = max(bounds, key=lambda term: lost[term] - bounds[term])
    return (
        f"exploration is off: even the weakest (temperature {WEAKEST:g}) costs {lost[over]:.2%} of {over}, "
        f"and {bounds[over]:.2%} is allowed"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Lists:
    """The lists of a basis in their best order under one set of weights.

    standards: `standard` scores of those that take part, (lists, m); sizes: how many those are, (lists,); values:
    (terms, lists, m); exposure: (terms, show); best: what these places are worth in the best order, (terms,);
    measure: what losses are a share of, (terms,); absolute: terms where that is not the worth of the best lists.
    """

    terms: tuple[str, ...]
    standards: Floats
    sizes: NDArray[np.int64]
    values: Floats
    exposure: Floats
    best: Floats
    measure: Floats
    absolute: frozenset[str]

    @classmethod
    def of(cls, basis: Basis, weights: Mapping[str, float], top: int, show: int) -> _Lists | None:
        """The lists, sorted; None where no candidate has a score."""
        terms = tuple(basis.terms)
        exposure = _exposure(basis, show)
        values, scores, sizes = _sorted(basis, weights)
        if not len(sizes):
            return None
        taking = np.minimum(sizes, top)
        standards = np.zeros((len(sizes), min(top, scores.shape[1])))
        for each, size in enumerate(taking):
            standards[each, :size] = standard(scores[each, :size])
        whole = _in_order(values, exposure, sizes)
        size = np.where(np.arange(values.shape[2]) < sizes[:, None], np.abs(values), 0.0).sum(axis=2) / sizes
        measure = np.where(whole > 0, whole, np.einsum("tl,tl->t", size, _places(exposure, sizes)))
        head = np.ascontiguousarray(values[:, :, : standards.shape[1]])
        absolute = frozenset(term for term, worth in zip(terms, whole, strict=True) if worth <= 0)
        best = _in_order(head, exposure, taking)
        return cls(terms, standards, taking, head, exposure, best, measure, absolute)

    def lost(self, temperature: float | None = None, among: Iterable[str] | None = None) -> dict[str, float]:
        """Term -> the share of it that lists drawn at `temperature` lose, or shuffled ones; below 0 where they gain."""
        terms = self.terms if among is None else tuple(among)
        at = [self.terms.index(term) for term in terms]
        values, exposure = self.values[at], self.exposure[at]
        if temperature is None:
            inside = np.arange(values.shape[2]) < self.sizes[:, None]
            mean = np.where(inside, values, 0.0).sum(axis=2) / self.sizes
            worth = np.einsum("tl,tl->t", mean, _places(exposure, self.sizes))
        else:
            worth = expected_worth(self.standards, self.sizes, values, exposure, temperature)
        lost = np.divide(self.best[at] - worth, self.measure[at], out=np.zeros(len(at)), where=self.measure[at] > 0)
        return dict(zip(terms, lost.tolist(), strict=True))

    def notes(self, terms: Iterable[str]) -> tuple[str, ...]:
        """What the shares of these terms are shares of, where that is not the worth of the best lists."""
        return tuple(
            f"the best lists are worth nothing or less in {term}: its cost is stated as a share of its mean size"
            for term in terms
            if term in self.absolute
        )


def _exposure(basis: Basis, show: int) -> Floats:
    """(terms, show)."""
    for term, values in basis.exposure.items():
        if len(values) < show:
            raise StateError(f"the exposure of '{term}' is known for {len(values)} places, and {show} are shown")
    return np.stack([basis.exposure[term][:show] for term in basis.terms])


def _sorted(basis: Basis, weights: Mapping[str, float]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Values (terms, lists, width) and scores (lists, width), the best first, and how many have a score, (lists,)."""
    for term in weights:
        if term not in basis.terms:
            raise StateError(f"the lists by which exploration is settled lack the term '{term}'")
    values = np.stack(list(basis.terms.values()))
    scores = np.where(np.isnan(values).all(axis=0), np.nan, 0.0)
    for number, term in enumerate(basis.terms):
        if weight := weights.get(term, 1.0):
            scores = scores + weight * values[number]
    order = np.argsort(-scores, axis=1, kind="stable")
    sizes = (~np.isnan(scores)).sum(axis=1)
    some = sizes > 0
    scores = np.take_along_axis(scores, order, axis=1)[some]
    # A term of weight 0 may be missing of a candidate that is shown: there it counts nothing.
    values = np.nan_to_num(np.take_along_axis(values, order[None], axis=2)[:, some])
    return values, scores, sizes[some].astype(np.int64)


def _in_order(values: Floats, exposure: Floats, sizes: NDArray[np.int64]) -> Floats:
    """What lists are worth as they stand, (terms,)."""
    places = min(exposure.shape[1], values.shape[2])
    inside = np.arange(places) < sizes[:, None]
    return np.asarray(np.einsum("tlp,tp->t", values[:, :, :places] * inside, exposure[:, :places]))


def _places(exposure: Floats, sizes: NDArray[np.int64]) -> Floats:
    """The exposure of all places of each list together, (terms, lists)."""
    together = np.cumsum(exposure, axis=1)
    return np.asarray(together[:, np.minimum(sizes, exposure.shape[1]) - 1])
