"""Rows that come in one group at a time: read, judged and recognised, up to what is handed to the journal.

    python -m benchmarks.reception

The orders of `examples/restaurants` (6 columns) and a source of 20 columns with 13 checks (as in `checks`, with times).
All rows are good and new, as nearly all are. Time is the CPU's, of one thread; medians of rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from benchmarks.figure import Figure, run
from poise.data.known_ids import KnownIds
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.spec.reading import read_text
from poise.spec.system import SystemSpec

GROUPS = (1, 10, 100, 1_000, 5_000)
ROUNDS = 9
NOW = 1_767_225_600_000_000
ROOM = SimpleNamespace(body=10**8, rows=10**5)
FILE = Path(__file__).parent.parent / "examples" / "restaurants" / "poise.yaml"
STATES = ["new", "paid", "sent", "done"]
COUNTRIES = ["SG", "US", "DE", "FR", "JP"]
WIDE: dict[str, Any] = {
    "path": "none.jsonl",
    "id": "order_id",
    "time": "ordered_at",
    "columns": {
        "order_id": {"type": "string", "pattern": "o[0-9]+"},
        "email": {"type": "string", "pattern": "[^@ ]+@[^@ ]+"},
        "state": {"type": "category", "values": STATES},
        "country": {"type": "category", "values": COUNTRIES},
        "user": {"type": "string", "required": True},
        "amount": {"type": "float", "required": True, "min": 0, "max": 1000},
        "quantity": {"type": "int", "min": 1, "max": 50},
        "discount": {"type": "float", "min": 0, "max": 1},
        "ordered_at": "time",
        "shipped_at": "time",
        **{f"x{n}": "float" for n in range(10)},
    },
    "rules": {"after": "missing(shipped_at) or ordered_at <= shipped_at", "worth": "quantity * 1000 >= amount"},
}


def order(n: int) -> dict[str, Any]:
    """Order n of the restaurants."""
    names = {"order_id": f"o{n:012d}", "impression_id": f"i{n:012d}", "user_id": f"u{n % 5000}"}
    at = f"2025-01-02T10:{n % 60:02d}:00.{n % 1000:03d}+08:00"
    return {**names, "restaurant_id": f"r{n % 300}", "value": n * 0.37 % 2000, "ordered_at": at}


def wide_order(n: int) -> dict[str, Any]:
    """Order n of 20 columns."""
    at = f"2025-01-02T10:{n % 60:02d}:00Z"
    named = {
        "order_id": f"o{n:012d}",
        "email": f"u{n % 5000}@x.com",
        "state": STATES[n % 4],
        "country": COUNTRIES[n % 5],
    }
    times = {"ordered_at": at, "shipped_at": at.replace("-02T", "-03T")}
    numbers = {"amount": n * 0.37 % 900, "quantity": 1 + n % 49, "discount": n % 100 / 100}
    return {**named, "user": f"u{n % 5000}", **numbers, **times, **{f"x{x}": n * 0.1 + x for x in range(10)}}


def seconds(reception: Reception, source: str, bodies: list[bytes], size: int) -> list[float]:
    """CPU seconds of each group."""
    found = []
    for number, body in enumerate(bodies):
        began = time.process_time()
        (judged,) = reception.judge([reception.read(source, body, ROOM)], NOW)
        reception.written(judged, [1 + number * size])
        found.append(time.process_time() - began)
        assert len(judged.rows) == size, judged.refused
    return found


def measured(spec: SystemSpec, source: str, row: Callable[[int], dict[str, Any]], quick: bool) -> dict[int, float]:
    """Median seconds of a group, per size."""
    reception = Reception(spec, {}, Stored(None, None))
    seconds(reception, source, [msgspec.json.encode(row(10**9))], 1)
    found, at = {}, 0
    for size in GROUPS:
        count = 20 if quick else max(ROUNDS, 2_000 // size)
        bodies = []
        for _ in range(count):
            rows = [row(n) for n in range(at, at + size)]
            bodies.append(msgspec.json.encode(rows if size > 1 else rows[0]))
            at += size
        found[size] = statistics.median(seconds(reception, source, bodies, size))
        print(f"{source}, groups of {size:5,d}: {found[size] * 1e6:10,.0f} us, {size / found[size]:10,.0f} rows/s")
    return found


def known_ids(rows: int) -> float:
    """Seconds to add so many ids in groups of 5,000 and to look all of them up."""
    hashes = np.random.default_rng(0).integers(1, 2**63, rows).astype(np.uint64)
    known = KnownIds()
    known.add(hashes[:1])
    began = time.process_time()
    for start in range(0, rows, 5_000):
        known.add(hashes[start : start + 5_000])
    added = time.process_time()
    assert known.contains(hashes).all()
    told = f"{rows:,} known ids: added in {added - began:.2f} s, looked up in {time.process_time() - added:.2f} s"
    print(f"{told}, {known.memory / len(known):.1f} bytes each")
    return time.process_time() - began


def main(quick: bool) -> list[Figure]:
    """Rates and times of both sources."""
    wide = {"format": 1, "system": "wide", "purpose": "bench", "sources": {"wide": WIDE}}
    objective = {"o": {"type": "binary", "per": "wide", "label": {}}}
    market = read_text(FILE.read_text(encoding="utf-8"), name=str(FILE))
    figures = []
    for name, spec, source, row in (
        ("6 columns", market, "orders", order),
        ("20 columns", SystemSpec.model_validate({**wide, "objectives": objective}), "wide", wide_order),
    ):
        found = measured(spec, source, row, quick)
        figures.append(
            Figure(f"rows judged, {name}, groups of 1,000", 1_000 / found[1_000], 200_000, "/s", at_least=True)
        )
        figures.append(Figure(f"a single row judged, {name}", found[1] * 1e6, 150, " us"))
    assert "polars" not in sys.modules
    return [
        *figures,
        Figure("known ids, 10M added and looked up", known_ids(100_000 if quick else 10_000_000), 10, " s"),
    ]


if __name__ == "__main__":
    run(main)
