"""The online store in memory: updates in batches of 1,000, reads of 6 window features for 100 keys and for one, a
snapshot, and a million new keys within a minute with the memory that they take.

    python -m benchmarks.online_store

Budgets (docs/stores.md): 500,000 updates/s, reads of 100 keys in 250 us at the median. One core is enough.
"""

from __future__ import annotations

import gc
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, run
from poise.clock import DAY, HOUR, MINUTE
from poise.stores.base import WindowDeclaration
from poise.stores.memory import MemoryStore
from poise.table import Column, History, Table

KEYS = 100_000
TAKE = (("count", None), ("sum", "value"))
WINDOWS = (
    WindowDeclaration("orders", ("shop",), 5 * MINUTE, (HOUR,), TAKE),
    WindowDeclaration("orders", ("shop",), HOUR, (DAY, 7 * DAY), TAKE),
)
"""3 windows of 2 aggregates."""


def orders(random: np.random.Generator, size: int, start: int, span: int, keys: int = KEYS) -> History:
    """Random rows in the order of time; keys are skewed."""
    at = np.sort(random.integers(start, start + span, size))
    codes, levels = np.unique((keys * random.random(size) ** 2).astype(np.int32), return_inverse=True)
    shops = Column.coded(levels.astype(np.int32), [f"shop-{code:07d}" for code in codes.tolist()])
    return History("orders", "log", at, at, Table({"shop": shops, "value": Column.numbers(random.normal(size=size))}))


def filled(random: np.random.Generator, size: int, keys: int = KEYS) -> MemoryStore:
    """A store that holds a week of rows."""
    store = MemoryStore()
    store.declare(WINDOWS)
    store.observe(orders(random, size, 0, 7 * DAY, keys))
    store.advance(7 * DAY)
    return store


def updates_per_second(random: np.random.Generator, store: MemoryStore, batches: int = 300) -> float:
    """Rows taken in and made visible per second, 1,000 at a time."""
    chunks = [orders(random, 1000, 7 * DAY + n * MINUTE, MINUTE) for n in range(batches)]
    start = time.perf_counter()
    for n, chunk in enumerate(chunks):
        store.observe(chunk)
        store.advance(7 * DAY + (n + 1) * MINUTE)
    return 1000 * batches / (time.perf_counter() - start)


def read_seconds(random: np.random.Generator, store: MemoryStore, keys: int, repeats: int = 2000) -> np.ndarray:
    """How long reads of all windows take, each for other random keys."""
    asked = [Column.strings([f"shop-{k:07d}" for k in random.integers(0, KEYS, keys)]) for _ in range(repeats)]
    at = np.full(keys, 8 * DAY)
    store.advance(8 * DAY)
    seconds = np.empty(repeats)
    for n, column in enumerate(asked):
        start = time.perf_counter()
        for declaration in WINDOWS:
            store.read(declaration, [column], at)
        seconds[n] = time.perf_counter() - start
    return seconds


def snapshot_seconds(store: MemoryStore) -> tuple[float, float, int]:
    """Seconds to save, seconds to load, and bytes."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        store.save(Path(folder))
        saved = time.perf_counter()
        fresh = MemoryStore()
        fresh.declare(WINDOWS)
        fresh.load(Path(folder))
        done = time.perf_counter()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return saved - start, done - saved, size


def resident() -> float:
    """The process's resident memory, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def new_keys(count: int) -> tuple[float, float, float]:
    """A row of a new key after the other within a minute, in batches of 1,000: seconds, the slowest batch in
    milliseconds, and MB that the store then takes."""
    store = MemoryStore()
    store.declare(WINDOWS)
    before, took = resident(), []
    for start in range(0, count, 1000):
        at = 7 * DAY + np.arange(start, start + 1000) * (MINUTE // count)
        shops = Column.strings([f"shop-{n:07d}" for n in range(start, start + 1000)])
        rows = Table({"shop": shops, "value": Column.numbers(np.ones(1000))})
        begun = time.perf_counter()
        store.observe(History("orders", "log", at, at, rows))
        store.advance(int(at[-1]) + 1)
        took.append(time.perf_counter() - begun)
    return sum(took), max(took) * 1e3, resident() - before


def main(quick: bool) -> list[Figure]:
    """Measure."""
    rows, repeats = (10_000, 50) if quick else (1_000_000, 2000)
    random = np.random.default_rng(0)
    filled(random, 1000)  # compiles
    start = time.perf_counter()
    store = filled(random, rows)
    print(f"{rows:,} rows of history, {KEYS:,} keys: {time.perf_counter() - start:.2f} s")
    updates_per_second(random, store, 3)
    rates = []
    for _ in range(3):
        store = filled(random, rows)
        rates.append(updates_per_second(random, store, 10 if quick else 300))
    figures = [Figure("online updates in batches of 1,000, the best of 3", max(rates), 500_000, "/s", at_least=True)]
    for keys in (100, 1):
        read_seconds(random, store, keys, 10)
        p50, p99 = np.percentile(read_seconds(random, store, keys, repeats) * 1e6, [50, 99])
        print(f"6 window features of {keys} keys: p50 {p50:.0f} us, p99 {p99:.0f} us")
        figures.append(Figure(f"6 window features of {keys} keys, p50", p50, 250 if keys == 100 else None, " us"))
    saved, loaded, size = snapshot_seconds(store)
    print(f"snapshot: saved in {saved:.2f} s, loaded in {loaded:.2f} s, {size / 1e6:.0f} MB")
    del store
    gc.collect()
    seconds, slowest, memory = new_keys(rows)
    print(f"{rows:,} new keys: {seconds:.1f} s, the slowest 1,000 in {slowest:.0f} ms, {memory:.0f} MB")
    figures.append(Figure(f"{rows:,} new keys within a minute", seconds, 60, " s"))
    figures.append(Figure("memory of a key with a row in 3 windows of 2 aggregates", memory / rows * 1e6, 600, " B"))
    return figures


if __name__ == "__main__":
    run(main)
