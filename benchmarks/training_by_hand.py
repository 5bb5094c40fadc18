"""The flights example as a competent engineer would write it once: Polars, LightGBM and scikit-learn, without Poise.

It reads the same lake tables, computes the same features as of T = two hours before departure, fits the same rungs
(constant, the best single feature, linear, trees with default and guarded settings) on the same parts of time, refits
on fit + tune, compares at one earlier origin, calibrates and scores. No intervals, no report, no gates.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from itertools import pairwise
from typing import Any

import lightgbm
import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler, TargetEncoder

CATEGORIES = ["carrier", "origin", "dest", "manufacturer", "model"]
MANY = ["dest", "model"]  # more than 50 levels: trees read statistics of the target
WINDOWS = [
    ("departures", "origin", "1h", ["count", "dep_delay"]),
    ("departures", "origin", "3h", ["count", "dep_delay"]),
    ("departures", "carrier", "3h", ["dep_delay"]),
    ("arrivals", "carrier", "6h", ["arr_delay", "was_late"]),
    ("arrivals", "carrier", "7d", ["arr_delay", "was_late"]),
    ("arrivals", "origin", "3h", ["arr_delay", "failed"]),
    ("arrivals", "origin", "1d", ["arr_delay", "failed"]),
    ("arrivals", "dest", "6h", ["arr_delay", "was_late"]),
    ("arrivals", "dest", "7d", ["arr_delay", "was_late"]),
    ("arrivals", "tailnum", "12h", ["arr_delay"]),
    ("arrivals", "tailnum", "7d", ["arr_delay"]),
]
SETTINGS = [
    {"learning_rate": 0.1, "num_leaves": 31, "most": 1_000},
    {"learning_rate": 0.05, "num_leaves": 15, "feature_fraction": 0.6, "cat_smooth": 100.0, "cat_l2": 50.0,
     "min_data_per_group": 200, "most": 2_000},
]  # fmt: skip
PLACE = "America/New_York"


def read(lake: str, source: str, *columns: str) -> pl.DataFrame:
    """Some columns of a table of the lake."""
    return pl.scan_delta(f"{lake}/accepted/{source}").select(columns).collect()


def window(frame: pl.DataFrame, rows: pl.DataFrame, key: str, over: str, take: list[str]) -> pl.DataFrame:
    """Counts and means of [T - over, T) from cumulative sums, found by two as-of joins."""
    values = [c for c in take if c != "count"]
    sums = rows.sort("time").select(
        key,
        "time",
        pl.int_range(1, pl.len() + 1).over(key).alias("rows"),
        *(pl.col(c).cast(float).fill_null(0).cum_sum().over(key).alias(f"{c}_sum") for c in values),
        *(pl.col(c).is_not_null().cast(int).cum_sum().over(key).alias(f"{c}_n") for c in values),
    )
    tile = "5m" if over.endswith("h") else "1h"
    asked = frame.select("row", key, "T", edge=pl.col("T").dt.offset_by(f"-{over}").dt.truncate(tile))
    options: dict[str, Any] = {"right_on": "time", "by": key, "allow_exact_matches": False, "check_sortedness": False}
    new = asked.sort("T").join_asof(sums, left_on="T", **options).sort("row")
    old = asked.sort("edge").join_asof(sums, left_on="edge", **options).sort("row")
    out = {}
    if "count" in take:
        out[f"count_{over}_{key}"] = new["rows"] - old["rows"].fill_null(0)
    for c in values:
        n, total = (new[f"{c}_{what}"] - old[f"{c}_{what}"].fill_null(0) for what in ("n", "sum"))
        out[f"{c}_{over}_{key}"] = pl.select(pl.when(n > 0).then(total / n)).to_series()
    return pl.DataFrame(out)


def features(lake: str, every: int) -> pl.DataFrame:
    """One row per flight with a mature label, in the order of T."""
    names = ["flight_id", "carrier", "tailnum", "origin", "dest", "distance", "departs", "arrives"]
    frame = read(lake, "schedule", *names).gather_every(every)
    arrivals = read(lake, "arrivals", "flight_id", "_time", *names[1:5], "arr_delay", "was_late", "failed")
    arrivals = arrivals.rename({"_time": "time"})
    departures = read(lake, "departures", "_time", "carrier", "origin", "dep_delay").rename({"_time": "time"})
    label = arrivals.select("flight_id", landed="time", y="arr_delay")
    frame = frame.with_columns(T=pl.col("departs").dt.offset_by("-2h")).join(label, on="flight_id", how="left")
    inside = pl.col("landed").is_between(pl.col("T"), pl.col("T").dt.offset_by("2d"))
    mature = pl.col("T").dt.offset_by("2d") <= arrivals["time"].max()
    frame = frame.filter(inside & mature & pl.col("y").is_not_null()).sort("T").with_row_index("row")
    weather = read(lake, "weather", "origin", "_time", "temp", "humid", "wind_speed", "wind_gust", "precip",
                   "pressure", "visib").sort("_time")  # fmt: skip
    frame = frame.join_asof(
        weather, left_on="T", right_on="_time", by="origin", allow_exact_matches=False, check_sortedness=False
    )
    planes = read(lake, "planes", "tailnum", "year", "manufacturer", "model", "seats")
    frame = frame.join(planes, on="tailnum", how="left", maintain_order="left")
    tables = {"departures": departures, "arrivals": arrivals}
    parts = [window(frame, tables[source], key, over, take) for source, key, over, take in WINDOWS]
    last = arrivals.drop_nulls("arr_delay").sort("time").select("tailnum", seen="time", last="arr_delay")
    found = frame.select("tailnum", "T").join_asof(
        last, left_on="T", right_on="seen", by="tailnum", allow_exact_matches=False, check_sortedness=False
    )
    ago = found["T"] - found["seen"]
    for hours in (12, 7 * 24):
        recent = pl.select(pl.when(ago <= pl.duration(hours=hours)).then(found["last"]))
        parts.append(recent.to_series().alias(f"last_{hours}").to_frame())
    frame = pl.concat([frame, *parts], how="horizontal")
    return frame.with_columns(
        weekday=pl.col("T").dt.convert_time_zone(PLACE).dt.weekday(),
        leaves_at=pl.col("departs").dt.convert_time_zone(PLACE).dt.hour(),
        scheduled_minutes=(pl.col("arrives") - pl.col("departs")).dt.total_minutes(),
    ).drop("row", "flight_id", "tailnum", "departs", "arrives", "seen", "landed", strict=False)


def parts(frame: pl.DataFrame) -> list[np.ndarray]:
    """fit, tune, calibrate and judge: 60, 15, 10 and 15 % in time, each without labels of the two days at its end."""
    t = frame["T"].to_numpy()
    cuts = [0, *(int(q * len(t)) for q in (0.6, 0.75, 0.85)), len(t)]
    found = [np.arange(a, b) for a, b in pairwise(cuts)]
    late = [t[rows] + np.timedelta64(2, "D") for rows in found]
    border = [t[cut] for cut in cuts[1:-1]]
    return [rows[known < stop] for rows, known, stop in zip(found[:-1], late[:-1], border, strict=True)] + [found[-1]]


def loss(binary: bool, y: np.ndarray, p: np.ndarray) -> float:
    """What settings are chosen by."""
    return float(log_loss(y, p) if binary else mean_squared_error(y, p))


def linear(X: pl.DataFrame, y: np.ndarray, binary: bool, strengths: list[float], held: Any) -> tuple[Any, float]:
    """The best strength on `held`; numbers scaled and binned, levels one-hot."""
    numbers = [c for c in X.columns if c not in CATEGORIES]
    bins = KBinsDiscretizer(10, strategy="quantile", quantile_method="averaged_inverted_cdf")
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer([
        ("numbers", scaled, numbers),
        ("bins", make_pipeline(SimpleImputer(strategy="median"), bins), numbers),
        ("levels", OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"), CATEGORIES),
    ])  # fmt: skip
    rows = columns.fit_transform(X)
    best, model, C = np.inf, None, strengths[0]
    for strength in strengths:
        tried = LogisticRegression(C=strength, max_iter=300, tol=1e-3) if binary else Ridge(1 / strength, solver="lsqr")
        tried.fit(rows, y)
        made = Pipeline([("columns", columns), ("model", tried)])
        score = loss(binary, held[1], predict(made, held[0], binary)) if held is not None else 0.0
        if score < best:
            best, model, C = score, made, strength
    return model, C


def matrix(X: pl.DataFrame, levels: dict[str, Any], statistics: TargetEncoder | None, given: Any = None) -> np.ndarray:
    """Numbers, category codes, and statistics of the target for many levels."""
    few = [c for c in CATEGORIES if c not in MANY]
    numbers = X.drop(CATEGORIES).cast(float).to_numpy()
    codes = [X[c].cast(pl.Enum(levels[c]), strict=False).to_physical().cast(float).to_numpy() for c in few]
    many = given if given is not None else statistics.transform(X[MANY].fill_null(""))  # type: ignore[union-attr]
    return np.column_stack([numbers, *codes, many])


class Trees:
    """LightGBM with its columns."""

    def __init__(self, X: pl.DataFrame, y: np.ndarray, binary: bool) -> None:
        self.levels = {c: X[c].drop_nulls().unique().sort().to_list() for c in CATEGORIES}
        self.statistics = TargetEncoder(target_type="binary" if binary else "continuous", random_state=0)
        given = self.statistics.fit_transform(X[MANY].fill_null(""), y)
        self.X, self.binary = matrix(X, self.levels, None, given), binary
        width = self.X.shape[1]
        codes = list(range(width - len(MANY) - 3, width - len(MANY)))
        options = {"verbosity": -1, "feature_pre_filter": False}
        self.data = lightgbm.Dataset(self.X, y, categorical_feature=codes, params=options)
        self.booster: Any = None

    def grow(self, settings: dict[str, Any], rounds: int | None, held: Any) -> tuple[float, int]:
        """Train with early stopping on `held`, or so many rounds; the loss there and the rounds."""
        rest = {k: v for k, v in settings.items() if k != "most"}
        params = {"objective": "binary" if self.binary else "regression", "verbosity": -1, "deterministic": True,
                  "force_row_wise": True, "num_threads": 2, **rest}  # fmt: skip
        if held is None:
            self.booster = lightgbm.train(params, self.data, rounds)
            return 0.0, rounds or 0
        watch = lightgbm.Dataset(matrix(held[0], self.levels, self.statistics), held[1], reference=self.data)
        stop = lightgbm.early_stopping(50, verbose=False)
        self.booster = lightgbm.train(params, self.data, settings["most"], valid_sets=[watch], callbacks=[stop])
        (score,) = self.booster.best_score["valid_0"].values()
        return score, self.booster.best_iteration

    def predict(self, X: pl.DataFrame) -> np.ndarray:
        """Probabilities or values."""
        return np.asarray(self.booster.predict(matrix(X, self.levels, self.statistics)))


def predict(model: Any, X: pl.DataFrame, binary: bool) -> np.ndarray:
    """Probabilities or values of any rung."""
    return np.asarray(model.predict_proba(X)[:, 1] if binary and hasattr(model, "predict_proba") else model.predict(X))


def rule(X: pl.DataFrame, y: np.ndarray, held: tuple[pl.DataFrame, np.ndarray], binary: bool) -> str:
    """The single feature whose table of means predicts `held` best."""
    best, name, target = np.inf, "", pl.Series("y", y)
    for c in X.columns:
        key, later = X[c], held[0][c]
        if c not in CATEGORIES:
            edges = np.unique(key.drop_nulls().cast(float).quantile(np.linspace(0.05, 0.95, 19).tolist()))
            key, later = (pl.Series(np.searchsorted(edges, s.cast(float).fill_null(np.nan))) for s in (key, later))
        table = pl.DataFrame({"k": key, "y": target}).group_by("k").agg(pl.col("y").mean())
        p = pl.DataFrame({"k": later}).join(table, on="k", how="left", maintain_order="left")["y"].fill_null(y.mean())
        score = loss(binary, held[1], np.clip(p.to_numpy(), 1e-6, 1 - 1e-6) if binary else p.to_numpy())
        best, name = (score, c) if score < best else (best, name)
    return name


def learn(X: pl.DataFrame, y: np.ndarray, rows: list[np.ndarray], binary: bool) -> dict[str, float]:
    """Every rung on fit and tune, refitted on both, compared, calibrated and judged."""
    fit, tune, calibrate, judge = rows
    both, held = np.concatenate([fit, tune]), (X[tune], y[tune])
    rule(X[fit], y[fit], held, binary)
    model, C = linear(X[fit], y[fit], binary, [0.1, 1.0], held)
    trees, grown = Trees(X[fit], y[fit], binary), []
    for settings in SETTINGS:
        score, rounds = trees.grow(settings, None, held)
        grown.append((score, rounds, settings))
    _, rounds, settings = min(grown, key=lambda one: one[0])
    model, _ = linear(X[both], y[both], binary, [C], None)
    trees = Trees(X[both], y[both], binary)
    trees.grow(settings, rounds, None)
    cut = int(0.8 * len(fit))  # the earlier origin: learned on fit, compared on tune
    earlier, _ = linear(X[fit[:cut]], y[fit[:cut]], binary, [C], None)
    origin = Trees(X[fit[:cut]], y[fit[:cut]], binary)
    origin.grow(settings, None, (X[fit[cut:]], y[fit[cut:]]))
    later = y[np.concatenate([tune, calibrate])]
    of_linear = [predict(one, X[part], binary) for one, part in ((earlier, tune), (model, calibrate))]
    of_trees = [one.predict(X[part]) for one, part in ((origin, tune), (trees, calibrate))]
    scores = {"linear": loss(binary, later, np.concatenate(of_linear)),
              "trees": loss(binary, later, np.concatenate(of_trees))}  # fmt: skip
    better = scores["trees"] < scores["linear"]
    raw, p = (of_trees[1], trees.predict(X[judge])) if better else (of_linear[1], predict(model, X[judge], binary))
    if binary:
        p = np.clip(IsotonicRegression(out_of_bounds="clip").fit(raw, y[calibrate]).predict(p), 1e-4, 1 - 1e-4)
        return {**scores, "judge": loss(binary, y[judge], p), "auc": float(roc_auc_score(y[judge], p))}
    p = LinearRegression().fit(raw[:, None], y[calibrate]).predict(p[:, None])
    return {**scores, "judge": loss(binary, y[judge], p) ** 0.5, "constant": float(y[judge].std())}


def main(lake: str, every: int) -> dict[str, Any]:
    """Both objectives; seconds by stage."""
    started = time.perf_counter()
    frame = features(lake, every)
    seconds = {"read, features, labels": time.perf_counter() - started}
    rows, y = parts(frame), frame["y"].to_numpy()
    X = frame.drop("y", "T")
    bad = [c for c in X.columns if X[c].dtype == pl.String and c not in CATEGORIES]
    assert not bad, bad
    scores = {}
    for name, target, binary in (("late", (y > 15).astype(float), True), ("delay", np.clip(y, -60, 400), False)):
        since = time.perf_counter()
        scores[name] = learn(X, target, rows, binary)
        seconds[name] = time.perf_counter() - since
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"stages": seconds, "scores": scores, "peak": peak, "columns": X.width, "rows": X.height}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
