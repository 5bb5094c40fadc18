"""Labels that say the opposite, and slow drifts: what is found, what is left in peace, and what is held for it."""

from __future__ import annotations

import numpy as np
import pytest

from poise.clock import DAY, HOUR
from poise.updating.guard_expected import Expected
from poise.updating.guard_flips import lots_of, turned
from poise.updating.guard_groups import Grouping
from poise.updating.guard_slow import slow

N, OLD = 20_000, 12_000
START = 1_700_006_400_000_000


class World:
    """60 days of rows whose chances are known: of the history's newer half and of what is new."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.time = np.sort(self.rng.integers(0, 60 * DAY, N)) + START
        self.likely = self.rng.beta(1, 9, N)
        self.target = (self.rng.random(N) < self.likely).astype(np.float64)
        window = np.arange(N) * 5 // N
        self.known = Expected(np.clip(self.likely, 1e-4, 1 - 1e-4), window, 3)
        self.new = window >= 3
        window[self.new] = 3
        self.nobody = np.zeros(N, np.bool_)

    def flip(self, rows: np.ndarray) -> None:
        self.target[rows] = 1 - self.target[rows]

    def found(self) -> list[tuple[str, float]]:
        parts = turned(self.known, self.target, self.time, self.time, self.nobody)
        return [(one.part, one.share) for one in parts]


def test_honest_labels_are_left_in_peace() -> None:
    assert [World(seed).found() for seed in range(10)] == [[]] * 10


def test_a_world_that_orders_more_is_left_in_peace() -> None:
    world = World()
    odds = world.likely / (1 - world.likely) * np.where(world.new, 2.5, 1)
    world.target = (world.rng.random(N) < odds / (1 + odds)).astype(np.float64)
    assert not world.found()


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_labels_flipped_at_random_are_found_and_mostly_held(share: float) -> None:
    world = World()
    bad = world.new & (world.rng.random(N) < share)
    world.flip(bad)
    parts = turned(world.known, world.target, world.time, world.time, world.nobody)
    assert [one.part for one in parts] == ["all new rows"] and abs(parts[0].share - share) < 0.02
    held = parts[0].drawn()
    assert not held[~world.new].any()
    assert held[bad].mean() > 0.3 and held[world.new & ~bad].mean() < 0.1
    left = world.new & ~held
    assert abs(world.target[left].mean() - world.likely[left].mean()) < 0.01, "what is left is as without noise"
    assert f"{parts[0].share:.1%} of the labels of all new rows (8,000)" in parts[0].sentence


def test_labels_that_become_known_later_move_nobody_elses_lot() -> None:
    """Else each look drew honest rows anew, and in the end held nearly all of which the label was only unlikely."""
    world = World()
    late = world.new & (world.rng.random(N) < 0.1)
    before, after = lots_of(world.time[~late]), lots_of(world.time)
    assert (before == after[~late]).mean() > 0.999
    assert abs(np.corrcoef(after[:-1], after[1:])[0, 1]) < 0.03 and abs(after.mean() - 0.5) < 0.01
    other = np.concatenate([[world.time[0] - 1], world.time[1:]])
    assert (lots_of(other) != after).mean() > 0.99, "nobody who sends rows knows the lots"


def test_one_hour_that_lies_is_found_by_itself() -> None:
    world = World()
    world.flip(world.new & (world.time % DAY // HOUR == 7))
    assert [name for name, _ in world.found()] == ["new rows from 7:00 to 8:00"]


def test_a_world_that_turned_round_is_no_noise() -> None:
    world = World()
    world.flip(world.new & (world.time > world.time[world.new].max() - 8 * DAY))
    assert not world.found()


def groups(world: World, actors: int = 12) -> Grouping:
    return Grouping("shown", "shop", world.rng.integers(0, actors, N), tuple(f"s{at}" for at in range(actors)))


def test_who_drifts_slowly_is_found_and_nobody_else() -> None:
    world = World()
    shops = groups(world)
    gone = (world.time - world.time[world.new].min()) / (world.time.max() - world.time[world.new].min())
    world.target[world.new & (shops.codes == 3) & (world.rng.random(N) < gone)] = 0
    assert {one.level for one in slow(world.known, world.target, world.time, [shops], world.nobody)} == {"s3"}


def test_storms_and_habits_are_nobodys_drift() -> None:
    """Days on which all order more, and shops that always did: over ten seeds at most one is suspected."""
    wrong = []
    for seed in range(10):
        world = World(seed)
        shops = groups(world)
        habit, storm = (
            world.rng.normal(0, 0.5, 12)[shops.codes],
            world.rng.normal(0, 0.8, 61)[(world.time - START) // DAY],
        )
        odds = world.likely / (1 - world.likely) * np.exp(habit + storm)
        world.target = (world.rng.random(N) < odds / (1 + odds)).astype(np.float64)
        wrong += slow(world.known, world.target, world.time, [shops], world.nobody)
    assert len(wrong) <= 1, [one.sentence for one in wrong]
