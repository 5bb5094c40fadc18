"""Label-free estimates (CBPE) beside NannyML on the same rows, one core, in one run.

NannyML lives in a virtual environment of its own (`.venv-nannyml`, made by `make bench-nannyml`), and is left out, said
so, where it is absent; then estimates are compared with the same expectation written out by hand. Both are given the
same calibrated probabilities of 100,000 rows. Budget: equal to 1e-6, at least 10 times as fast.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure, run
from poise.evaluation.accuracy import Accuracy
from poise.evaluation.auc import Auc
from poise.models.curves import fit_isotonic
from poise.monitoring.cbpe import expected_score

Floats = NDArray[np.float64]
HERE, ROOT = Path(__file__).parent, Path(__file__).parents[1]
NANNYML = ROOT / ".venv-nannyml" / "bin" / "python"
ROWS, QUICK_ROWS, REPEATS = 100_000, 20_000, 5
SAME, FASTER = 1e-6, 10.0
METRICS = {"AUC": Auc(), "accuracy": Accuracy()}


def rows(n: int, seed: int) -> tuple[Floats, Floats]:
    """Scores that are not calibrated, and truth, (n,) each."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    p = 1 / (1 + np.exp(-z))
    truth = (rng.random(n) < 1 / (1 + np.exp(0.3 - 1.4 * z))).astype(float)
    return p, truth


def by_hand(p: Floats) -> dict[str, float]:
    """The expectations, pair by pair: as slow as it is plain, on a part of the rows."""
    above = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    pairs = p[:, None] * (1 - p[None, :])
    return {"AUC": float((above * pairs).sum() / pairs.sum()), "accuracy": float(np.maximum(p, 1 - p).mean())}


def ours(reference: tuple[Floats, Floats], now: Floats) -> tuple[float, float]:
    """Seconds to calibrate on the reference, and to estimate both metrics of `now`."""
    began = time.perf_counter()
    curve = fit_isotonic(*reference, np.ones(len(now)))
    assert curve is not None
    between = time.perf_counter()
    p = curve.apply(now)
    for metric in METRICS.values():
        expected_score(metric, p, p)
    return between - began, time.perf_counter() - between


def measure(quick: bool) -> list[Figure]:
    """Differences and ratios of time."""
    n = QUICK_ROWS if quick else ROWS
    reference, (now, truth) = rows(n, 0), rows(n, 1)
    some = now[:2_000]
    hand = by_hand(some)
    worst = max(abs(expected_score(metric, some, some) - hand[name]) for name, metric in METRICS.items())
    figures = [Figure("cbpe: AUC and accuracy against pairs by hand", worst, SAME)]
    taken = np.array([ours(reference, now) for _ in range(REPEATS)])
    fit, estimate = np.median(taken, axis=0)
    figures.append(Figure(f"cbpe: fit + estimate, {n:,} rows", 1000 * float(fit + estimate), None, "ms"))
    if not NANNYML.exists():
        print("NannyML is not there (make bench-nannyml makes its environment): compared by hand alone")
        return figures
    told = nannyml(reference, now, truth)
    p = np.array(told["calibrated"])
    apart = max(abs(expected_score(metric, now, p) - told[name]) for name, metric in METRICS.items())
    return [
        *figures,
        Figure("cbpe: AUC and accuracy against NannyML, same probabilities", apart, SAME),
        Figure("cbpe: fit + estimate against NannyML's", told["seconds"] / float(fit + estimate), FASTER, "x", True),
        Figure("cbpe: estimate against NannyML's", told["estimate"] / float(estimate), None, "x", True),
    ]


def nannyml(reference: tuple[Floats, Floats], now: Floats, truth: Floats) -> dict[str, Any]:
    """What NannyML makes of the same rows, in a process of its environment."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "rows.npz", p=reference[0], y=reference[1], now=now, truth=truth)
        command = [str(NANNYML), str(HERE / "cbpe_nannyml.py"), folder, str(REPEATS)]
        quiet = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=quiet)
        content: dict[str, Any] = json.loads((Path(folder) / "told.json").read_text())
        return content


if __name__ == "__main__":
    run(measure)
