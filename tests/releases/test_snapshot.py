"""A snapshot that was extended answers as one that was built anew, and says truly what is in it."""

from __future__ import annotations

import fcntl
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.random import default_rng
from tests.data.conftest import Bench, system
from tests.data.test_drain import Flow
from tests.serving.bare import written

from poise.clock import DAY, HOUR, MINUTE, SECOND, Clock, to_text
from poise.data import delta
from poise.errors import StateError
from poise.releases.built import Built, fingerprint, keep_for
from poise.releases.snapshot import build, renew
from poise.serving.loaded import Loaded
from poise.stores.base import JoinedKey, RowDeclaration, WindowDeclaration
from poise.stores.memory import MemoryStore
from poise.table import Column

SOURCES = {
    "orders": {
        "path": "o.jsonl",
        "id": "id",
        "time": "at",
        "columns": {"id": "string", "at": "time", "user": "string", "shop": "string", "v": "float"},
    },
    "shops": {
        "path": "h.jsonl",
        "key": "shop",
        "time": "at",
        "columns": {"shop": "string", "at": "time", "kind": "category"},
    },
    "users": {"path": "u.jsonl", "key": "user", "columns": {"user": "string", "city": "category"}},
}
KIND = JoinedKey("shops", "kind", ("shop",), ("shop",))
DECLARATIONS = (
    WindowDeclaration("orders", ("user",), HOUR, (DAY, 7 * DAY), (("count", None), ("sum", "v"))),
    WindowDeclaration("orders", ("user", KIND), HOUR, (7 * DAY,), (("count", None),)),
    RowDeclaration("shops", ("shop",), ("kind",)),
    RowDeclaration("users", ("user",), ("city",)),
)
USERS, SHOPS = [f"u{n}" for n in range(6)], [f"s{n}" for n in range(4)]


@pytest.fixture
def flow(tmp_path):
    one = Flow(Bench(tmp_path), system("UTC", **SOURCES))
    yield one
    one.reader.close()
    one.journal.close()


def fill(flow, random, number, start):
    """Some rows of each source, as they might come in a minute: late ones too."""
    at = flow.bench.clock.at

    def when(ago):
        return str(np.datetime64(at - int(ago), "us")) + "Z"

    flow.take("users", *({"user": u, "city": str(random.integers(3))} for u in random.choice(USERS, 2, replace=False)))
    flow.take("shops", *({"shop": s, "at": when(n), "kind": str(random.integers(2))} for n, s in enumerate(SHOPS)))
    orders = [
        {
            "id": f"o{start + n}",
            "at": when(random.exponential(DAY)),
            "user": str(random.choice(USERS)),
            "shop": str(random.choice(SHOPS)),
            "v": float(n),
        }
        for n in range(number)
    ]
    flow.take("orders", *orders)


def answers(store, now):
    """Everything that a store says just now."""
    store.advance(now)
    time = np.full(len(USERS) * 2, now)
    users, kinds = Column.strings(USERS * 2), Column.strings(["0"] * len(USERS) + ["1"] * len(USERS))
    shops = Column.strings(SHOPS)
    keys = ([users], [users, kinds], [shops], [users])
    found = []
    for declaration, key in zip(DECLARATIONS, keys, strict=True):
        read = store.read(declaration, key, time[: len(key[0])])
        found.append({str(name): column.to_list() for name, column in read.items()})
    return found


def loaded(folder):
    store = MemoryStore()
    store.declare(DECLARATIONS)
    return store, store.load(folder)


def renewed(flow, folder):
    return renew(flow.spec, flow.bench.lake, DECLARATIONS, MemoryStore, folder, journal=flow.reader.id)


def test_an_extended_snapshot_answers_as_one_built_anew(flow, tmp_path):
    random = default_rng(1)
    for n in range(4):
        fill(flow, random, 40, 40 * n)
        flow.drain.once(everything=True)
        built = renewed(flow, tmp_path / "online")
        assert built.positions == {
            "orders": flow.drain.done["orders"],
            **{k: built.positions[k] for k in ("shops", "users")},
        }
        assert built.seqs["orders"] == 40 * (n + 1) - 1 and built == Built.read(tmp_path / "online")
        anew = build(
            flow.spec, flow.bench.lake, DECLARATIONS, MemoryStore(), tmp_path / f"anew{n}", journal=flow.reader.id
        )
        assert (anew.now, anew.seqs, anew.versions) == (built.now, built.seqs, built.versions)
        one, notes = loaded(tmp_path / "online")
        other, _ = loaded(tmp_path / f"anew{n}")
        assert built.goes_with(notes) and not anew.goes_with(notes)
        assert answers(one, built.now + SECOND) == answers(other, built.now + SECOND)
        ids = built.known_ids(tmp_path / "online")
        assert {name: len(known) for name, known in ids.items()} == {
            name: len(known) for name, known in anew.known_ids(tmp_path / f"anew{n}").items()
        }
        assert len(list((tmp_path / "online").glob("ids-*.npy"))) == 3


def test_only_new_rows_are_read(flow, tmp_path, monkeypatch):
    fill(flow, default_rng(2), 40, 0)
    flow.drain.once(everything=True)
    renewed(flow, tmp_path / "online")
    fill(flow, default_rng(3), 7, 100)
    flow.drain.once(everything=True)
    shown = []
    observe = MemoryStore.observe
    monkeypatch.setattr(
        MemoryStore, "observe", lambda s, chunk: (shown.append((chunk.source, chunk.height)), observe(s, chunk))
    )
    renewed(flow, tmp_path / "online")
    assert dict(shown) == {"shops": 4, "orders": 7, "users": 2} and shown[0][0] == "shops"


def test_a_lake_that_was_rewritten_or_a_damaged_snapshot_is_built_anew(flow, tmp_path):
    fill(flow, default_rng(2), 40, 0)
    flow.drain.once(everything=True)
    folder = tmp_path / "online"
    before = renewed(flow, folder)
    url = flow.bench.lake.table("accepted", "orders")
    delta.write(url, delta.scan(url).head(10).collect(), replace=True)
    built = renewed(flow, folder)
    assert len(built.known_ids(folder)["orders"]) == 10 and built.token != before.token
    next(folder.glob("arrays-*.npz")).write_bytes(b"")
    assert renewed(flow, folder).token != built.token
    assert loaded(folder)[0] is not None
    # A kill between the snapshot and what stands beside it: neither is trusted with the other.
    kept = (folder / "built.json").read_bytes()
    newer = renewed(flow, folder)
    (folder / "built.json").write_bytes(kept)
    _, notes = loaded(folder)
    assert newer.goes_with(notes) and not Built.read(folder).goes_with(notes)
    assert renewed(flow, folder).goes_with(loaded(folder)[1])


def test_a_snapshot_of_an_earlier_poise_is_built_again(tmp_path):
    (tmp_path / "built.json").write_text(json.dumps({"format": 1, "declarations": "d", "versions": {}, "now": 1}))
    assert Built.read(tmp_path) is None


def test_a_server_starts_without_the_lake_only_where_the_journal_has_all_that_came_since(flow, tmp_path):
    fill(flow, default_rng(2), 10, 0)
    flow.drain.once(everything=True)
    lake, home = flow.bench.lake.url, flow.bench.base / "journal"
    built = renewed(flow, tmp_path / "online")
    assert built.holds(lake) and built.holds(lake, home, flow.reader.id)
    fill(flow, default_rng(3), 10, 100)
    flow.drain.once(everything=True)
    assert not built.holds(lake) and not built.holds(lake, home, flow.reader.id), "rows may have been dropped"
    keep_for(home, fingerprint(DECLARATIONS))
    assert built.holds(lake, home, flow.reader.id) and not built.holds(lake, home, "another")
    delta.table(flow.bench.lake.table("accepted", "orders")).optimize.compact()
    assert built.holds(lake, home, flow.reader.id)
    flow.bench.write("o.jsonl", json.dumps({"id": "f1", "at": "2025-12-01", "user": "u1", "shop": "s1", "v": 1}))
    flow.bench.write("h.jsonl", json.dumps({"shop": "s9", "at": "2025-12-01", "kind": "1"}))
    flow.bench.write("u.jsonl", json.dumps({"user": "u9", "city": "1"}))
    flow.bench.take(flow.spec)
    assert not built.holds(lake, home, flow.reader.id)
    assert renewed(flow, tmp_path / "online").holds(lake)


def test_a_snapshot_beside_which_another_is_said_to_stand_is_not_extended(flow, tmp_path):
    fill(flow, default_rng(2), 10, 0)
    flow.drain.once(everything=True)
    built = renewed(flow, tmp_path)
    other = Built(built.declarations, built.versions, built.now, built.seqs, token="other")
    with pytest.raises(StateError, match="another one than it is said to be"):
        build(flow.spec, flow.bench.lake, DECLARATIONS, MemoryStore(), tmp_path, before=other)


def test_a_row_that_is_ahead_of_the_clock_waits_for_its_time(tmp_path):
    """Else a server that starts from the snapshot could not answer as of now."""
    made = written(tmp_path)
    now = Clock().now()
    (tmp_path / "seen.csv").write_text(f"seen_id,page,dish,price,at\ns1,p,soup,2,{to_text(now + 4 * MINUTE)}\n")
    made.ingest(["seen"])
    plan = Loaded.of(made.train().folder)
    built = build(made.spec, made.lake, plan.declarations, MemoryStore(), tmp_path / "snapshot")
    assert now - DAY < built.now <= Clock().now()
    store = MemoryStore()
    store.declare(plan.declarations)
    store.load(tmp_path / "snapshot")
    (counts,) = [one for one in plan.declarations if isinstance(one, WindowDeclaration) and one.source == "seen"][:1]
    soup, seen = [Column.strings(["soup"])], []
    for at in (Clock().now(), now + 5 * MINUTE):
        store.advance(at)
        seen.append(store.read(counts, soup, np.array([at]))["count", None, counts.over[-1]].to_list())
    assert seen == [[None], [1.0]]


def test_two_processes_take_turns_and_the_second_goes_on_from_what_the_first_made(flow, tmp_path, monkeypatch):
    fill(flow, default_rng(2), 40, 0)
    flow.drain.once(everything=True)
    folder = tmp_path / "online"
    first = renewed(flow, folder)
    fill(flow, default_rng(3), 7, 100)
    flow.drain.once(everything=True)
    read = []
    monkeypatch.setattr(Built, "read", lambda folder, of=Built.read: (read.append(folder), of(folder))[1])
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(renewed, flow, folder)
        with pytest.raises(TimeoutError):
            waits.result(0.3)
        assert not read
        arguments = flow.spec, flow.bench.lake, DECLARATIONS, MemoryStore(), folder
        by_other = build(*arguments, journal=flow.reader.id, before=first)
        os.close(other)
        built = waits.result(30)
    store, notes = loaded(folder)
    assert built.goes_with(notes) and built.seqs == by_other.seqs == {"orders": 46, "shops": 7, "users": 3}
    anew = build(flow.spec, flow.bench.lake, DECLARATIONS, MemoryStore(), tmp_path / "anew", journal=flow.reader.id)
    other_store, _ = loaded(tmp_path / "anew")
    assert answers(store, anew.now + SECOND) == answers(other_store, anew.now + SECOND)
