"""The files of the restaurants example say what happened in the market, and nothing that the app could not know."""

from __future__ import annotations

from pathlib import Path

import demo
import numpy as np
import polars as pl
import prepare
import pytest
from market import Log, Market, popularity
from town import DAY, HOUR, START


@pytest.fixture(scope="module")
def ran() -> tuple[Market, Log]:
    market = Market(seed=3, days=12, lists=1200, users=100, restaurants=80)
    return market, market.run(popularity())


def test_every_shown_restaurant_and_every_order_is_written(ran: tuple[Market, Log], tmp_path: Path) -> None:
    market, log = ran
    prepare.write(market, log, range(12), tmp_path)
    shown, ordered = pl.read_parquet(tmp_path / "impressions"), pl.read_parquet(tmp_path / "orders")
    assert len(shown) == len(log.list) and len(ordered) == log.ordered.sum()
    assert shown["impression_id"].n_unique() == len(shown) and ordered["order_id"].n_unique() == len(ordered)
    both = ordered.join(shown, on=["impression_id", "user_id", "restaurant_id"], how="inner", validate="1:1")
    assert len(both) == len(ordered)
    waited = both.select(pl.col("ordered_at") - pl.col("shown_at")).to_series()
    assert waited.min() > pl.Series([0]).cast(pl.Duration)[0] and waited.max() < pl.select(pl.duration(hours=6)).item()
    per_list = shown.group_by("request_id").agg(pl.col("position").sort(), pl.col("user_id").n_unique().alias("users"))
    assert all(places == list(range(1, len(places) + 1)) for places in per_list["position"].to_list())
    assert (per_list["users"] == 1).all()


def test_day_by_day_the_same_rows_are_written(ran: tuple[Market, Log], tmp_path: Path) -> None:
    market, log = ran
    prepare.write(market, log, range(12), tmp_path / "whole")
    again = Market(seed=3, days=12, lists=1200, users=100, restaurants=80)
    for day in range(12):
        prepare.write(again, again.run(popularity(), [day]), [day], tmp_path / "days")
    for source, key in {"impressions": "impression_id", "orders": "order_id", "restaurants": "changed_at"}.items():
        whole, days = (pl.read_parquet(tmp_path / kind / source) for kind in ("whole", "days"))
        by = [key, "restaurant_id"]
        assert whole.sort(by).equals(days.sort(by)), source
        assert len(list((tmp_path / "days" / source).iterdir())) == 12


def test_the_history_says_what_is_true_at_any_time(ran: tuple[Market, Log]) -> None:
    """Open, price and commission, looked up as Poise does: the newest row before the request."""
    market, _ = ran
    history = prepare.restaurants(market, range(12))
    requests = market.requests(range(12))
    row, place = np.nonzero(requests.candidates >= 0)
    item, time = requests.candidates[row, place], requests.time[row]
    asked = pl.DataFrame({"restaurant_id": prepare.restaurant_ids(item), "at": prepare.instants(time)})
    asked = asked.with_row_index().sort("at")
    found = asked.join_asof(
        history.sort("changed_at"),
        left_on="at",
        right_on="changed_at",
        by="restaurant_id",
        allow_exact_matches=False,
        check_sortedness=False,
    ).sort("index")
    assert np.array_equal(found["open"].to_numpy(), market.is_open(item, time))
    day = market.day_of(time)
    assert np.array_equal(found["price"].to_numpy(), market.price[day, item])
    assert np.array_equal(found["commission"].to_numpy(), market.commission[day, item])
    assert history.select("restaurant_id", "changed_at").is_unique().all(), "a history has one row per key and instant"


def test_what_happened_after_the_copy_is_left_out(ran: tuple[Market, Log], tmp_path: Path) -> None:
    market, log = ran
    now = START + 11 * DAY + 19 * HOUR
    prepare.write(market, log, range(12), tmp_path, until=now)
    for source, time in prepare.TIMES.items():
        newest = pl.read_parquet(tmp_path / source)[time].max()
        assert newest <= prepare.instants(np.array([now]))[0]
        assert newest >= prepare.instants(np.array([now - 2 * HOUR]))[0]


def test_nothing_hidden_is_written(ran: tuple[Market, Log]) -> None:
    market, _ = ran
    assert set(prepare.users(market).columns) == {"user_id", "city", "budget", "household", "x", "y"}
    written = set(prepare.restaurants(market, [0]).columns)
    assert not written & {"quality", "opens", "closes"}


def test_ctrl_c_that_is_told_twice_still_ends_the_demo_as_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(asked: object) -> int:
        raise KeyboardInterrupt  # what Python raises while the one of Polars is being handled

    monkeypatch.setattr(demo, "_run", stopped)
    assert demo.main(["--once"]) == 130
