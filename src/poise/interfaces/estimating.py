"""Off-policy estimates from a log that another system made: a table with actions, their probabilities and rewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from poise.errors import DataError, UsageError, did_you_mean
from poise.evaluation.blocks import Blocks, blocks_of
from poise.evaluation.bootstrap import Interval
from poise.evaluation.foreign_log import ForeignLog
from poise.evaluation.off_policy import LoggedRows
from poise.evaluation.off_policy_estimate import Estimate, estimate

Floats = NDArray[np.float64]

ESTIMATORS = ("ips", "snips", "doubly-robust")
UNIFORM, ALWAYS = "uniform", "always:"
LEAST_BLOCKS = 20
"""Limits that resample fewer blocks than this hold less often than they say."""
PROBABILITY = "probability"
"""The column of a policy's table with its probabilities."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What columns of the table are called. place: where in a list the row stood; time: when; by: rows of one of these
    (a user, say) resemble each other, where there is no time."""

    action: str = "action"
    propensity: str = "propensity"
    reward: str = "reward"
    place: str | None = None
    time: str | None = None
    by: str | None = None

    @property
    def named(self) -> list[str]:
        """All that are to be there."""
        named = (self.action, self.propensity, self.reward, self.place, self.time, self.by)
        return [name for name in named if name is not None]


def estimates(file: Path, target: str, columns: Columns) -> dict[str, Any]:
    """What another policy would have come to per row of a logged table, by every estimator that can tell, for JSON.

    file: CSV or Parquet, one row per action that was taken. target: a column with the probability that the other
    policy would have taken the action of the row; or `uniform`; or `always:ACTION`; or the file of a table of its own,
    with the columns of action (and place) and `probability`. Raises `UsageError` for what is not there, `DataError` for
    values that cannot be.
    """
    table = _read(file)
    for name in columns.named:
        _must_have(table, name, file)
    log, kept, left_out = _log(table, columns)
    rows = _target(log, kept, target, columns, file)
    now = log.logged()
    made = [estimate(name, rows, now) for name in ESTIMATORS if name != "doubly-robust" or rows.model is not None]
    mean = estimate("ips", now, now).value
    unit = "row" if log.blocks.unit == "run" else log.blocks.unit
    return {
        "rows": log.count,
        "left_out": left_out,
        "actions": len(log.actions),
        "target": target,
        "logged": _limits(mean),
        "blocks": {"count": log.blocks.count, "by": unit},
        "estimates": [_told(one, mean.value) for one in made],
        "refused": next((one.refused for one in made if one.refused), None),
        "warnings": [
            *log.wrong_propensities(),
            *_few_blocks(log.blocks, unit),
            *dict.fromkeys(said for one in made for said in one.warnings),
        ],
    }


def _few_blocks(blocks: Blocks, unit: str) -> list[str]:
    if blocks.count >= LEAST_BLOCKS:
        return []
    return [f"limits are by {blocks.count} blocks ({unit}) alone, and by fewer than {LEAST_BLOCKS} they are too narrow"]


def _read(file: Path) -> pl.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pl.read_parquet(file)
        return pl.read_csv(file, infer_schema_length=10_000)
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file} cannot be read: {error}", hint="a CSV with a line of names, or Parquet") from None


def _must_have(table: pl.DataFrame, name: str, file: Path) -> None:
    if name not in table.columns:
        hint = did_you_mean(name, table.columns) or f"it has {', '.join(table.columns[:20])}"
        raise UsageError(f"{file} has no column '{name}'", hint=hint)


def _log(table: pl.DataFrame, columns: Columns) -> tuple[ForeignLog, pl.DataFrame, dict[str, int]]:
    """The log, its rows in the order of time, and how many were left out by what was missing."""
    needed = [columns.action, columns.propensity, columns.reward, *filter(None, [columns.place])]
    numbers = [columns.propensity, columns.reward]
    try:
        table = table.with_columns(pl.col(numbers).cast(pl.Float64))
        time = None if columns.time is None else _times(table, columns.time)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"propensities, rewards and times must be such: {error}") from None
    if time is not None:
        table = table.with_columns(time.alias(" time")).sort(" time", nulls_last=True, maintain_order=True)
    left_out = {}
    for name in [*needed, *([" time"] if time is not None else [])]:
        gone = table[name].is_null() | (table[name].is_nan() if name in numbers else False)
        if gone.any():
            left_out[f"{columns.time if name == ' time' else name} is missing"] = int(gone.sum())
            table = table.filter(~gone)
    if not table.height:
        raise DataError("no row has an action, a propensity and a reward")
    names, taken = _coded(table[columns.action])
    place = np.zeros(table.height, np.int64) if columns.place is None else _coded(table[columns.place])[1]
    chance = table[columns.propensity].to_numpy()
    log = ForeignLog(names, taken, chance, table[columns.reward].to_numpy(), place, _blocks(table, columns))
    return log, table, left_out


def _times(table: pl.DataFrame, name: str) -> pl.Series:
    """Microseconds; numbers are taken for whole ones of whatever unit, as only their order and evenness count."""
    column = table[name]
    if column.dtype == pl.String:
        column = column.str.to_datetime(time_unit="us", time_zone="UTC")
    if column.dtype.is_temporal():
        return column.cast(pl.Datetime("us", "UTC")).dt.timestamp("us") if column.dtype != pl.Date else _days(column)
    return column.cast(pl.Int64)


def _days(column: pl.Series) -> pl.Series:
    return column.cast(pl.Datetime("us")).dt.timestamp("us")


def _coded(column: pl.Series) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Its different values as text, sorted, and which each row has."""
    levels = column.unique().sort()
    codes = column.rank("dense").cast(pl.Int64).to_numpy() - 1
    return tuple(str(one) for one in levels.to_list()), codes


def _blocks(table: pl.DataFrame, columns: Columns) -> Blocks:
    if columns.time is not None:
        return blocks_of(table[" time"].to_numpy().astype(np.int64))
    nothing = np.full(table.height, -(2**63), np.int64)
    return blocks_of(
        nothing, None if columns.by is None else _coded(table[columns.by].cast(pl.String).fill_null(""))[1]
    )


def _target(log: ForeignLog, table: pl.DataFrame, target: str, columns: Columns, file: Path) -> LoggedRows:
    if target == UNIFORM:
        return log.under(log.uniform())
    if target.startswith(ALWAYS):
        action = target.removeprefix(ALWAYS)
        if action not in log.actions:
            hint = did_you_mean(action, log.actions)
            raise UsageError(f"the action '{action}' was never taken in {file}", hint=hint)
        return log.under(log.always(action))
    if target in table.columns:
        chance = table[target].cast(pl.Float64, strict=False).to_numpy()
        if not np.isfinite(chance).all():
            raise DataError(f"'{target}' is not a number in {int((~np.isfinite(chance)).sum()):,} rows")
        return log.by_row(chance)
    if Path(target).is_file():
        return log.under(_policy(log, table, Path(target), columns))
    raise UsageError(
        f"'{target}' is no column of {file} and no file",
        hint=f"allowed: a column, a file with {columns.action} and {PROBABILITY}, {UNIFORM}, or {ALWAYS}ACTION",
    )


def _policy(log: ForeignLog, table: pl.DataFrame, file: Path, columns: Columns) -> Floats:
    """A policy's table as (places, actions). Actions that were never taken count for what was never tried."""
    policy = _read(file)
    keys = [columns.action, *([columns.place] if columns.place else [])]
    for name in (*keys, PROBABILITY):
        _must_have(policy, name, file)
    chances = policy[PROBABILITY].cast(pl.Float64, strict=False)
    if not chances.fill_null(np.nan).is_finite().all():
        raise DataError(f"'{PROBABILITY}' is not a number in some row of {file}")
    policy = policy.with_columns(chances)
    places = [None] if columns.place is None else table[columns.place].unique().sort().to_list()
    out = np.zeros((len(places), len(log.actions)))
    number = {name: at for at, name in enumerate(log.actions)}
    for row in policy.iter_rows(named=True):
        place = None if columns.place is None else row[columns.place]
        if str(row[columns.action]) in number and place in places:
            out[places.index(place), number[str(row[columns.action])]] += float(row[PROBABILITY])
    sums = policy.group_by(keys[1:]).agg(pl.col(PROBABILITY).sum()) if keys[1:] else policy.select(pl.sum(PROBABILITY))
    if ((sums[PROBABILITY] - 1).abs() > 1e-3).any() or (policy[PROBABILITY] < 0).any():
        raise DataError(f"the probabilities of {file} do not add up to 1{' at each place' if keys[1:] else ''}")
    return out


def _told(made: Estimate, mean: float) -> dict[str, Any]:
    gain = _limits(made.gain)
    share = {name: value / abs(mean) if mean and value is not None else None for name, value in gain.items()}
    return {
        "estimator": made.estimator,
        "value": _limits(made.value),
        "gain": {**gain, "share": share},
        "effective": round(made.effective, 1),
        "covered": round(made.covered, 4),
        "refused": made.refused,
    }


def _limits(interval: Interval) -> dict[str, float | None]:
    ends: Mapping[str, float] = {name: getattr(interval, name) for name in ("value", "low", "high")}
    return {name: value if np.isfinite(value) else None for name, value in ends.items()}
