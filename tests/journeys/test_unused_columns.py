"""What callers send is what the file says, whatever the models came to read: an answer never depends on a rung."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from poise.clock import Clock
from poise.serving.answer import Answerer
from poise.serving.loaded import Loaded
from poise.stores.memory import MemoryStore
from tests.journeys.conftest import Write


def test_a_constant_answers_rows_as_the_file_describes_them(write: Write, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = pl.DataFrame({"x": rng.normal(size=400), "hit": rng.random(400) < 0.3})
    system = write(
        """
format: 1
system: dice
purpose: See that nothing can be foreseen.
sources:
  throws: {path: throws.csv, columns: {x: float, hit: bool}, request: [x]}
features:
  - columns: {from: throws, take: [x]}
objectives:
  hit: {type: binary, per: throws, label: {take: hit}, rungs: [constant]}
""",
        throws=noise,
    )
    system.ingest()
    loaded = Loaded.of(system.train().folder)
    store = MemoryStore()
    store.declare(loaded.declarations)
    answerer = Answerer(loaded, store, Clock())
    answerer.rehearse()
    with_it, without = (
        json.loads(answerer.predict(json.dumps({"rows": [row]}).encode()).body)["predictions"][0]
        for row in ({"x": 0.5}, {})
    )
    assert with_it == without and 0.2 < with_it["hit"] < 0.4
    (one,) = loaded.contract.inputs
    assert (one.name, one.required, one.used) == ("x", False, False)
