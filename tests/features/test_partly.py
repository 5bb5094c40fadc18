"""Features where a source is down: what needs it is missing and named, the rest is as ever."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from poise.errors import RequestError
from poise.features.plan import FeaturePlan
from poise.spec.reading import read_text
from poise.stores.base import Declaration
from poise.stores.memory import MemoryStore
from poise.table import Column, Requests, Table

TEXT = """
format: 1
system: shops
purpose: Test.
sources:
  shops: {path: shops.csv, key: shop, columns: {shop: string, price: float, city: category}}
  shown:
    path: shown.csv
    columns: {shop: string, x: float, label: bool}
    request: [shop, x]
features:
  - columns: {from: shops, take: [price, city]}
  - columns: {from: shown, take: [x]}
  - compute: {dear: shops.price * 2, dearer: dear + 1, twice: x * 2}
  - function: {call: "broken_module:odd", take: [x], gives: odd}
objectives:
  buys: {type: binary, per: shown, label: {take: label}}
"""


class Down(MemoryStore):
    """Holds nothing, and cannot be read."""

    def read(self, declaration: Declaration, keys: Sequence[Column], time: NDArray[np.int64]) -> Mapping[Any, Column]:
        raise OSError("the disk is gone")


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeaturePlan:
    (tmp_path / "broken_module.py").write_text("def odd(x):\n    return 1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return FeaturePlan.of(read_text(TEXT), "shown")


ROWS = Table({"shop": Column.strings(["a", "b"]), "x": Column.numbers([1.0, 2.0])})
REQUESTS = Requests(ROWS, np.zeros(2, np.int64))


def test_what_fails_is_missing_and_named(plan: FeaturePlan, caplog: pytest.LogCaptureFixture) -> None:
    store = Down()
    store.declare(plan.declarations)
    with caplog.at_level(logging.ERROR):
        made, failed = plan.online_partly(REQUESTS, store)
    first = min(failed["dear"], "shops.price")
    assert failed == {"shops_price": first, "shops_city": first, "dear": first, "dearer": first, "odd": "odd"}
    assert made["twice"].to_list() == [2.0, 4.0] and made["shown_x"].to_list() == [1.0, 2.0]
    assert all(made[name].missing().all() for name in failed) and made["shops_city"].kind == "string"
    assert "the disk is gone" in caplog.text and "ZeroDivisionError" in caplog.text


def test_what_the_caller_did_not_send_is_no_failure(plan: FeaturePlan) -> None:
    with pytest.raises(RequestError, match="required"):
        plan.online_partly(Requests(ROWS.select(["x"]), REQUESTS.time), Down())
