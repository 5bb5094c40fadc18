"""The poison guard: who floods, flips or fakes is held back; who does no harm is learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import polars as pl
import pytest

from poise.errors import StateError, UsageError
from poise.interfaces.guarding import guarded_rows
from poise.interfaces.system import System
from poise.releases.examples import ObjectiveData
from poise.updating.guard import _weighed
from poise.updating.guard_groups import Grouping
from poise.updating.guard_tests import Departure, bursts, departures, rates
from poise.updating.guard_watch import departing
from poise.updating.suspects import held_back, let_in, suspects

SYSTEM = """
format: 1
system: shop
purpose: Show what will be ordered.
clock: replay
sources:
  shown:
    path: shown.csv
    id: offer
    time: at
    person: user
    columns: {offer: string, at: time, user: string, shop: category, x: float}
    request: [x, user, shop]
    trust: {actor: shop, at_most: 50%}
  orders:
    path: orders.csv
    id: number
    time: at
    columns: {number: string, offer: string, user: string, at: time}
    trust: {actor: user, at_most: 5%}
features:
  - columns: {from: shown, take: [x, shop]}
objectives:
  order: {type: binary, per: shown, label: {from: orders, match: offer, within: 6h}, rungs: [linear]}
"""
DAY, START, OLD, ALL = 86_400, 1_700_000_000, 60, 80


@dataclass
class Market:
    """Offers of 80 days, of which those of the last 20 come after the first release."""

    at: np.ndarray
    user: np.ndarray
    shop: np.ndarray
    x: np.ndarray
    ordered: np.ndarray

    @property
    def new(self) -> np.ndarray:
        return self.at >= START + OLD * DAY

    def write(self, folder: Path, rows: np.ndarray, first: int) -> None:
        """The rows as files; ids go on from `first`."""
        place = np.flatnonzero(rows)
        offers = [f"o{first + at}" for at in range(len(place))]
        when = pl.from_epoch(pl.Series(self.at[place]))
        users = [f"u{u}" for u in self.user[place]]
        shops = [f"s{s}" for s in self.shop[place]]
        shown = pl.DataFrame({"offer": offers, "at": when, "user": users, "shop": shops, "x": self.x[place]})
        shown.write_csv(folder / "shown.csv")
        some = np.flatnonzero(self.ordered[place])
        orders = {
            "number": [f"n{first + at}" for at in some],
            "offer": [offers[at] for at in some],
            "user": [users[at] for at in some],
            "at": pl.from_epoch(pl.Series(self.at[place][some] + 3600)),
        }
        pl.DataFrame(orders).write_csv(folder / "orders.csv")


def market(seed: int = 0, n: int = 6_000) -> Market:
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, ALL * DAY, n)) + START
    shop, x = rng.integers(0, 20, n), rng.normal(size=n)
    likely = 1 / (1 + np.exp(1 - 1.2 * x - rng.normal(0, 0.6, 20)[shop]))
    return Market(at, rng.integers(0, 200, n), shop, x, rng.random(n) < likely)


def flooded(made: Market, rows: int = 900) -> Market:
    """One user, new, who orders what nobody else would."""
    rng = np.random.default_rng(1)
    at = np.sort(rng.integers(START + OLD * DAY, START + ALL * DAY, rows))
    x = rng.normal(size=rows)
    parts = (at, np.full(rows, 777), rng.integers(0, 20, rows), x, x < 0)
    joined = [np.concatenate(pair) for pair in zip(vars(made).values(), parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Market(*(values[order] for values in joined))


def faked(made: Market) -> Market:
    """Orders of one shop that nobody made."""
    made.ordered[made.new & (made.shop == 3)] = True
    return made


@pytest.fixture
def system(tmp_path: Path) -> Callable[[Market], System]:
    def opened(made: Market) -> System:
        (tmp_path / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
        made.write(tmp_path, ~made.new, 0)
        found = System.read(tmp_path / "poise.yaml")
        found.ingest()
        found.train()
        assert found.release().outcome.released  # type: ignore[union-attr]
        made.write(tmp_path, made.new, 100_000)
        found.ingest()
        return found

    return opened


def test_honest_rows_are_learned_from(system: Callable[[Market], System]) -> None:
    made = system(market())
    found = guarded_rows(made)
    assert not found.held and not suspects(made.state)
    assert {one.why for one in found.left_out} == {"trusted, so that they judge"}
    assert found.left_out == guarded_rows(made).left_out, "the block that judges stays the same"


def test_who_floods_is_held_back_until_let_in(system: Callable[[Market], System]) -> None:
    made = system(flooded(market()))
    held = guarded_rows(made).held
    assert {one.left_out.values for one in held} == {("u777",)}
    one = held[0]
    assert "u777 has 8" in " ".join(one.reasons) and one.rows > 850, "some are too young to have a label"
    assert one.impact["order"]["change"] > 0
    assert one.left_out in held_back(made.state)
    assert [line.act for line in made.state.history(subject=one.name)] == ["hold back"]
    assert not guarded_rows(made).held, "it is held already"
    folder = made.train().folder
    learned = folder.json("evidence")["learned_from"]["left_out"]
    assert one.left_out.to_dict() in [{**each, "values": each["values"]} for each in learned]
    judging = folder.json("evidence")["objectives"]["order"]["parts"]["judge"]["rows"]

    with pytest.raises(UsageError, match="no suspect 's9'"):
        let_in(made.state, "s9", "why not", None)
    let_in(made.state, one.name, "a test of ours", "kim")
    assert one.left_out not in held_back(made.state)
    believed = made.train().folder.json("evidence")["objectives"]["order"]["parts"]["judge"]["rows"]
    assert judging + 300 < believed, "nothing was judged on who is held back either"
    with pytest.raises(StateError, match="not held back"):
        let_in(made.state, one.name, "again", "kim")
    assert "u777" not in [
        v for each in guarded_rows(made).held if each.left_out.source == "shown" for v in each.left_out.values
    ]


def test_fake_orders_of_a_shop_are_held_back(system: Callable[[Market], System]) -> None:
    held = guarded_rows(system(faked(market()))).held
    assert ("shop", ("s3",)) in [(one.left_out.column, one.left_out.values) for one in held]
    assert sum(one.rows for one in held if one.left_out.values != ("s3",)) < 100, "others are left in peace"


def test_rows_with_flipped_labels_are_held_by_name_and_learned_around(system: Callable[[Market], System]) -> None:
    made = market()
    flipped = made.new & (np.random.default_rng(5).random(len(made.at)) < 0.25)
    made.ordered[flipped] ^= True
    found = system(made)
    (one,) = [each for each in guarded_rows(found).held if each.left_out.column == "offer"]
    new = np.flatnonzero(made.new)
    named = np.zeros(len(made.at), np.bool_)
    numbers = np.array([int(name[1:]) for name in one.left_out.values])
    named[new[numbers[numbers >= 100_000] - 100_000]] = True
    assert (numbers < 100_000).sum() <= 5, "rows of before that had no label yet at the release"
    assert named[flipped].mean() > 0.35 and named[made.new & ~flipped].mean() < 0.2
    assert "say the opposite of what was known" in one.reasons[0]
    (left,) = [each for each in found.train().folder.json("evidence")["learned_from"]["left_out"] if each["column"]]
    assert tuple(left["values"]) == one.left_out.values
    assert not guarded_rows(found).held, "what is left says no more than usual"


def grouping(codes: np.ndarray) -> Grouping:
    return Grouping("shown", "user", codes, tuple(f"u{at}" for at in range(codes.max() + 1)))


def test_false_suspicions_are_rare() -> None:
    """Groups whose rates differ and vary, none of which departs."""
    wrong = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        codes, new = rng.integers(0, 100, 10_000), np.arange(10_000) >= 7_000
        rate = np.clip(rng.beta(3, 5, 100)[codes] + rng.normal(0, 0.03, (2, 100))[new.astype(int), codes], 0, 1)
        has = rng.random(10_000) < rate
        wrong.append(len(departures([grouping(codes)], new, {"order": has}, np.zeros(10_000, bool))))
    assert np.mean(np.array(wrong) > 0) <= 0.1, wrong


def test_whoever_asks_for_a_list_of_ten_is_no_burst() -> None:
    """Rows of one list come at once: three visits of somebody who came rarely are 30 rows, and no flood."""
    wrong, visits = [], 2_000
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lists = np.repeat(np.arange(visits), 10)
        codes, new = np.repeat(rng.integers(0, 400, visits), 10), lists >= 1_700
        has = np.zeros(10 * visits, np.bool_)
        made = replace(grouping(codes), lists=lists)
        wrong.append(len(departures([made], new, {"order": has}, has)))
        codes[np.flatnonzero(new)[:400]] = 9
        flooded = departures([replace(grouping(codes), lists=lists)], new, {"order": has}, has)
        assert "u9" in {one.level for one in flooded}
    assert np.mean(np.array(wrong) > 0) <= 0.1, wrong


def test_a_change_that_all_share_is_no_departure() -> None:
    rng = np.random.default_rng(0)
    codes, new = rng.integers(0, 50, 10_000), np.arange(10_000) >= 7_000
    has = rng.random(10_000) < np.where(new, 0.6, 0.3)
    assert not departures([grouping(codes)], new, {"order": has}, np.zeros(10_000, bool))


def test_each_kind_of_departure_is_told() -> None:
    rng = np.random.default_rng(0)
    codes, new = rng.integers(0, 50, 10_000), np.arange(10_000) >= 7_000
    has = rng.random(10_000) < 0.3
    has[new & (codes == 7)] = True
    codes[np.flatnonzero(new)[:600]] = 9
    again = new & (codes == 11)
    found = departures([grouping(codes)], new, {"order": has}, again)
    assert {("u7", "rate"), ("u9", "burst"), ("u11", "repeated")} <= {(one.level, one.kind) for one in found}
    assert {one.level for one in found} == {"u7", "u9", "u11"}
    assert "100% of" in next(one.sentence for one in found if one.level == "u7")


def test_what_both_objectives_show_is_said_once() -> None:
    one = Departure("shown", "user", "u1", "burst", "", 90, 90.0, 10.0, 0.0)
    nobody = SimpleNamespace(found=[one], losses=None, new=np.ones(3, np.bool_), held=np.zeros(3, np.bool_))
    nobody.groups = [Grouping("shown", "user", np.array([1, 1, 0]), ("u0", "u1"))]
    nobody.trial = SimpleNamespace(trusted=np.zeros(3, np.bool_), losses=lambda _: None)
    nobody.data = SimpleNamespace(name="order")
    nobody.hold = lambda mask, without: None
    found = _weighed([nobody, nobody], "shown", "user", ("u1",), 0)  # type: ignore[list-item]
    assert found is not None and found.held and found.reasons == (one.sentence,)


def test_what_is_held_makes_no_burst_of_others() -> None:
    """Of three shops the two larger ones are gone, one held and one closed: the third sends as many rows as ever."""
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.choice(4, 4_000, p=[0.4, 0.35, 0.15, 0.1]), rng.choice(4, 900, p=[0.75, 0, 0.15, 0.1])])
    new = np.arange(len(codes)) >= 4_000
    target = (rng.random(len(codes)) < 0.4).astype(float)
    spec = SimpleNamespace(type="binary")
    data = cast(ObjectiveData, SimpleNamespace(target=target, spec=spec, name="order", classes=()))
    none = np.zeros(len(codes), np.bool_)
    assert not departing(data, [grouping(codes)], new, new & (codes == 0), none)


def test_without_a_history_nothing_is_tested() -> None:
    codes, new = np.zeros(50, np.int64), np.ones(50, bool)
    assert not rates(grouping(codes), new, new, "rate", "order") and not bursts(grouping(codes), new)
