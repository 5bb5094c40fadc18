"""An action that hides what came of a row: they are counted, and others learned from as if none were."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from poise.data import delta
from poise.errors import PoiseError
from poise.interfaces.system import System
from poise.models.predictor import Predictor
from poise.table import Column, Table
from tests.journeys.conftest import Write

SYSTEM = """
format: 1
system: payments
purpose: Stop fraud without stopping customers.
sources:
  payments:
    path: payments.csv
    id: payment
    columns: {payment: string, x: float, amount: float, done: category, chance: float, fraud: bool}
    request: [payment, x, amount]
features:
  - columns: {from: payments, take: [x]}
objectives:
  fraud: {type: binary, per: payments, label: {take: fraud}, rungs: [constant]}
decision:
  per: payments
  choose: [allow, review, block]
  terms: {cost: {unit: USD, allow: -fraud * amount, review: -4 - 0.1 * fraud * amount, block: -(1 - fraud) * 30}}
  censors: {fraud: [block]}
"""
N = 6000


def payments(*, unseen: float = 0.0) -> tuple[pl.DataFrame, float]:
    """Fraud grows with x; above 0.8 nine of ten are blocked, by chance. unseen: above this x all are. The true rate."""
    rng = np.random.default_rng(3)
    x = rng.random(N)
    fraud = rng.random(N) < 0.02 + 0.5 * (x > 0.8)
    chance = np.where(x > 0.8, 0.1, 1.0)
    chance = np.where(x > 1 - unseen, 0.0, chance)
    seen = rng.random(N) < chance
    done = np.where(seen, "allow", "block")
    table = {"payment": [f"p{i}" for i in range(N)], "x": x, "amount": 10 + 90 * x, "done": done, "chance": chance}
    known = [bool(f) if s else False for f, s in zip(fraud, seen, strict=True)]  # as a chargeback that never came
    return pl.DataFrame({**table, "fraud": known}), float(fraud.mean())


def learned(system: System) -> tuple[float, dict[str, Any]]:
    system.ingest()
    folder = system.train().folder
    rate = Predictor.load(folder.model("fraud")).predict(Table({"payments_x": Column.numbers([0.5])}, 1)).item()
    evidence = folder.json("evidence")
    return rate, {**evidence["objectives"]["fraud"], "not_known": " ".join(evidence["unknown"])}


def test_rows_that_were_seen_by_chance_stand_for_those_that_were_not(write: Write) -> None:
    table, truth = payments()
    rate, found = learned(write(SYSTEM + "  taken: {action: done, shown: chance}\n", payments=table))
    hidden = int((table["done"] == "block").sum())
    assert rate == pytest.approx(truth, abs=0.03)
    assert found["labels"]["censored"] == found["censoring"]["hidden"] == hidden
    assert found["labels"]["usable"] == N - hidden and found["censoring"]["known"] == N
    assert N - hidden > found["censoring"]["effective"] > 500
    assert "weigh its inverse" in " ".join(found["warnings"])


def test_without_their_chances_what_is_learned_is_said_to_be_of_those_let_through(write: Write) -> None:
    table, truth = payments()
    rate, found = learned(write(SYSTEM + "  taken: done\n", payments=table))
    assert rate < truth - 0.05
    assert "selection bias" in found["not_known"] and found["censoring"]["known"] == 0


def test_what_can_never_be_seen_is_told(write: Write) -> None:
    table, _ = payments(unseen=0.1)
    _, found = learned(write(SYSTEM + "  taken: {action: done, shown: chance}\n", payments=table))
    assert found["censoring"]["never"] == pytest.approx(N * 0.1, rel=0.2)
    assert "no chance at all of being seen" in found["not_known"]


def test_the_log_says_what_was_done_by_either_id(write: Write) -> None:
    table, truth = payments()
    system = write(SYSTEM, payments=table.drop("done", "chance").with_columns(done=None, chance=None))
    _log(system, table)
    rate, found = learned(system)
    assert rate == pytest.approx(truth, abs=0.03)
    assert found["censoring"]["hidden"] == int((table["done"] == "block").sum())
    assert found["censoring"]["known"] == N and found["censoring"]["unknown"] == 0


def _log(system: System, table: pl.DataFrame) -> None:
    """Decisions as a server logs them: half of them know the payment, the other half gave it its id."""
    lines, ids = [], table["payment"].to_list()
    for first in range(0, N, 100):
        rows = range(first, min(first + 100, N))
        sent = first < N / 2
        policy = [[table["chance"][i], 0.0, 1 - table["chance"][i]] for i in rows]
        one = {
            "kind": "choice",
            "ids": [f"d{i}" if sent else ids[i] for i in rows],
            "chosen": [table["done"][i] for i in rows],
            "actions": ["allow", "review", "block"],
            "policy": policy,
            "logged": list(range(len(rows))),
            "sent": {"payment": [ids[i] if sent else None for i in rows]},
            "features": {},
        }
        lines.append(json.dumps(one))
    log = pl.DataFrame({"decision": lines}).with_columns(
        kind=pl.lit("choice"),
        per=pl.lit("payments"),
        release=pl.lit("r1"),
        _at=pl.lit(0).cast(pl.Datetime("us", "UTC")),
        _position=pl.arange(pl.len()),
    )
    delta.write(system.lake.decisions, log)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("  taken: don\n", "source 'payments' has no column 'don' (did you mean 'done'?)"),
        ("  taken: {shown: chance}\n", "'taken' needs 'action' or 'decision'"),
        ("  taken: {action: done, shown: payment}\n", "'payment' is string; it must be one of float, int"),
    ],
)
def test_what_cannot_say_what_was_done_is_refused(write: Write, said: str, why: str) -> None:
    with pytest.raises(PoiseError) as error:
        write(SYSTEM + said)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("censors", "why"),
    [
        ("{fraude: [block]}", "there is no objective 'fraude' (did you mean 'fraud'?)"),
        ("{fraud: [blok]}", "there is no action 'blok' (did you mean 'block'?)"),
        ("{fraud: []}", "no action hides 'fraud'"),
        ("{fraud: [allow, review, block]}", "every action hides 'fraud'"),
    ],
)
def test_what_hides_nothing_or_all_is_refused(write: Write, censors: str, why: str) -> None:
    with pytest.raises(PoiseError) as error:
        write(SYSTEM.replace("{fraud: [block]}", censors))
    assert why in str(error.value)


def test_rows_of_which_nobody_could_say_what_was_done_are_refused(write: Write) -> None:
    with pytest.raises(PoiseError) as error:
        write(SYSTEM.replace("    id: payment\n", ""))
    assert "nothing says which action was taken on rows of 'payments'" in str(error.value)
