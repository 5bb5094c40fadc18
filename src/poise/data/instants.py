"""Instants: columns of declared type `time`, whatever they came as, in UTC microseconds.

Taken: Parquet's and Delta's timestamps and dates; strings in ISO 8601 (`2013-03-01`, `2013-03-01 05:17`,
`2013-03-01T05:17:00.5`, with `Z` or an offset such as `+08:00`), or in the column's own `format` (strptime), where
whole numbers are read as their digits (`20130301` with `%Y%m%d`). Naive values stand in the column's zone; a local time
that the zone's clocks skipped or showed twice becomes null and is reported as such. A date alone is its midnight.
"""

from __future__ import annotations

import polars as pl

UTC = pl.Datetime("us", "UTC")
ZONED = r"([zZ]|[+-]\d{2}:?\d{2})$"
FULL = "%Y-%m-%dT%H:%M:%S%.f"


def instants(raw: pl.Expr, came: pl.DataType, format: str | None, zone: str) -> tuple[pl.Expr | None, pl.Expr | None]:
    """`raw` as instants, and where a naive local time was skipped or shown twice (None where none can be).

    The first part is None where the column holds UTC microseconds already.
    """
    if came == UTC:
        return None, None
    if isinstance(came, pl.Datetime):
        if came.time_zone is not None:
            return raw.cast(pl.Datetime("us", came.time_zone)).dt.convert_time_zone("UTC"), None
        return _localised(raw.cast(pl.Datetime("us")), zone)
    if came == pl.Date:
        return _localised(raw.cast(pl.Datetime("us")), zone)
    if came.is_integer() and format is not None:
        raw, came = raw.cast(pl.String), pl.String()
    if came not in (pl.String, pl.Categorical, pl.Enum):
        return pl.lit(None, UTC), None
    if format is not None:
        return _formatted(raw, format, zone)
    return _iso(raw, zone)


def _localised(naive: pl.Expr, zone: str) -> tuple[pl.Expr, pl.Expr | None]:
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC"), None
    local = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    return local, naive.is_not_null() & local.is_null()


def _formatted(raw: pl.Expr, format: str, zone: str) -> tuple[pl.Expr, pl.Expr | None]:
    text = raw.str.strip_chars()
    if "%s" in format:  # seconds since 1970 say no local time: they are the same instant in every zone
        return text.str.to_datetime(format, time_unit="us", strict=False).dt.replace_time_zone("UTC"), None
    if "%z" in format or "%:z" in format or "%#z" in format:
        return text.str.to_datetime(format, time_unit="us", time_zone="UTC", strict=False), None
    timed = any(part in format for part in ("%H", "%I", "%T", "%R", "%X", "%c", "%k", "%l"))
    if timed:
        return _localised(text.str.to_datetime(format, time_unit="us", strict=False), zone)
    return _localised(text.str.to_date(format, strict=False).cast(pl.Datetime("us")), zone)


def _iso(raw: pl.Expr, zone: str) -> tuple[pl.Expr, pl.Expr | None]:
    """ISO 8601, each value by itself: one column may hold several of its forms."""
    text = raw.str.strip_chars()
    text = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[ t]", "${1}T").str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
    text = text.str.replace(r"^([\d-]+T\d{2}:\d{2})([zZ]|[+-]\d{2}:?\d{2})?$", "${1}:00${2}")
    zoned = text.str.contains(ZONED)
    spelt = pl.when(zoned).then(text.str.replace(r"[zZ]$", "+00:00"))
    offset = spelt.str.to_datetime(FULL + "%#z", time_unit="us", time_zone="UTC", strict=False)
    naive = pl.when(~zoned).then(text).str.to_datetime(FULL, time_unit="us", strict=False)
    local, gone = _localised(naive, zone)
    return pl.coalesce(offset, local), gone
