"""A write is on disk when it returns; a commit that a power loss tore is taken back."""

from __future__ import annotations

import os

import polars as pl
import pytest
from deltalake import write_deltalake

from poise.data import delta
from poise.errors import StateError

ROWS = pl.DataFrame({"x": [1, 2]})


def test_files_log_and_folders_are_synced_before_a_write_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(os.readlink(f"/proc/self/fd/{handle}")), fsync(handle))
    )
    url = str(tmp_path / "lake" / "t")
    delta.write(url, ROWS)
    names = [os.path.basename(path) for path in synced]
    assert any(name.endswith(".parquet") for name in names)
    assert {"00000000000000000000.json", "_delta_log", "t", "lake"} <= set(names)
    parquet = next(i for i, name in enumerate(names) if name.endswith(".parquet"))
    assert parquet < names.index("00000000000000000000.json") < names.index("t")
    synced.clear()
    delta.write(url, ROWS)
    assert "00000000000000000001.json" in {os.path.basename(path) for path in synced}


@pytest.mark.parametrize("damage", ["log cut", "log empty", "data gone", "data cut"])
def test_a_torn_commit_is_taken_back(tmp_path, damage):
    url = str(tmp_path / "t")
    delta.write(url, ROWS)
    before = set(tmp_path.rglob("*.parquet"))
    delta.write(url, ROWS)
    log = tmp_path / "t" / "_delta_log" / "00000000000000000001.json"
    data = (set(tmp_path.rglob("*.parquet")) - before).pop()
    if damage.startswith("log"):
        log.write_bytes(b"" if damage == "log empty" else log.read_bytes()[:-30])
    elif damage == "data gone":
        data.unlink()
    else:
        data.write_bytes(data.read_bytes()[:10])
    assert delta.mend(url)
    assert delta.version(url) == 0 and delta.scan(url).collect().height == 2
    assert not delta.mend(url)
    delta.write(url, ROWS)
    assert delta.scan(url).collect().height == 4


def test_a_version_that_is_not_there_is_said(tmp_path):
    delta.write(str(tmp_path / "t"), ROWS)
    with pytest.raises(StateError, match="at version 7"):
        delta.scan(str(tmp_path / "t"), 7)


@pytest.mark.parametrize("name", ["my lake", "räum 💥", "100%", "a#b?c*d{e}", "it's", "plain"])
def test_the_folder_may_be_called_anything(tmp_path, name):
    url = str(tmp_path / name / "t")
    delta.write(url, ROWS)
    delta.write(url, ROWS.with_columns(y=pl.col("x") * 10))
    assert delta.scan(url).sort("y").collect().rows() == [(1, None), (2, None), (1, 10), (2, 20)]
    assert delta.scan(url, 0).collect().equals(ROWS)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a[b]", "a|b", "a^b", "a%20b", "a\\b"])
def test_a_folder_that_the_library_fails_on_is_said(tmp_path, name):
    with pytest.raises(StateError, match="cannot hold tables: its path has"):
        delta.write(str(tmp_path / name / "t"), ROWS)
    assert not os.listdir(tmp_path)


def test_tables_that_others_wrote_in_parts_are_read_from_any_folder(tmp_path):
    url = str(tmp_path / "my lake")
    write_deltalake(url, ROWS.with_columns(kind=pl.Series(["a b", "c%d"])), partition_by=["kind"])
    found = pl.scan_delta(delta.table(url)).collect().sort("x")
    assert found["kind"].to_list() == ["a b", "c%d"]


def test_a_disk_that_takes_nothing_is_said(tmp_path):
    (tmp_path / "t").write_text("a file where the table should be")
    with pytest.raises(StateError, match="cannot be reached"):
        delta.write(str(tmp_path / "t"), ROWS)


def test_checkpoints_are_synced_and_old_versions_stay(tmp_path):
    url = str(tmp_path / "t")
    for _ in range(103):
        delta.write(url, ROWS)
    assert delta.scan(url, 0).collect().height == 2
    assert delta.scan(url).collect().height == 206
