"""Writes `data/visits.csv`: 1,070 purchases of orange juice in five stores, with both brands' prices, week by week.

The data are `OJ` of the package ISLP 0.6.0 (BSD licence, see DATA-LICENSE), from which `oj.csv` here is taken: who
bought Citrus Hill (CH), who Minute Maid (MM), and at what prices. Two things are added: a time, as the data only count
weeks, and what a carton costs the store, which nobody tells: 1.30 is assumed.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
FIRST = datetime(1986, 1, 6, tzinfo=UTC)
"""A Monday; which year week 0 was in does not matter here."""
COST = 1.30


def visit(number: int, row: dict[str, str]) -> dict[str, object]:
    """One purchase, from the store's point of view."""
    return {
        "visit": f"v{number:04d}",
        "at": (FIRST + timedelta(weeks=int(row["WeekofPurchase"]))).isoformat(),
        "store": f"store {row['StoreID']}",
        "price": round(float(row["PriceCH"]) - float(row["DiscCH"]), 2),
        "cost": COST,
        "other_price": row["SalePriceMM"],
        "other_special": bool(int(row["SpecialMM"])),
        "loyalty": row["LoyalCH"],
        "sold": row["Purchase"] == "CH",
    }


def main() -> None:
    """Write the table unless it is there."""
    path = HERE / "data" / "visits.csv"
    if path.exists():
        return
    with (HERE / "oj.csv").open(encoding="utf-8") as file:
        rows = [visit(number, row) for number, row in enumerate(csv.DictReader(file))]
    rows.sort(key=lambda row: str(row["at"]))
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
