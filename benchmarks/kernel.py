"""The scoring kernel against LightGBM's C API, in turns in one process, and one row's way to calibrated predictions.

The model: 300 trees of 31 leaves over 24 numbers (10 of them with holes) and 6 categories of 4 to 300 levels. Asked are
one row (another one each time), 100 rows, and 100 candidates of one request where half of the columns are the item's:
the request's state is made in the call, the items' are kept. Every score is compared, bit for bit.
Budgets: 8, 10 and 60 times as fast; 0.05 ms for two linear models, 0.3 ms for two of trees, calibrated, one row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure, run
from poise.models.base import Examples, Problem
from poise.models.booster import lightgbm
from poise.models.calibration import Calibration
from poise.models.forest import probe_rows
from poise.models.forest_text import read_forest
from poise.models.lightgbm_library import LibraryScorer
from poise.models.mask_scorer import MaskScorer
from poise.models.mask_tables import mask_tables
from poise.models.predictor import Predictor
from poise.models.proof import Proof, same_bits
from poise.registry import get
from poise.table import MISSING_TIME, Column, Table

Floats = NDArray[np.float64]
ROWS, TREES, LEAVES, NUMBERS, LEVELS = 40_000, 300, 31, 24, (4, 8, 20, 50, 120, 300)
CANDIDATES, ITEMS = 100, 2_000
ONE, HUNDRED, LIST, LINEAR, BOOSTED = 8.0, 10.0, 60.0, 0.05, 0.3
"""Times as fast; milliseconds."""
PARAMETERS = {
    "objective": "binary",
    "num_leaves": LEAVES,
    "learning_rate": 0.1,
    "verbosity": -1,
    "num_threads": 2,
    "seed": 1,
    "max_cat_threshold": 16,
}


def rows_of(seed: int = 0) -> tuple[Floats, Floats]:
    """Rows (n, 30), and whether each came true."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(ROWS, NUMBERS + len(LEVELS)))
    z = X[:, :NUMBERS] @ random.normal(size=NUMBERS) * 0.3 + X[:, 0] * X[:, 1] * 0.5 + np.sin(3 * X[:, 2]) * X[:, 3]
    for j, levels in enumerate(LEVELS, NUMBERS):
        X[:, j] = random.integers(0, levels, ROWS)
        z += random.normal(size=levels)[X[:, j].astype(np.int64)] * 0.2
    X[:, :10] = np.where(random.random((ROWS, 10)) < 0.1, np.nan, X[:, :10])
    return X, (random.random(ROWS) < 1 / (1 + np.exp(-z))) * 1.0


def in_turns(ways: Mapping[str, Callable[[int], object]], rounds: int, calls: int) -> dict[str, float]:
    """Microseconds per call of each way: the median over rounds in which each makes so many calls in a row.

    Of CPU, not wall time: another program's turn on the same core is not what a call takes."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = time.thread_time()
            for call in range(calls):
                way(turn * calls + call)
            seconds = time.thread_time() - started
            if turn:
                taken[name].append(seconds * 1e6 / calls)
    return {name: float(np.median(times)) for name, times in taken.items()}


def kernel(quick: bool) -> list[Figure]:
    """Poise's kernel and LightGBM's C API on the same rows."""
    X, y = rows_of()
    categories = list(range(NUMBERS, X.shape[1]))
    booster = lightgbm.train(PARAMETERS, lightgbm.Dataset(X, y, categorical_feature=categories), TREES)
    text = booster.model_to_string()
    forest = read_forest(text)
    library = LibraryScorer(text)
    probes = probe_rows(text, X, 0)
    mask_tables(forest)  # compiled
    started = time.perf_counter()
    tables = mask_tables(forest)
    built = (time.perf_counter() - started) * 1e3
    masks = MaskScorer(tables, Proof(probes, library.raw(probes)))
    kinds = int((forest.kind & 1).sum())
    numbers = len(forest.kind) - kinds
    print(f"{kinds:,} splits of categories, {numbers:,} of numbers; {len(text) / 2**20:.2f} MB of text")
    print(f"{len(tables.table):,} table rows, {tables.bytes / 2**20:.1f} MB, built in {built:.0f} ms")
    assert same_bits(masks.raw(X[:5_000]), library.raw(X[:5_000]))

    single = [X[i : i + 1].copy() for i in range(1_000)]
    hundred = [X[i : i + CANDIDATES].copy() for i in range(0, 10_000, CANDIDATES)]
    ways: dict[str, Callable[[int], object]] = {
        "1 row, kernel": lambda turn: masks.raw(single[turn % 1_000]),
        "1 row, C API": lambda turn: library.raw(single[turn % 1_000]),
        "100 rows, kernel": lambda turn: masks.raw(hundred[turn % 100]),
        "100 rows, C API": lambda turn: library.raw(hundred[turn % 100]),
    }
    request, item = list(range(0, 30, 2)), list(range(1, 30, 2))
    split = masks.sides(request, item)
    kept = split.state(X[:ITEMS, item].copy())
    random = np.random.default_rng(1)
    drawn = [random.choice(ITEMS, CANDIDATES, replace=False) for _ in range(100)]
    asked = [X[i : i + 1, request].copy() for i in range(100)]
    mixed = np.empty((CANDIDATES, 0))

    def listed(turn: int) -> Floats:
        return split.raw(asked[turn % 100], kept, mixed, drawn[turn % 100])

    whole = [X[drawn[i]].copy() for i in range(100)]
    for i in range(100):
        whole[i][:, request] = asked[i]
        assert same_bits(listed(i), library.raw(whole[i]))
    ways["100 candidates, kernel"] = listed
    ways["100 candidates, C API"] = lambda turn: library.raw(whole[turn % 100])
    rounds, short, long = (3, 20, 200) if quick else (9, 100, 2_000)
    single_rows = {name: way for name, way in ways.items() if name.startswith("1 row")}
    found = in_turns(ways, rounds, short) | in_turns(single_rows, rounds, long)
    cold = in_turns(ways, 20 if quick else 300, 1)
    print(f"{'':24s} {'in a row':>9s}    one call (microseconds; then the other's turn, which empties the caches)")
    for name in ways:
        print(f"{name:24s} {found[name]:9.1f} {cold[name]:11.1f}")
    print(f"a kept state of an item takes {split.bytes_per_row:,} bytes; all scores equal, bit for bit")
    asks = "1 row", f"{CANDIDATES} rows", f"{CANDIDATES} candidates"
    times = {ask: found[f"{ask}, C API"] / found[f"{ask}, kernel"] for ask in asks}
    return [
        Figure("kernel v LightGBM's C API, 1 row", times["1 row"], ONE, "x", at_least=True),
        Figure("kernel v LightGBM's C API, 100 rows", times["100 rows"], HUNDRED, "x", at_least=True),
        Figure("kernel v LightGBM's C API, 100 candidates, half the item's", times["100 candidates"], LIST, "x", True),
    ]


def one_row(quick: bool) -> list[Figure]:
    """From a row's values to two calibrated predictions: a probability and a value."""
    X, y = rows_of(1)
    X, y = X[:8_000], y[:8_000]
    columns = {f"x{j}": Column.numbers(X[:, j]) for j in range(14)}
    columns |= {f"c{j}": Column.strings([f"level {v:.0f}" for v in X[:, j].tolist()]) for j in range(24, 29)}
    types = {name: "category" if name[0] == "c" else "number" for name in columns}
    rows = Table(columns, len(X))
    out = []
    for rung, budget in (("linear", LINEAR), ("trees", BOOSTED)):
        predictors = []
        for problem, target in ((Problem("binary"), y), (Problem("regression"), y * (2 + np.nan_to_num(X[:, 0])))):
            every = Examples(rows, types, target, None, np.full(len(X), MISSING_TIME))  # type: ignore[arg-type]
            index = np.arange(len(X))
            fit, tune, rest = (every.take(index % 4 == part) for part in (0, 1, 2))
            model = get("learner", rung)().fit(problem, fit, tune)
            later = rest.target * (np.random.default_rng(2).random(rest.height) < 0.7)  # so that a curve is needed
            predictors.append(Predictor(model, Calibration.fit(problem, model.predict(rest.features), later)))
        single = [rows.take(np.array([i])) for i in range(200)]
        for predictor in predictors:
            print(f"{rung}: {predictor.model.describe()}, calibrated by {predictor.calibration.method}")

        def both(turn: int, of: list[Predictor] = predictors, single: list[Table] = single) -> None:
            for predictor in of:
                predictor.predict(single[turn % 200])

        taken = in_turns({rung: both}, 3 if quick else 20, 100)[rung] / 1e3
        out.append(Figure(f"one row to 2 calibrated predictions, {rung}, 19 inputs", taken, budget, " ms"))
    return out


def main(quick: bool) -> list[Figure]:
    """Measure."""
    return [*kernel(quick), *one_row(quick)]


if __name__ == "__main__":
    run(main)
