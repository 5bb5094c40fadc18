"""A market with shocks that is updated day by day, each promotion held against the truth that the simulation knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from benchmarks.shocks import DAY, START, Shocks

from poise.interfaces.system import System
from poise.models.predictor import Predictor
from poise.table import Column, Table


@dataclass
class Lived:
    """What became of all looks: promotions as (day, what the new release gains by the truth), and all outcomes."""

    promotions: list[tuple[int, float]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        """Candidates that were compared with a live release."""
        return sum(one in ("kept", "promoted", "refused") for one in self.outcomes)

    @property
    def worse(self) -> int:
        """Promotions that the truth says were worse."""
        return sum(gain < 0 for _, gain in self.promotions)


def live(shocks: Shocks, folder: Path, first: int, step: int) -> Lived:
    """The market from the day `first` on, looked at every `step` days."""
    rows = shocks.rows()
    folder.mkdir(exist_ok=True)
    (folder / "poise.yaml").write_text(shocks.text(), encoding="utf-8")
    found = Lived()
    for day in range(first, shocks.days + 1, step):
        shocks.write(rows, folder, START + day * DAY)
        system = System.read(folder / "poise.yaml")
        before = system.live_folder()
        made = system.update()
        found.outcomes.append(made.outcome)
        after = system.live_folder()
        if before is not None and after is not None and after.name != before.name:
            lately = rows.filter((pl.col("time") >= START + (day - step) * DAY) & (pl.col("time") < START + day * DAY))
            old, new = (expected(Predictor.load(one.model("order")), lately) for one in (before, after))
            found.promotions.append((day, old - new))
        system.state.close()
    return found


def expected(predictor: Predictor, rows: pl.DataFrame) -> float:
    """The log loss that a model has on average, by the true probabilities and not by what happened to be ordered."""
    cities = Column.strings(rows["city"].to_list())
    table = {f"offers_{name}": Column.numbers(rows[name].to_numpy()) for name in "abcd"} | {"offers_city": cities}
    predicted = np.clip(predictor.predict(Table(table)), 1e-12, 1 - 1e-12)
    true = rows["p"].to_numpy()
    return float(-(true * np.log(predicted) + (1 - true) * np.log1p(-predicted)).mean())
