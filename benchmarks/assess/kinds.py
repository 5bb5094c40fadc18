"""Kinds of truth: what the target depends on, drawn at random, and the verdicts that are right there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.assess.inputs import Column, Values, columns, standard
from benchmarks.assess.worlds import COLLECT, ML, NOTHING, PERSON, RULE, Draw, World, evidence, target, world


def weighed(draw: Draw, effects: list[Values]) -> Values:
    """A weighted sum of effects that all count: weights between 0.6 and 1.4, of either sign."""
    weights = draw.random.uniform(0.6, 1.4, len(effects)) * draw.random.choice([-1, 1], len(effects))
    return np.sum([weight * effect for weight, effect in zip(weights, effects, strict=True)], axis=0)


def for_ml(draw: Draw, made: list[Column], score: Values, share: float) -> World:
    """A world where no rule over one column says what columns say together."""
    says = evidence(draw, score, share, made)
    return world(draw, made, target(draw, score, share), frozenset({ML}), evidence=says)


def noise(draw: Draw) -> World:
    """The target depends on nothing."""
    outcome = target(draw, draw.random.normal(size=draw.rows), 1.0)
    return world(draw, draw.columns(), outcome, NOTHING)


def noise_in_groups(draw: Draw) -> World:
    """Rows of one customer share their target and some columns; a customer who is new cannot be predicted."""
    random = draw.random
    customers = max(draw.rows // int(random.integers(3, 15)), 40)
    of = random.integers(0, customers, draw.rows)
    made = draw.columns()
    fixed = random.random(len(made)) < 0.6
    first = np.array([np.flatnonzero(of == one)[0] if (of == one).any() else 0 for one in range(customers)])
    made = [
        Column(column.series.gather(first[of]), column.effect, column.continuous) if stays else column
        for column, stays in zip(made, fixed, strict=True)
    ]
    outcome = target(draw, random.normal(size=customers)[of], 1.0)
    key = pl.Series("customer", [f"k{one}" for one in of])
    drawn = world(draw, made, outcome, NOTHING, key)
    return World(drawn.frame, NOTHING, drawn.time, "customer")


def noise_in_copies(draw: Draw) -> World:
    """The target depends on nothing, but most rows stand there two to five times."""
    drawn = noise(draw)
    random = draw.random
    places = np.repeat(np.arange(draw.rows), random.choice([1, 2, 3, 5], draw.rows, p=[0.3, 0.3, 0.2, 0.2]))
    places = random.permutation(places[: draw.rows]) if not draw.timed else places[: draw.rows]
    return World(drawn.frame[places.tolist()], NOTHING, drawn.time)


def rule(draw: Draw) -> World:
    """One column does it: a threshold, a band, some steps, or a table of levels."""
    random, made = draw.random, draw.columns()
    by = made[random.integers(len(made))]
    if by.continuous:
        u = standard(by.effect)
        edge = float(random.uniform(-0.9, 0.9))
        shapes = [u > edge, np.abs(u - edge) < random.uniform(0.5, 0.8), np.floor(u * random.uniform(1, 2))]
        score = standard(shapes[random.integers(3)] * 1.0)
    else:
        score = by.effect
    share = float(random.uniform(0.25, 0.8))
    says = evidence(draw, score, share, [])
    return world(draw, made, target(draw, score, share), frozenset({RULE}), evidence=says)


def linear(draw: Draw) -> World:
    """Three to eight columns add up."""
    made = draw.columns(5)
    score = weighed(draw, [column.effect for column in draw.pick(made, 3, 9)])
    return for_ml(draw, made, score, float(draw.random.uniform(0.3, 0.85)))


def table_of_two(draw: Draw) -> World:
    """A table of two columns with levels: every cell has a value of its own."""
    random, made = draw.random, draw.columns(3, 20)
    cuts = [np.digitize(column.effect, [-0.6, 0.6]) for column in draw.pick(made, 2, 3)]
    cells = random.permutation(np.linspace(-1, 1, 9)).reshape(3, 3)
    cells -= random.uniform(0.5, 1.0) * (cells.mean(0, keepdims=True) + cells.mean(1, keepdims=True))
    score = cells[cuts[0], cuts[1]]
    return for_ml(draw, made, score, float(random.uniform(0.4, 0.9)))


def interactions(draw: Draw) -> World:
    """Pairs of columns say together what neither says alone: signs that agree, products, a sign by level."""
    random, made = draw.random, draw.columns(4, 16)
    effects = []
    for _ in range(int(random.integers(1, 3))):
        a, b = draw.pick(made, 2, 3)
        shape = [lambda x, y: np.sign(x) * np.sign(y), lambda x, y: x * y, lambda x, y: np.sign(x) * y]
        effects.append(standard(shape[random.integers(3)](a.effect, b.effect)))
    if random.random() < 0.5:
        effects += [0.5 * column.effect for column in draw.pick(made, 1, 3)]
    return for_ml(draw, made, weighed(draw, effects), float(random.uniform(0.5, 0.95)))


def reversed_late(draw: Draw) -> World:
    """What held for most of the time is turned round near the end."""
    random, made = draw.random, draw.columns(5)
    score = standard(weighed(draw, [column.effect for column in draw.pick(made, 3, 7)]))
    turned = np.arange(draw.rows) > draw.rows * random.uniform(0.6, 0.8)
    outcome = target(draw, np.where(turned, -score, score), float(random.uniform(0.4, 0.85)))
    return world(draw, made, outcome, NOTHING)


def redrawn(draw: Draw) -> World:
    """The pattern is another one every few days: none lasts."""
    random, made = draw.random, draw.columns(5)
    chosen = [column.effect for column in draw.pick(made, 3, 7)]
    span = np.floor(np.arange(draw.rows) / draw.rows * random.integers(25, 60)).astype(int)
    weights = random.normal(size=(int(span.max()) + 1, len(chosen)))
    score = np.sum(weights[span] * np.stack(chosen, axis=1), axis=1)
    return world(draw, made, target(draw, score, float(random.uniform(0.4, 0.85))), NOTHING)


def turning(draw: Draw) -> World:
    """Slow drift: the pattern turns by 20 to 50 degrees over the whole time, and still helps."""
    random, made = draw.random, draw.columns(6)
    a, b = draw.pick(made, 3, 5), draw.pick(made, 3, 5)
    angle = np.arange(draw.rows) / draw.rows * np.deg2rad(random.uniform(20, 50))
    first, second = (standard(weighed(draw, [column.effect for column in some])) for some in (a, b))
    score = np.cos(angle) * first + np.sin(angle) * second
    return for_ml(draw, made, score, float(random.uniform(0.4, 0.85)))


def too_few(draw: Draw) -> World:
    """Much to learn for somebody with many rows, and 30 to 90 rows to learn it from."""
    rows = int(draw.random.integers(30, 90))
    few = Draw(draw.random, rows, draw.problem, draw.timed, draw.rate)
    made = columns(few.random, rows, int(few.random.integers(12, 30)))
    score = weighed(few, [column.effect for column in few.pick(made, 8, 13)])
    return world(few, made, target(few, score, float(few.random.uniform(0.3, 0.6))), frozenset({COLLECT}))


def leak(draw: Draw) -> World:
    """A column is the target in another spelling, with a little noise, beside columns that may or may not help."""
    random, made = draw.random, draw.columns()
    share = float(random.choice([0.0, 0.3, 0.6]))
    outcome = target(draw, weighed(draw, [column.effect for column in draw.pick(made, 3, 6)]), share)
    codes = outcome.to_numpy() if draw.problem == "regression" else outcome.rank("dense").to_numpy().astype(float)
    if draw.problem == "regression":
        given = codes * random.uniform(0.1, 9) + random.normal(0, codes.std() * 0.01, draw.rows)
    else:
        swapped = random.random(draw.rows) < random.choice([0.0, 0.001, 0.005])
        given = np.where(swapped, random.permutation(codes), codes)
    spelt = pl.Series("case_note", given if draw.problem == "regression" else [f"n{int(v)}" for v in given])
    drawn = world(draw, made, outcome, frozenset({PERSON}), spelt)
    return World(drawn.frame, drawn.right, drawn.time, None, ("case_note",))


def known_late(draw: Draw) -> World:
    """A column is filled in once a case is over: only where it was lost, or for nearly all that were."""
    random, made = draw.random, draw.columns()
    outcome = target(draw, weighed(draw, [column.effect for column in draw.pick(made, 3, 6)]), 0.4)
    over = (outcome == "lost").to_numpy() & (random.random(draw.rows) < random.uniform(0.9, 1.0))
    days = np.round(random.gamma(2, 10, draw.rows), 0)
    closed = pl.Series("closed_after", [float(day) if was else None for day, was in zip(days, over, strict=True)])
    drawn = world(draw, made, outcome, frozenset({PERSON}), closed)
    return World(drawn.frame, drawn.right, drawn.time, None, ("closed_after",))


@dataclass(frozen=True)
class Kind:
    """One line of the record. clear: from so many nats of evidence on, somebody who sees all rows is certain."""

    draw: Callable[[Draw], World]
    problems: tuple[str, ...] = ("binary", "regression", "multi-class")
    timed: tuple[bool, ...] = (False, True)
    rows: tuple[int, int] = (200, 20_000)
    rates: tuple[float, float] = (0.2, 0.8)
    clear: float = 0.0


RARE = (0.01, 0.05)
KINDS: dict[str, Kind] = {
    "noise": Kind(noise),
    "noise: rare class": Kind(noise, problems=("binary",), rates=RARE),
    "noise: rows of customers": Kind(noise_in_groups),
    "noise: rows copied": Kind(noise_in_copies),
    "rule": Kind(rule, clear=60),
    "rule: rare class": Kind(rule, problems=("binary",), rates=RARE, rows=(2_000, 20_000), clear=60),
    "linear": Kind(linear, clear=150),
    "linear: rare class": Kind(linear, problems=("binary",), rates=RARE, rows=(2_000, 20_000), clear=150),
    "table of two": Kind(table_of_two, clear=400),
    "interactions": Kind(interactions, clear=400),
    "slow drift": Kind(turning, timed=(True,), clear=150),
    "reversed late": Kind(reversed_late, timed=(True,), rows=(1_000, 20_000)),
    "redrawn every few days": Kind(redrawn, timed=(True,), rows=(1_000, 20_000)),
    "too few rows": Kind(too_few),
    "leak": Kind(leak),
    "known late": Kind(known_late, problems=("binary",)),
}
NOISE = tuple(name for name in KINDS if name.startswith("noise"))


def drawn(name: str, seed: int, most: int = 20_000, least: int = 0) -> tuple[World, Draw]:
    """The world of a kind and a seed: problem, time and size (evenly in its logarithm, from `least` to `most` where
    the kind allows) are drawn too."""
    kind = KINDS[name]
    random = np.random.default_rng([seed, list(KINDS).index(name)])
    first = max(kind.rows[0], min(least, kind.rows[1]))
    rows = int(np.exp(random.uniform(*np.log([first, max(min(kind.rows[1], most), first + 1)]))))
    problem = kind.problems[random.integers(len(kind.problems))]
    timed = kind.timed[random.integers(len(kind.timed))]
    draw = Draw(random, rows, problem, timed, float(random.uniform(*kind.rates)))
    return kind.draw(draw), draw
