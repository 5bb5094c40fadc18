"""What every online store must do, as a suite that ships: an implementation joins in three lines.

    class TestMyStore(OnlineStoreSuite):
        def make(self) -> OnlineStore:
            return MyStore()

Answers are compared with `expected`, which reads the rules row by row in plain Python.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from poise.errors import StateError
from poise.features.distinct import RANKS, REGISTERS, estimate, places
from poise.stores.base import Declaration, JoinedKey, OnlineStore, RowDeclaration, WindowDeclaration
from poise.table import MISSING_TIME, Column, History, Table

TILE = 100
"""Times of the suite are small: a tile of 100, windows of a few tiles."""
SHOP = JoinedKey("shops", "kind", ("shop",), ("shop",))
OF_EACH = (
    ("count", None),
    ("sum", "value"),
    ("mean", "value"),
    ("min", "value"),
    ("max", "value"),
    ("last", "value"),
    ("last", "user"),
    ("distinct", "user"),
    ("distinct", "value"),
    ("since_last", None),
)
SHOPS = RowDeclaration("shops", ("shop",), ("kind", "opened", "rent"))
DECLARATIONS: tuple[Declaration, ...] = (
    WindowDeclaration("orders", ("shop",), TILE, (150, 400), OF_EACH),
    WindowDeclaration("orders", ("shop",), 2 * TILE, (1000,), OF_EACH),
    WindowDeclaration("orders", ("user", SHOP), TILE, (300,), (("count", None), ("sum", "value"))),
    WindowDeclaration("orders", (), TILE, (250,), (("count", None), ("distinct", "user"))),
    WindowDeclaration("orders", ("size",), TILE, (250,), (("count", None), ("last", "value"))),
    SHOPS,
    RowDeclaration("shops", ("shop",), ("rent",)),
    RowDeclaration("users", ("user",), ("city",)),
)


def histories(random: Generator, rows: int) -> dict[str, History]:
    """Orders (a log), shops (a history) and users (a table), with late rows, equal times, times on the edges of tiles,
    and missing values, keys too."""
    shops, users = max(1, rows // 8), max(1, rows // 10)
    order_rows = {
        "shop": _words(random, "s", 4, rows),
        "user": _words(random, "u", 6, rows),
        "size": _numbers(random, 3, rows),
        "value": Column.numbers(np.where(random.random(rows) < 0.2, np.nan, random.normal(size=rows) * 1e3)),
    }
    shop_rows = {
        "shop": _words(random, "s", 4, shops),
        "kind": _words(random, "k", 2, shops),
        "opened": Column.times(random.integers(0, 9, shops)),
        "rent": _numbers(random, 9, shops),
    }
    user_rows = {"user": _words(random, "u", 6, users), "city": _words(random, "c", 3, users)}
    return {
        "orders": _timed(random, "orders", "log", order_rows),
        "shops": _timed(random, "shops", "history", shop_rows),
        "users": _versions(_timed(random, "users", "table", user_rows)),
    }


def expected(
    declaration: Declaration, known: Mapping[str, History], key: Sequence[Any], time: int
) -> dict[Any, float | int | str | None]:
    """What a read of one key at `time` must answer, by the rules, row by row."""
    history = known[declaration.source]
    visible = [row for row in range(history.height) if _is_visible(history, row, time)]
    if isinstance(declaration, RowDeclaration):
        row = _newest(history, declaration.key, key, time)
        return {name: None if row is None else history.rows[name].to_list()[row] for name in declaration.columns}
    rows = [row for row in visible if _key(declaration, known, row) == list(key) and None not in key]
    answers: dict[Any, float | int | str | None] = {}
    for name, column in declaration.take:
        for window in declaration.over:
            edge = (time - window) // declaration.tile * declaration.tile
            inside = [row for row in rows if history.time[row] >= edge]
            answer = _aggregate(name, None if column is None else history.rows[column].take(np.array(inside, int)))
            if name == "count":
                answer = len(inside)
            if name == "since_last" and inside:
                answer = (time - int(history.time[inside].max())) / 1e6
            answers[name, column, window] = answer if rows else None
    return answers


def assert_same(found: Mapping[Any, Column], row: int, wanted: Mapping[Any, Any], magnitude: float) -> None:
    """Exactly equal; sums and means to 1e-9 of the sum of magnitudes."""
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        answer = found[name].to_list()[row]
        if isinstance(value, float) and isinstance(answer, float) and name[0] in ("sum", "mean"):
            assert math.isclose(answer, value, rel_tol=0, abs_tol=1e-9 * magnitude), (name, answer, value)
        else:
            assert answer == value, (name, answer, value)


class OnlineStoreSuite(ABC):
    """The suite; a subclass says how a store is made."""

    @abstractmethod
    def make(self) -> OnlineStore:
        """A new, empty store."""

    def test_answers_are_those_of_the_rules(self) -> None:
        """Rows in chunks of any order, requests at times that do not go back."""
        for seed in range(12):
            random = np.random.default_rng(seed)
            known = histories(random, 80)
            store = self._declared()
            for chunk in _chunks(random, known, parts=4):
                store.observe(chunk)
            for time in np.sort(random.integers(0, 1400, 12)).tolist():
                store.advance(time)
                self._compare(store, known, random, time)

    def test_rows_may_come_when_they_are_known(self) -> None:
        """Row by row in the order of κ, between requests: the answers are the same."""
        for seed in range(6):
            random = np.random.default_rng(100 + seed)
            known = histories(random, 50)
            store = self._declared()
            arrivals = sorted(
                (-1 if h.first is not None and h.first[row] else int(h.known[row]), name, row)
                for name, h in known.items()
                for row in range(h.height)
            )
            times = np.sort(random.integers(0, 1400, 10)).tolist()
            for time in times:
                while arrivals and arrivals[0][0] < time:
                    _, name, row = arrivals.pop(0)
                    store.observe(_part(known[name], np.array([row])))
                store.advance(time)
                self._compare(store, known, random, time)

    def test_what_did_not_change_reads_the_same(self) -> None:
        """Of every key that is not among those that changed, while far edges stay in their tiles. A store that counts
        no changes says so."""
        random = np.random.default_rng(8)
        known = histories(random, 150)
        store = self._declared()
        for chunk in _chunks(random, known, parts=4):
            store.observe(chunk)
        if store.changes() is None:
            return
        asked = {declaration: _asked(random, declaration, 30) for declaration in DECLARATIONS}
        last, compared = 0, 0
        store.advance(last)
        for time in sorted(random.integers(1, 1500, 60).tolist()):
            since = store.changes() or 0
            before = {d: _read(store, d, keys, last) for d, keys in asked.items()}
            places = {d: np.broadcast_to(store.places(d, keys), 30) for d, keys in asked.items()}
            store.advance(time)
            for declaration, values in before.items():
                changed = store.changed(declaration, since)
                assert changed is not None
                # A key that is not known may be any of those that became so.
                same = ~np.isin(places[declaration], changed) & ((places[declaration] >= 0) | (len(changed) == 0))
                for name, column in _read(store, declaration, asked[declaration], time).items():
                    if name[0] != "since_last" and not _passes(declaration, name, last, time):
                        pairs = zip(values[name], column, same.tolist(), strict=True)
                        assert all(a == b for a, b, held in pairs if held), (declaration, name, time)
                        compared += int(same.sum())
            last = time
        assert compared > 1000

    def test_a_snapshot_goes_on_where_it_was_taken(self, tmp_path: Path) -> None:
        """Saved half way, with rows waiting; saved again over the first."""
        random = np.random.default_rng(5)
        known = histories(random, 120)
        store = self._declared()
        for chunk in _chunks(random, known, parts=3):
            store.observe(chunk)
        for time in (300, 700):
            store.advance(time)
            store.save(tmp_path / "state", {"position": time})
        fresh = self._declared()
        assert fresh.load(tmp_path / "state") == {"position": 700}
        for time in (700, 900, 1300):
            for each in (store, fresh):
                each.advance(time)
                self._compare(each, known, random, time)

    def test_a_broken_snapshot_is_refused_and_changes_nothing(self, tmp_path: Path) -> None:
        """Absent, cut off, changed, or of other declarations."""
        random = np.random.default_rng(6)
        known = histories(random, 60)
        store = self._declared()
        for chunk in _chunks(random, known, parts=2):
            store.observe(chunk)
        store.advance(500)
        assert _refused(lambda: self._declared().load(tmp_path / "nowhere"))
        store.save(tmp_path / "state")
        for path in sorted((tmp_path / "state").iterdir()):
            whole = path.read_bytes()
            for broken in (b"", whole[: len(whole) // 2], whole[:-1], whole[:50] + b"\x00#" + whole[52:]):
                path.write_bytes(broken)
                assert _refused(lambda: store.load(tmp_path / "state")), path.name
                self._compare(store, known, random, 500)
            path.write_bytes(whole)
        other = self.make()
        other.declare(DECLARATIONS[:1])
        assert _refused(lambda: other.load(tmp_path / "state"))
        store.load(tmp_path / "state")
        self._compare(store, known, random, 500)

    def test_time_does_not_go_back(self) -> None:
        """A time is refused once a row is visible that was not then; until then it may go back."""
        store = self.make()
        store.declare(DECLARATIONS[:1])
        at = np.array([100])
        shop = {"shop": Column.strings(["a"]), "user": Column.strings(["u"])}
        rows = Table({**shop, "size": Column.numbers([1.0]), "value": Column.numbers([1.0])})
        store.observe(History("orders", "log", at, at, rows))
        store.advance(900)
        store.advance(101)
        keys = [Column.strings(["a"])]
        assert store.read(DECLARATIONS[0], keys, np.array([101]))["count", None, 150].to_list() == [1.0]
        assert _refused(lambda: store.advance(100))
        assert _refused(lambda: store.read(DECLARATIONS[0], keys, np.array([100])))

    def test_a_request_after_rows_that_wait_is_refused(self) -> None:
        """Nothing is left out silently where the store was not advanced."""
        known = histories(np.random.default_rng(1), 40)
        store = self._declared()
        store.observe(known["orders"])
        assert _refused(lambda: store.read(DECLARATIONS[0], [Column.strings(["s1"])], np.array([10_000])))

    def test_nothing_known_is_missing(self) -> None:
        """An empty store, unknown keys, and requests without time."""
        store = self._declared()
        for declaration in DECLARATIONS:
            keys = [Column.absent(c.kind, 2) for c in _asked(np.random.default_rng(0), declaration, 2)]
            for column in store.read(declaration, keys, np.full(2, 5)).values():
                assert column.missing().all() and len(column) == 2

    def test_without_time_the_newest_rows_count(self) -> None:
        """Requests at `MISSING_TIME` see all rows, those that wait too; windows have no answer then."""
        random = np.random.default_rng(3)
        known = histories(random, 60)
        store = self._declared()
        for history in known.values():
            store.observe(history)
        for advance in (None, 400):
            if advance:
                store.advance(advance)
            keys = [Column.strings(["s0", "s1", None, "nobody"])]
            found = store.read(SHOPS, keys, np.full(4, MISSING_TIME))
            for row, key in enumerate(keys[0].to_list()):
                assert_same(found, row, expected(SHOPS, known, [key], 10**9), 0)
                _assert_one(store, SHOPS, [key], MISSING_TIME, found, row)
            counts = store.read(DECLARATIONS[0], keys, np.full(4, MISSING_TIME))
            assert all(column.missing().all() for column in counts.values())

    def test_what_was_not_declared_is_refused(self) -> None:
        """Reading it, declaring it too late, and rows that lack a column or change its kind."""
        known = histories(np.random.default_rng(2), 20)
        store = self.make()
        store.declare(DECLARATIONS[:1])
        assert _refused(lambda: store.read(DECLARATIONS[1], [Column.strings(["s1"])], np.array([5])))
        assert _refused(lambda: store.row(SHOPS, ["s1"], 5))
        orders = known["orders"]
        less = History("orders", "log", orders.time, orders.known, orders.rows.select(["shop", "user"]))
        assert _refused(lambda: store.observe(less))
        store.observe(orders)
        store.observe(known["users"])  # of no concern
        other = orders.rows.with_columns({"value": orders.rows["shop"]})
        assert _refused(lambda: store.observe(History("orders", "log", orders.time, orders.known, other)))
        assert _refused(lambda: store.declare(DECLARATIONS[1:2]))
        store.declare(DECLARATIONS[:1])

    def _declared(self) -> OnlineStore:
        store = self.make()
        store.declare(DECLARATIONS)
        return store

    def _compare(self, store: OnlineStore, known: Mapping[str, History], random: Generator, time: int) -> None:
        magnitude = float(np.nansum(np.abs(known["orders"].rows["value"].values)))
        for declaration in DECLARATIONS:
            keys = _asked(random, declaration, 3)
            found = store.read(declaration, keys, np.full(3, time))
            for row in range(3):
                key = [column.to_list()[row] for column in keys]
                assert_same(found, row, expected(declaration, known, key, time), magnitude)
                if isinstance(declaration, RowDeclaration):
                    _assert_one(store, declaration, key, time, found, row)


def _assert_one(
    store: OnlineStore,
    declaration: RowDeclaration,
    key: Sequence[Any],
    time: int,
    found: Mapping[Any, Column],
    row: int,
) -> None:
    """One key's row is the one that was read among others."""
    assert list(store.row(declaration, key, time)) == [found[name].to_list()[row] for name in declaration.columns]


def _asked(random: Generator, declaration: Declaration, size: int) -> list[Column]:
    """Random keys for a read, some unknown, some missing."""
    parts = declaration.key if isinstance(declaration, RowDeclaration) else declaration.by
    made = {"shop": ("s", 5), "user": ("u", 7)}
    columns = []
    for part in parts:
        if isinstance(part, JoinedKey):
            columns.append(_words(random, "k", 3, size))
        elif part == "size":
            columns.append(_numbers(random, 4, size))
        else:
            columns.append(_words(random, *made[part], size))
    return columns


def _read(store: OnlineStore, declaration: Declaration, keys: list[Column], time: int) -> dict[Any, list[Any]]:
    read = store.read(declaration, keys, np.full(30, time))
    return {name: column.to_list() for name, column in read.items()}


def _passes(declaration: Declaration, name: Any, last: int, time: int) -> bool:
    """Whether a window's far edge comes into another tile between two instants."""
    if isinstance(declaration, RowDeclaration):
        return False
    return bool((last - name[2]) // declaration.tile != (time - name[2]) // declaration.tile)


def _aggregate(name: str, column: Column | None) -> float | int | str | None:
    """One aggregate of the rows in a window, oldest first."""
    if column is None:
        return None
    values = [value for value in column.to_list() if value is not None]
    if name == "distinct":
        registers, ranks = places(column)
        held = np.zeros(REGISTERS, np.int64)
        np.maximum.at(held, registers, ranks)
        return float(estimate(np.bincount(held, minlength=RANKS)))
    if name == "sum":
        return math.fsum(values)
    if not values:
        return None
    if name == "mean":
        return math.fsum(values) / len(values)
    answer: float | int | str = min(values) if name == "min" else max(values) if name == "max" else values[-1]
    return answer


def _is_visible(history: History, row: int, time: int) -> bool:
    first = history.first is not None and bool(history.first[row])
    return first or (int(history.time[row]) < time and int(history.known[row]) < time)


def _newest(history: History, columns: Sequence[str], key: Sequence[Any], time: int) -> int | None:
    found = None
    for row in range(history.height):
        held = [history.rows[name].to_list()[row] for name in columns]
        if None not in held and held == list(key) and _is_visible(history, row, time):
            found = row
    return found


def _key(declaration: WindowDeclaration, known: Mapping[str, History], row: int) -> list[Any]:
    """The key of an event, joined parts as of its κ."""
    history = known[declaration.source]
    key = []
    for part in declaration.by:
        if isinstance(part, str):
            key.append(history.rows[part].to_list()[row])
        else:
            other = known[part.source]
            by = [history.rows[name].to_list()[row] for name in part.by]
            at = _newest(other, part.key, by, int(history.known[row]))
            key.append(None if at is None else other.rows[part.column].to_list()[at])
    return key


def _timed(random: Generator, source: str, kind: Any, columns: Mapping[str, Column]) -> History:
    """Rows in the order of τ; half of the times lie on the edges of tiles, a third of the rows are late."""
    size = len(next(iter(columns.values())))
    time = random.integers(0, 1200, size)
    time = np.where(random.random(size) < 0.5, time // TILE * TILE, time)
    known = time + np.where(random.random(size) < 0.33, random.integers(0, 400, size), 0)
    order = np.lexsort((known, time))  # rows of one τ arrive in the order of κ
    return History(source, kind, time[order], known[order], Table(columns))


def _versions(table: History) -> History:
    """A table: the first row of each key holds for all earlier times."""
    key = next(iter(table.rows.values())).values
    first = np.zeros(table.height, np.bool_)
    first[np.unique(key, return_index=True)[1]] = True
    return History(table.source, "table", table.time, table.known, table.rows, first)


def _chunks(random: Generator, known: Mapping[str, History], parts: int) -> list[History]:
    """The rows in several chunks, in any order; those of equal τ stay in the order of arrival."""
    chunks = []
    for history in known.values():
        names = random.integers(0, parts, history.height)
        names = names[np.searchsorted(history.time, history.time)]  # rows of one τ go together
        chunks += [_part(history, np.flatnonzero(names == part)) for part in range(parts)]
    return [chunks[place] for place in random.permutation(len(chunks))]


def _part(history: History, rows: NDArray[np.int64]) -> History:
    first = None if history.first is None else history.first[rows]
    return History(
        history.source, history.kind, history.time[rows], history.known[rows], history.rows.take(rows), first
    )


def _refused(act: Any) -> bool:
    """Whether it raises `StateError`, with a sentence."""
    try:
        act()
    except StateError as error:
        return len(str(error)) > 20
    return False


def _words(random: Generator, prefix: str, many: int, size: int) -> Column:
    codes = random.integers(0, many, size)
    return Column.coded(np.where(random.random(size) < 0.08, -1, codes), [f"{prefix}{code}" for code in range(many)])


def _numbers(random: Generator, many: int, size: int) -> Column:
    return Column.numbers(np.where(random.random(size) < 0.08, np.nan, random.integers(0, many, size)))
