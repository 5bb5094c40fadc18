"""A small valid system file, and how to say what is wrong with a change of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from poise.errors import SpecError
from poise.spec.reading import read_text

SHOP = """\
format: 1
system: shop
purpose: Say which visits end in an order.
timezone: Asia/Singapore
costs: {currency: USD, core_hour: 0.04}

sources:
  users:
    path: users.csv
    key: user_id
    columns: {user_id: string, city: category, budget: float}
  visits:
    path: visits.csv
    id: visit_id
    time: came_at
    columns:
      visit_id: string
      came_at: time
      user_id: string
      device: {type: category, values: [phone, desk]}
      spent: {type: float, min: 0, max: 1000}
    rules: {sane: missing(spent) or spent < 900}
    request: [user_id, device]
  orders:
    path: orders.csv
    id: order_id
    time: ordered_at
    late: 1h
    columns: {order_id: string, visit_id: string, user_id: string, ordered_at: time, value: float}
    derive: {big: value > 100}

features:
  - columns: {from: users, take: [city, budget]}
  - columns: {from: visits, take: [device]}
  - window: {from: orders, by: user_id, over: [7d], take: [count, mean(value)]}
  - clock: [hour]
  - compute: {odd: users.budget / 2}

objectives:
  order:
    type: binary
    per: visits
    label: {from: orders, match: visit_id, within: 6h}
    rule: orders_count_7d_by_user_id
  value:
    type: regression
    per: visits
    given: order
    label: {from: orders, match: visit_id, take: value, within: 6h}

decision:
  per: visits
  choose: [nothing, coupon]
  terms:
    revenue: {unit: USD, nothing: order * value, coupon: 1.1 * order * value - 2}
    effort: {nothing: 0, coupon: -1}
  weights: {revenue: 1, effort: 0.5}

requirements:
  - {who: ml, metric: order.log_loss, better_than: rule}
  - {who: sales, metric: decision.revenue, at_least: 95%, relative_to: live}
  - {who: trust, metric: order.calibration_error, by: users.city, at_most: 0.05}
  - {who: product, metric: latency_p99, at_most: 100ms, candidates: 10}
  - {who: platform, metric: release_size, at_most: 20MB}
  - {who: manager, metric: cost_per_1000, at_most: 0.02}
"""


@pytest.fixture
def shop() -> str:
    """The text of a valid system file."""
    return SHOP


@pytest.fixture
def fault() -> Callable[[str, str], str]:
    """What reading says after one piece of the shop's text was replaced by another."""

    def change(old: str, new: str) -> str:
        assert SHOP.count(old) >= 1, old
        with pytest.raises(SpecError) as caught:
            read_text(SHOP.replace(old, new, 1))
        return str(caught.value)

    return change
