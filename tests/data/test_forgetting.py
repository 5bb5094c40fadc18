"""Rows taken out of every version of a table, and people on the list of those who were forgotten."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from poise.clock import Clock
from poise.data import delta
from poise.data.delta_log import newest
from poise.data.delta_without import holding, take_out
from poise.data.forgetting import find, forget
from poise.data.forgotten import Forgotten
from poise.data.ingest import ingest
from poise.data.journal import Entry, Journal
from poise.data.lake import Lake
from poise.data.person import Person
from poise.errors import SpecError, StateError
from poise.spec.system import SystemSpec

ANA = "ana-1234"


def gone(frame: pl.DataFrame) -> pl.Series:
    return (frame["who"] == ANA).fill_null(False)


def bytes_of(table: Path) -> bytes:
    """Everything in a table's folder, what Parquet packs included."""
    found = b""
    for file in (path for path in table.rglob("*") if path.is_file()):
        found += file.read_bytes()
        if file.suffix == ".parquet" and file.parent == table:
            found += str(pl.read_parquet(file).to_dicts()).encode()
    return found


def filled(table: Path, commits: int) -> None:
    """One row of Ana's and one of Bob's in each version."""
    for n in range(commits):
        rows = pl.DataFrame({"who": [ANA, "bob", None], "n": [n, n, n], "why": [["a"], ["b", "c"], []]})
        delta.write(str(table), rows, upto=("journal:x", n + 1))


@pytest.mark.parametrize("commits", [3, 104])
def test_every_version_keeps_what_others_had(tmp_path: Path, commits: int) -> None:
    table = tmp_path / "t"
    filled(table, commits)
    url = str(table)
    delta.delete(url, "n = 1")
    before = {at: delta.scan(url, at).filter(pl.col("who").ne_missing(ANA)).sort("n", "who").collect() for at in (0, 2)}
    checkpoints = len(list((table / "_delta_log").glob("*.checkpoint.parquet")))
    assert (checkpoints > 0) == (commits > 100) and ANA.encode() in bytes_of(table)
    take_out(url, gone, holding(url, gone), tmp_path / "aside")
    assert ANA.encode() not in bytes_of(table) and not (tmp_path / "aside").exists()
    assert newest(table) == commits and delta.position(url, "journal:x") == commits
    for at, rows in before.items():
        assert delta.scan(url, at).sort("n", "who").collect().equals(rows)
    assert holding(url, gone) == {}
    delta.delete(url, "n = 0")
    delta.write(url, pl.DataFrame({"who": ["eve"], "n": [9], "why": [["z"]]}))
    assert delta.scan(url).filter(pl.col("who") == "bob").collect().height == commits - 2
    assert delta.mend(url) is False


def test_a_table_without_its_first_versions_is_written_anew(tmp_path: Path) -> None:
    table = tmp_path / "t"
    filled(table, 104)
    url = str(table)
    for n in range(100):  # what retention does once they are old
        (table / "_delta_log" / f"{n:020}.json").unlink()
    take_out(url, gone, holding(url, gone), tmp_path / "aside")
    assert ANA.encode() not in bytes_of(table)
    assert newest(table) == 104 and delta.position(url, "journal:x") == 104
    assert delta.scan(url).collect().height == 208 and holding(url, gone) == {}
    delta.write(url, pl.DataFrame({"who": ["eve"], "n": [9], "why": [["z"]]}), upto=("journal:x", 105))
    assert delta.scan(url).collect().height == 209


def test_the_list_knows_numbers_and_texts_and_only_where_they_were_forgotten(tmp_path: Path) -> None:
    people = Forgotten.read(tmp_path)
    people.add("17")
    people.add("u1", ["orders"])
    again = Forgotten.read(tmp_path)
    assert again.among("orders", [17, 17.0, "17", 18, None]) == {17, "17"}
    assert again.among("orders", ["u1"]) == {"u1"} and again.among("seen", ["u1"]) == set()
    assert "u1" not in (tmp_path / "forgotten.json").read_text()
    assert (tmp_path / "forgotten.json").stat().st_mode & 0o077 == 0, "the key is for this user alone"
    assert again.remove("u1") and not again.remove("u1")
    (tmp_path / "forgotten.json").write_text("{}")
    with pytest.raises(StateError, match="format"):
        Forgotten.read(tmp_path)


def shop(**more: str) -> SystemSpec:
    source = {
        "path": "o.csv",
        "id": "o",
        "columns": {"o": "string", "user": {"type": "int", "from": "visitor"}},
        **more,
    }
    content = {"format": 1, "system": "shop", "purpose": "x", "sources": {"orders": source}}
    return SystemSpec.model_validate({**content, "objectives": {"x": {"type": "binary", "per": "orders", "label": {}}}})


def test_who_a_number_is_and_where_nobody_says() -> None:
    one = Person.of("17", shop(person="user"))
    assert one.named({"sent": {"visitor": [3, 17]}}) and one.named({"user": 17.0})
    assert not one.named({"scores": [17], "user": 171, "n": "17", "visitor": True})
    with pytest.raises(SpecError, match="no source says whose"):
        Person.of("17", shop())
    with pytest.raises(SpecError, match="did you mean 'orders'"):
        Person.of("17", shop(person="user"), ("order",))


def test_numbers_refused_rows_and_broken_lines(tmp_path: Path) -> None:
    system = shop(person="user", path="o.jsonl")
    lines = ['{"o": "a", "visitor": 17}', '{"o": "b", "visitor": 171}', '{"o": "c", "visitor": "x", "to": 17}']
    lines += ['{"o": 3, "visitor": 17', '{"o": "a", "visitor": 17, "o2": 1}', '{"o": "b", "visitor": 17}']
    (tmp_path / "o.jsonl").write_text("\n".join(lines) + "\n")
    lake = Lake(str(tmp_path / "lake"))
    ingest(system, lake, base=tmp_path)
    found = find(system, lake, Person.of("17", system))
    assert found.rows == {"accepted/orders": 1, "quarantine/orders": 2, "raw/orders": 3}
    with lake.writing():
        forget(lake, found)
    assert lake.read("orders", ["o", "user"]).rows() == [("b", 171)]
    assert find(system, lake, Person.of("17", system)).rows == {}
    people = Forgotten.read(tmp_path)
    people.add("17")
    again = ingest(system, lake, base=tmp_path, force=True, forgotten=people)["orders"].counts
    assert again.forgotten == 3 and again.balanced() and lake.read("orders").height == 1


def test_a_journal_that_was_wiped_has_no_byte_of_what_it_dropped(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal", Clock())
    for n in range(40):
        rows = b"\n".join(b'{"who": "%s", "n": %d}' % (ANA.encode(), n) for _ in range(500))
        journal.append([Entry("events", "orders", 500, rows), Entry("decisions", "", 1, b"{}")])
    while journal.prune({"orders": journal.last}):
        pass

    def held() -> bool:
        return any(ANA.encode() in file.read_bytes() for file in (tmp_path / "journal").iterdir())

    assert held(), "what is dropped stays in free pages and in the write-ahead log"
    journal.wipe()
    assert not held()
    assert journal.append([Entry("events", "orders", 1, b'{"who": "bob"}')]) == [40 * 501 + 1]
    journal.close()
    again = Journal.open(tmp_path / "journal", Clock())
    assert again.rows_waiting == 41 and not held()
    again.close()
