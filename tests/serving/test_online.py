"""The stores of a server: what comes in is shown to each once, also to one that is made meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.serving.bare import row, written

from poise.clock import SECOND, Clock
from poise.data.known_ids import KnownIds
from poise.data.reception import Reception
from poise.data.stored import Stored
from poise.errors import StateError
from poise.releases.folder import ReleaseFolder
from poise.serving import online
from poise.serving.limits import Limits
from poise.serving.loaded import Loaded
from poise.serving.online import Group, Kept, Online
from poise.stores.memory import MemoryStore
from poise.table import Column, History


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder: Path = tmp_path_factory.mktemp("bare")
    return Loaded.of(ReleaseFolder.open(written(folder).folder("c1").path))


def kept(loaded: Loaded, **more: dict[str, int]) -> Kept:
    store = MemoryStore()
    store.declare(loaded.declarations)
    return Kept(loaded, store, **more)


def counted(one: Kept) -> float:
    """How often soup was seen, by this store."""
    now = Clock().now() + SECOND
    one.store.advance(now)
    declared = next(d for d in one.loaded.declarations if d.source == "seen")
    found = one.store.read(declared, [Column.strings(["soup"])], np.full(1, now))
    return next(column.to_list()[0] or 0.0 for (what, _, _), column in found.items() if what == "count")


class Desk:
    """Judges rows as a server does."""

    def __init__(self, loaded: Loaded) -> None:
        self.reception = Reception(loaded.system, {}, Stored(None, None))
        self.number = 0

    def rows(self, count: int, position: int) -> Group:
        """New rows, in a record that begins at `position`."""
        lines = [row(self.number + n) for n in range(count)]
        self.number += count
        delivery = self.reception.read("seen", json.dumps(lines).encode(), Limits())
        (judged,) = self.reception.judge([delivery], Clock().now())
        return self.reception.sources["seen"], judged.group, position


def test_a_store_that_is_made_meanwhile_sees_each_row_once(loaded: Loaded) -> None:
    desk, server, first = Desk(loaded), Online(Clock()), kept(loaded)
    server.attach("first", first)
    server.observe([desk.rows(1, 1)])
    coming = server.begin()
    groups = [desk.rows(count, position) for count, position in ((2, 2), (4, 4), (8, 8))]
    for group in groups:
        server.observe([group])
    second, ids = kept(loaded, positions={"seen": 2}, seqs={"seen": 5}), KnownIds()
    ids.add(groups[1][1].fresh[:1])  # a file had brought one of these, before the second store was made
    second.show_late(coming.take(), {"seen": ids})
    assert counted(second) == 3 + 8, "what its snapshot had, and what a file had brought, is not shown again"
    server.end(coming)
    server.attach("second", second)
    source, group, _ = desk.rows(16, 16)
    server.observe([(source, group, 16)])
    assert (counted(first), counted(second)) == (31, 27)
    server.detach("first")
    server.observe([desk.rows(32, 32)])
    assert (counted(first), counted(second)) == (31, 59)


def test_rows_of_files_are_shown_to_stores_whose_snapshot_does_not_have_them(loaded: Loaded) -> None:
    desk, server = Desk(loaded), Online(Clock())
    old, new = kept(loaded, seqs={"seen": 3}), kept(loaded, seqs={"seen": 9})
    server.attach("old", old)
    server.attach("new", new)
    for upto in (9, 10):
        source, group, _ = desk.rows(1, 0)
        server.take_up(History("seen", source.kind, group.time, group.time, group.table), upto)
    assert (counted(old), counted(new)) == (2, 1)


def test_a_column_that_came_before_its_file_named_it_is_missing(loaded: Loaded) -> None:
    source, group, _ = Desk(loaded).rows(1, 0)
    one = kept(loaded)
    without = group.table.select([name for name in group.table if name != "price"])
    one.columns["seen"].add("price")
    shown: list[History] = []
    one.store.observe = shown.append  # type: ignore[method-assign]
    one.show(History("seen", source.kind, group.time, group.time, without))
    assert shown[0].rows["price"].to_list() == [None] and shown[0].rows["dish"].to_list() == ["soup"]


def test_more_than_may_be_kept_gives_the_store_up(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "MOST_KEPT", 3)
    desk, server = Desk(loaded), Online(Clock())
    coming = server.begin()
    server.observe([desk.rows(3, 1)])
    assert [chunk.rows.height for chunk in coming.take()] == [3] and coming.take() == []
    for position in (4, 8):
        server.observe([desk.rows(2, position)])
    with pytest.raises(StateError, match="more than 3 rows came in while"):
        coming.take()
