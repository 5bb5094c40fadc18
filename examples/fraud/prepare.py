"""Writes `data/payments.csv` and `data/chargebacks.csv`: five simulated months of payments.

Nothing here is real. It is simulated since no public data say what was *done* about a payment, and by what chance: a
blocked payment has no chargeback, whatever it was. Here a rule of the fraud team blocked large payments from abroad,
but let one in ten of them through by chance, so that what it blocks can be known.
"""

from __future__ import annotations

import csv
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
DAYS, A_DAY, CUSTOMERS = 150, 160, 2_000
LARGE, LET_THROUGH = 250.0, 0.1
"""What the rule of the fraud team blocks: so much from abroad, but for this share of it."""
START = datetime(2026, 1, 5, tzinfo=UTC)
MERCHANTS = {"groceries": -0.8, "travel": 0.1, "electronics": 0.9, "gift cards": 1.6}
"""What is bought -> how much more likely that makes fraud, in log odds."""


def hour(chance: random.Random) -> float:
    """Most pay in the evening, few at night."""
    return chance.triangular(0, 24, 18)


def payment(number: int, day: int, chance: random.Random) -> dict[str, object]:
    """One payment, with its truth: `fraud`."""
    when = START + timedelta(days=day, hours=hour(chance), seconds=chance.randrange(60))
    abroad, new_device = chance.random() < 0.12, chance.random() < 0.1
    merchant = chance.choices(list(MERCHANTS), weights=[6, 2, 2, 1])[0]
    amount = round(math.exp(chance.gauss(3.6, 1.0)) * (2.5 if merchant in ("travel", "electronics") else 1), 2)
    leaning = -5.6 + 1.6 * abroad + 1.7 * new_device + MERCHANTS[merchant] + 0.5 * math.log(max(amount, 5) / 40)
    leaning += 0.8 * (when.hour < 6)
    return {
        "payment": f"p{number:06d}",
        "paid_at": when.isoformat(),
        "customer": f"c{chance.randrange(CUSTOMERS):04d}",
        "amount": min(amount, 5_000.0),
        "country": "abroad" if abroad else "home",
        "merchant": merchant,
        "new_device": new_device,
        "fraud": chance.random() < 1 / (1 + math.exp(-leaning)),
    }


def done(row: dict[str, object], chance: random.Random) -> tuple[str, float]:
    """What the team's rule did, and by what chance a payment like this one was let through."""
    suspicious = row["country"] == "abroad" and float(str(row["amount"])) > LARGE
    shown = LET_THROUGH if suspicious else 1.0
    return ("allow" if chance.random() < shown else "block"), shown


def payments() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Payments in the order of time, without their truth; chargebacks, of fraud that was let through."""
    chance = random.Random(11)
    rows = [payment(n, n // A_DAY, chance) for n in range(DAYS * A_DAY)]
    rows.sort(key=lambda row: str(row["paid_at"]))
    chargebacks = []
    for row in rows:
        fraud = row.pop("fraud")
        row["done"], row["shown"] = done(row, chance)
        if fraud and row["done"] == "allow":
            told = datetime.fromisoformat(str(row["paid_at"])) + timedelta(days=min(chance.expovariate(1 / 1.5), 4.8))
            one = {"chargeback": f"b{len(chargebacks):04d}", "payment": row["payment"], "reported_at": told.isoformat()}
            chargebacks.append(one)
    return rows, chargebacks


def write(name: str, rows: list[dict[str, object]]) -> None:
    """One table."""
    with (HERE / "data" / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write both unless they are there."""
    if (HERE / "data" / "chargebacks.csv").exists():
        return
    (HERE / "data").mkdir(exist_ok=True)
    rows, chargebacks = payments()
    write("payments.csv", rows)
    write("chargebacks.csv", chargebacks)


if __name__ == "__main__":
    main()
