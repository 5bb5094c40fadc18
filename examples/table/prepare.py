"""Writes `data/customers.csv`: 6,000 simulated customers of a subscription, one row each, some of whom left.

Put a table of your own in its place: then this file is not needed any more.
"""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

HERE = Path(__file__).parent
CUSTOMERS = 6_000
PLANS = {"basic": 12.0, "plus": 22.0, "family": 34.0}
MISTYPED = 3  # rows with a fee that cannot be, as real tables have them


def customer(number: int, chance: random.Random) -> dict[str, object]:
    """One customer: what is known today, and whether the subscription was cancelled in the month after."""
    plan = chance.choices(list(PLANS), weights=[5, 3, 2])[0]
    paid = chance.choices(["card", "transfer", "voucher"], weights=[6, 3, 1])[0]
    months = 1 + int(chance.expovariate(1 / 20))
    used = max(0.0, chance.gauss(14 if plan == "family" else 9, 6))
    tickets = sum(chance.random() < 0.12 for _ in range(6))
    leaning = -1.1 - 0.035 * months - 0.13 * (used - 9) + 0.8 * tickets + 0.9 * (paid == "voucher")
    leaning += 0.7 * (used < 2 and plan != "basic")
    return {
        "customer_id": f"c{number:05d}",
        "plan": plan,
        "monthly_fee": PLANS[plan] if number % (CUSTOMERS // MISTYPED) else -1,
        "paid_by": paid,
        "months": months,
        "hours_used": round(used, 1) if chance.random() < 0.97 else "",
        "tickets": tickets,
        "churned": chance.random() < 1 / (1 + math.exp(-leaning)),
    }


def main() -> None:
    """Write the table unless it is there."""
    path = HERE / "data" / "customers.csv"
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    chance = random.Random(7)
    rows = [customer(number, chance) for number in range(CUSTOMERS)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
