"""Releases that break their callers, and contracts that are still used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from poise.clock import DAY
from poise.errors import Refused, StateError
from poise.releases.contract import Contract, Input, Output
from poise.rollout.promises import must_be_unused, must_keep
from poise.stores.state_base import UsageRow, Use

OLD = Contract("shop", (Input("price", "float", min=0.0, per="sales"),), (Output("sale", "binary", per="sales"),))
DEARER = replace(OLD, inputs=(replace(OLD.inputs[0], min=1.0),), major=2)
SILENT = replace(OLD, outputs=(), major=2)
USED = (
    UsageRow(Use("web", 1, "field", "sales.price"), 5, 0, 3 * DAY),
    UsageRow(Use("web", 1, "route", "/v1/predict"), 5, 0, 3 * DAY),
    UsageRow(Use("app", 1, "route", "/v1/predict"), 5, 0, 9 * DAY),
    UsageRow(Use("new", 2, "field", "sales.price"), 5, 0, 9 * DAY),
)


def test_a_break_names_the_field_what_is_wrong_and_who_uses_it() -> None:
    with pytest.raises(Refused) as refused:
        must_keep("r1", OLD, "c2", DEARER, USED, "UTC", major=False)
    said = str(refused.value)
    assert "sales.price: its smallest value was 0 and is now 1 (used by web, last 1970-01-04T00:00:00+00:00)" in said
    assert "app" not in said and "new" not in said and "poise release c2 --major" in said
    with pytest.raises(Refused, match=r"sale: it is no longer predicted \(used by app, last .*; web, last "):
        must_keep("r1", OLD, "c2", SILENT, USED, "UTC", major=False)


def test_a_new_contract_is_for_breaks_only_and_counts_on_from_the_live_one() -> None:
    assert [one.field for one in must_keep("r1", OLD, "c2", DEARER, USED, "UTC", major=True)] == ["sales.price"]
    assert must_keep("r1", OLD, "c2", OLD, USED, "UTC", major=False) == []
    with pytest.raises(Refused, match="breaks nothing of contract 1"):
        must_keep("r1", OLD, "c2", OLD, USED, "UTC", major=True)
    with pytest.raises(StateError, match="trained beside another release than r1"):
        must_keep("r1", OLD, "c2", replace(DEARER, major=3), USED, "UTC", major=True)


def test_a_contract_is_in_use_for_seven_days() -> None:
    with pytest.raises(Refused, match=r"contract 1 was used in the last 7 days \(used by app, last "):
        must_be_unused(1, USED, 16 * DAY, "UTC")
    must_be_unused(1, USED, 16 * DAY + 1, "UTC")
    must_be_unused(3, USED, 9 * DAY, "UTC")
