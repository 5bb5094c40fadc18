"""A table becomes a case: columns, sampling, copies, time and keys."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.assessment.reading import read_case
from poise.errors import DataError
from poise.table import MISSING_TIME
from tests.assessment.tables import in_time, table


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "tsv"])
def test_every_format_gives_the_same_case(ending: str, tmp_path: Path) -> None:
    frame = table("rule", 80).with_columns(c=pl.Series(["a", "b"] * 40))
    path = tmp_path / f"t.{ending}"
    write = {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}
    write.get(ending, lambda p: frame.write_csv(p, separator="\t"))(path)
    case = read_case(path, "y")
    assert case.problem == "binary" and case.name == "t" and case.rows == case.rows_in == 80
    assert dict(case.types) == {f"x{j}": "number" for j in range(5)} | {"c": "category"}
    np.testing.assert_allclose(case.table["x0"].values, frame["x0"].to_numpy())
    assert case.target.tolist() == frame["y"].to_list()


def test_a_packed_file_is_called_as_the_one_in_it(tmp_path: Path) -> None:
    path = tmp_path / "my.visits.csv.gz"
    path.write_bytes(gzip.compress(table("rule", 40).write_csv().encode()))
    assert read_case(path, "y").name == "my.visits"


def test_what_does_not_exist_is_said_with_the_nearest(tmp_path: Path) -> None:
    frame = table("rule", 40).rename({"y": "churned"})
    with pytest.raises(DataError, match=r"no column 'churnd' for the target \(did you mean 'churned'"):
        read_case(frame, "churnd")
    with pytest.raises(DataError, match="does not exist"):
        read_case(tmp_path / "no.csv", "y")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="tells no format"):
        read_case(tmp_path / "t.xlsx", "y")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        read_case(tmp_path / "empty.csv", "y")
    with pytest.raises(DataError, match="different columns"):
        read_case(frame, "churned", time="churned")


def test_a_large_table_is_sampled_evenly_and_says_so() -> None:
    frame = table("rule", 30_000).with_columns(row=pl.int_range(30_000) * 1.5)
    case = read_case(frame, "y", rows=6_000)
    assert case.rows_in == 30_000 and abs(case.rows - 6_000) < 100
    assert "of 30,000 rows were drawn evenly" in case.notes[0]
    gaps = np.diff(case.table["row"].values)
    assert gaps.max() < 1.5 * 20, "rows come from everywhere"


def test_a_sample_holds_whole_keys() -> None:
    keys = np.repeat(np.arange(6_000), 5)
    frame = table("rule", 30_000).with_columns(k=pl.Series(keys))
    case = read_case(frame, "y", key="k", rows=6_000)
    assert abs(case.rows - 6_000) < 300 and case.groups is not None
    assert set(np.unique(case.groups, return_counts=True)[1]) == {5}
    assert "k" not in case.types and case.dropped["k"].startswith("rows of one key")


def test_rows_without_target_or_time_are_left_out_and_counted() -> None:
    frame = in_time(table("rule", 100)).with_columns(
        y=pl.when(pl.int_range(100) < 10).then(None).otherwise(pl.col("y")),
        asked=pl.when(pl.int_range(100) > 94).then(None).otherwise(pl.col("asked")),
    )
    case = read_case(frame, "y", time="asked")
    assert case.rows == 85 and case.rows_in == 100 and case.timed
    assert "10 of 100 rows have no 'y' and are left out" in case.notes
    assert "5 rows have no 'asked' and are left out" in case.notes


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([f"2024-01-{d:02d}" for d in range(1, 31)], "2024-01-01"),
        ([f"{d:02d}/01/2024" for d in range(1, 31)], "2024-01-01"),
        ([1_704_067_200 + d * 86_400 for d in range(30)], "2024-01-01"),
        ([20240101 + d for d in range(30)], "2024-01-01"),
        ([1990 + d for d in range(30)], "1990-01-01"),
    ],
)
def test_time_is_understood_in_its_spellings(values: list[object], first: str) -> None:
    case = read_case(table("rule", 30).with_columns(t=pl.Series(values)), "y", time="t")
    assert str(np.datetime64(int(case.time[0]), "us"))[:10] == first
    assert (case.time != MISSING_TIME).all()


def test_dates_become_their_parts_and_are_measured_from_the_time() -> None:
    frame = in_time(table("rule", 100)).with_columns(born=pl.date(2024, 12, 1))
    frame = frame.with_columns(born=pl.col("born") + pl.duration(days=pl.int_range(100) % 7))
    alone = read_case(frame.drop("asked"), "y")
    assert {"born: weekday", "born: days since 1970"} <= set(alone.types)
    timed = read_case(frame, "y", time="asked")
    assert "born: days before" in timed.types and timed.column_of("born: weekday") == "born"
    assert timed.table["born: days before"].values[0] == 31.0


def test_copies_are_seen_and_what_often_happens_is_no_copy() -> None:
    frame = table("noise", 50)
    case = read_case(pl.concat([frame] * 3), "y")
    assert case.copies is not None and len(np.unique(case.copies)) == 50
    assert "100 of 150 rows are copies" in case.notes[-1]
    often = pl.DataFrame({"a": [0, 1] * 50, "b": [0, 0, 1, 1] * 25, "y": [0, 1, 1, 0] * 25})
    assert read_case(often, "y").copies is None


def test_copies_are_seen_where_only_columns_together_tell_rows_apart() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{j}": rng.integers(0, 30, 800) for j in range(6)} | {"y": rng.integers(0, 2, 800)})
    case = read_case(pl.concat([frame, frame.head(200)]), "y")
    assert case.copies is not None and len(np.unique(case.copies)) == 800
    assert read_case(frame, "y").copies is None
    chance = pl.DataFrame({f"c{j}": rng.integers(0, 5, 4_000) for j in range(5)} | {"y": rng.integers(0, 2, 4_000)})
    assert read_case(chance, "y").copies is None, "such rows repeat by chance"


def test_a_table_that_holds_nothing_to_learn_from_is_an_obstacle() -> None:
    few = read_case(table("rule", 12), "y").obstacle
    assert few is not None and few.verdict == "collect data first" and "only 12 rows" in few.sentence
    none = read_case(table("rule", 100).select("y", id=pl.int_range(100)), "y").obstacle
    assert none is not None and "no column beside 'y'" in none.sentence
    rare = read_case(table("rule", 100).with_columns(y=(pl.int_range(100) == 3)), "y").obstacle
    assert rare is not None and "only 1 of 100 rows" in rare.sentence


def test_files_as_people_keep_them(tmp_path: Path) -> None:
    """A row number without a name, semicolons, commas for points, and a byte-order mark."""
    frame = table("rule", 60).select("x0", "y")
    lines = [";x0;y", *(f"{i};{str(x).replace('.', ',')};{y}" for i, (x, y) in enumerate(frame.iter_rows()))]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    case = read_case(path, "y")
    assert list(case.types) == ["x0"] and case.dropped == {"": "it numbers the rows: every row has its own value"}
    np.testing.assert_allclose(case.table["x0"].values, frame["x0"].to_numpy())


def test_broken_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{i % 7},{i % 2}" for i in range(50)]
    path.write_text("\n".join(["a,y", *rows[:20], "1,2,3", "", "4", *rows[20:], ""]), encoding="utf-8")
    case = read_case(path, "y")
    assert "3 lines are broken" in case.notes[0] and case.problem == "binary"
    assert case.table["a"].values.tolist() == [i % 7 for i in range(50)]
    path.write_text("\n".join(["a,y", *(f"{row}," for row in rows)]), encoding="utf-8")
    assert read_case(path, "y").rows == 50, "a separator at the end of every line loses nothing"


def test_what_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "my t.csv"
    path.write_bytes("città,y\n1,2\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"not text in UTF-8.* iconv -f CP1252 -t UTF-8 'my t.csv' > utf8.csv"):
        read_case(path, "y")
    path.write_bytes(b"a,y\n" + "Málaga,2\n".encode("latin-1") * 50)
    with pytest.raises(DataError, match="not text in UTF-8"):
        read_case(path, "y")
    path.write_text("a,a,y\n1,2,3\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"'a' twice .*a name of its own"):
        read_case(path, "y")


def test_a_time_in_two_spellings_is_refused_with_both() -> None:
    mixed = [f"2024-01-{i % 28 + 1:02}" if i % 2 else f"{i % 28 + 1:02}.01.2024" for i in range(60)]
    with pytest.raises(DataError, match=r"in one spelling, e.g. '01.01.2024' and '2024-01-02'"):
        read_case(table("rule", 60).with_columns(at=pl.Series(mixed)), "y", time="at")


def test_rows_without_a_key_stand_alone() -> None:
    keys = [None, None, *[f"k{i // 4}" for i in range(58)]]
    case = read_case(table("rule", 60).with_columns(k=pl.Series(keys)), "y", key="k")
    assert case.groups is not None and len(np.unique(case.groups[:2])) == 2 and len(np.unique(case.groups)) == 17
