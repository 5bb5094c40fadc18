"""Making the profile of a release out of what a training run has in memory."""

from __future__ import annotations

from collections.abc import Mapping, Set

import numpy as np
from numpy.typing import NDArray

from poise.clock import DAY, HOUR
from poise.decisions.choose import take
from poise.decisions.of_system import names_in_terms
from poise.releases.examples import ObjectiveData
from poise.releases.extras import slice_names
from poise.releases.judged_rows import slice_column
from poise.releases.made import Made
from poise.releases.profile import ObjectiveProfile, Profile, SliceProfile
from poise.releases.profile_column import ColumnProfile, Floats, Ints, numbers
from poise.releases.ranked import Listed
from poise.releases.sent_columns import with_sent
from poise.releases.training import Learned, metric_of
from poise.spec.source_types import column_types
from poise.spec.system import SystemSpec
from poise.table import MISSING_TIME, Column

WANTED = 30
"""The unit of blocks is the longest that gives so many: from them is told how much is usual from block to block."""
MOST = 400
"""More blocks than this are not kept: the unit is then four weeks."""
LEAST_ROWS = 20
"""A unit of fewer rows to a block, on average, says too little: the next longer one is taken."""
SLICES = 50
"""Levels of one slice that are kept, the most frequent."""
_MONDAY = 4 * DAY
UNITS: tuple[tuple[str, int], ...] = (
    ("4 weeks", 28 * DAY),
    ("week", 7 * DAY),
    ("day", DAY),
    ("6 hours", 6 * HOUR),
    ("hour", HOUR),
)


def profile_of(system: SystemSpec, learned: Mapping[str, Learned], made: Made | None) -> Profile:
    """The profile of a candidate: every column of the rows of each source that is predicted for, in all parts, and
    every objective's predictions of the rows that its models were not fitted on.

    A source's rows are those of its first objective that is not `given` another, at the T of that objective.
    """
    bases: dict[str, ObjectiveData] = {}
    for one in learned.values():
        if one.data.spec.given is None:
            bases.setdefault(one.data.spec.per, one.data)
    unit, step, start = grid(np.concatenate([data.requests.time for data in bases.values()]))
    last = max((_block(data.requests.time, start, step).max(initial=0) for data in bases.values()), default=0)
    count = int(last) + 1
    columns = {per: _columns(system, data, start, step, count) for per, data in bases.items()}
    objectives = {name: _objective(system, one, start, step, count) for name, one in learned.items()}
    terms = {} if made is None else _terms(made, start, step, count)
    reads = {name: tuple(one.predictor.inputs) for name, one in learned.items()}
    if system.decision is not None:
        reads["decision"] = tuple(sorted(names_in_terms(system)))
    return Profile(start, step, unit, columns, objectives, terms, reads)


def grid(time: Ints) -> tuple[str, int, int]:
    """The unit of blocks, its microseconds and the start of the first block, for rows at `time`; 0 without time.

    >>> grid(np.arange(0, 60 * DAY, HOUR))[0]
    'day'
    """
    time = time[time != MISSING_TIME]
    if not len(time):
        return "", 0, 0
    spread, found = int(time.max() - time.min()), UNITS[-1]
    for at, (_, step) in enumerate(UNITS):
        blocks = spread // step + 1
        if blocks >= WANTED:
            found = UNITS[at] if len(time) >= LEAST_ROWS * blocks or at == 0 else UNITS[at - 1]
            break
    while spread // found[1] + 1 > MOST and found != UNITS[0]:
        found = UNITS[UNITS.index(found) - 1]
    unit, step = found
    return unit, step, int((time.min() - _MONDAY) // step * step + _MONDAY)


def starts_of(block: Ints, count: int) -> Ints:
    """Where each of `count` blocks begins among rows in the order of T whose blocks are `block`."""
    return np.searchsorted(block, np.arange(count)).astype(np.int64)


def _block(time: Ints, start: int, step: int) -> Ints:
    return np.maximum(time - start, 0) // step if step else np.zeros(len(time), np.int64)


def _columns(system: SystemSpec, data: ObjectiveData, start: int, step: int, count: int) -> dict[str, ColumnProfile]:
    """Features and what callers send of rows. Prose is nearly different in every row: its length is profiled."""
    starts, texts = starts_of(_block(data.requests.time, start, step), count), _texts(system, data)
    columns = with_sent(system, data.spec.per, data.columns, data.requests.rows, data.requests.time)
    names = dict.fromkeys([*(output.name for output in data.outputs), *columns])
    found = {name: columns[name] for name in names if name in columns}
    return {
        name: ColumnProfile.of(Column.numbers(numbers(one)) if name in texts else one, starts)
        for name, one in found.items()
    }


def _texts(system: SystemSpec, data: ObjectiveData) -> Set[str]:
    """The features and columns of the request that are prose."""
    own = column_types(system.sources[data.spec.per], system)
    return {one.name for one in data.outputs if one.type == "text"} | {n for n, t in own.items() if t == "text"}


def _objective(system: SystemSpec, one: Learned, start: int, step: int, count: int) -> ObjectiveProfile:
    data = one.data
    rows = np.concatenate([data.split.calibrate, data.split.judge])
    order = np.argsort(data.requests.time[rows], kind="stable")
    unjudged = one.predictor.predict(data.columns.take(data.split.calibrate))
    predicted = np.concatenate([unjudged, one.judged])[order]
    rows = rows[order]
    starts = starts_of(_block(data.requests.time[rows], start, step), count)
    scores = {name: ColumnProfile.of(Column.numbers(p), starts) for name, p in of_classes(data, predicted).items()}
    performance = _performance(one, data.target[rows], predicted, starts)
    slices = {by: _slices(system, one, by) for by in slice_names(system, data.name)}
    metric = metric_of(data.spec).name
    return ObjectiveProfile(data.spec.type, metric, data.classes, scores, performance, slices)


def of_classes(data: ObjectiveData, predicted: Floats) -> dict[str, Floats]:
    """The predictions by name: one column of them by the objective's, several by those of their classes."""
    if predicted.ndim == 1:
        return {data.name: predicted}
    names = data.classes or tuple(str(at) for at in range(predicted.shape[1]))
    return {f"{data.name}.{name}": predicted[:, at] for at, name in enumerate(names)}


def _performance(one: Learned, target: NDArray[np.generic], predicted: Floats, starts: Ints) -> Floats:
    metric, flat = metric_of(one.data.spec), predicted.ndim == 1
    out = np.full((len(starts), 4), np.nan)
    for at, (begin, end) in enumerate(zip(starts, np.append(starts[1:], len(target)), strict=True)):
        truth, said = target[begin:end], predicted[begin:end]
        if begin < end:
            means = (np.mean(said), np.mean(np.asarray(truth, np.float64))) if flat else (np.nan, np.nan)
            out[at] = end - begin, metric.score(truth, said), *means
    return out


def _slices(system: SystemSpec, one: Learned, by: str) -> dict[str, SliceProfile]:
    column = slice_column(system, one.data, by).take(one.data.split.judge)
    values, metric = np.array([str(v) for v in column.to_list()], object), metric_of(one.data.spec)
    target, out = one.data.target[one.data.split.judge], {}
    levels, counts = np.unique(values, return_counts=True)
    for level in levels[np.argsort(-counts, kind="stable")[:SLICES]]:
        mine = values == level
        truth, said = target[mine], one.judged[mine]
        if said.ndim > 1:
            out[str(level)] = SliceProfile(len(said), metric.score(truth, said), np.nan, np.nan)
            continue
        steps = tuple(np.quantile(said, np.linspace(0, 1, 33)).tolist())
        out[str(level)] = SliceProfile(len(said), metric.score(truth, said), said.mean(), truth.mean(), steps)
    return out


def _terms(made: Made, start: int, step: int, count: int) -> dict[str, ColumnProfile]:
    time = made.base.requests.time[made.rows]
    terms = made.predicted if isinstance(made, Listed) else take(made.choice.terms, made.choice.chosen)
    order = np.argsort(time, kind="stable")
    starts = starts_of(_block(time[order], start, step), count)
    return {name: ColumnProfile.of(Column.numbers(values[order]), starts) for name, values in terms.items()}
