"""NannyML's side of `benchmarks.cbpe`: runs in its own environment and imports nothing of Poise."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import nannyml
import numpy as np
import pandas as pd


def main() -> None:
    """Fit and estimate as often as told; the estimates, the calibrated probabilities, and medians of seconds."""
    folder, repeats = Path(sys.argv[1]), int(sys.argv[2])
    held = np.load(folder / "rows.npz")
    reference = frame(held["p"], held["y"])
    now = frame(held["now"], held["truth"])
    fits, estimates = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        made = nannyml.CBPE(
            problem_type="classification_binary",
            y_pred_proba="p",
            y_pred="said",
            y_true="y",
            metrics=["roc_auc", "accuracy"],
            chunk_number=1,
        )
        made.fit(reference)
        between = time.perf_counter()
        found = made.estimate(now)
        fits.append(between - began)
        estimates.append(time.perf_counter() - between)
    table = found.filter(period="analysis").to_df()
    calibrated = made.calibrator.calibrate(now["p"].to_numpy()) if made.needs_calibration else now["p"].to_numpy()
    told = {
        "AUC": float(table["roc_auc", "value"].iloc[0]),
        "accuracy": float(table["accuracy", "value"].iloc[0]),
        "calibrated": np.asarray(calibrated).tolist(),
        "estimate": float(np.median(estimates)),
        "seconds": float(np.median(np.add(fits, estimates))),
        "version": nannyml.__version__,
    }
    (folder / "told.json").write_text(json.dumps(told))


def frame(p: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Rows as NannyML reads them."""
    return pd.DataFrame({"p": p, "said": (p >= 0.5).astype(int), "y": truth.astype(int)})


if __name__ == "__main__":
    main()
