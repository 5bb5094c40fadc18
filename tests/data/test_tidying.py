"""What stays of the past of tables that are written all day."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from tests.data.test_drain import SOURCES, Flow, order

from poise.clock import DAY, SECOND
from poise.data import delta
from poise.data.drained import Drained


@pytest.fixture
def flow(bench, make):
    one = Flow(bench, make(**SOURCES))
    yield one
    one.reader.close()
    one.journal.close()


def aged(url, days):
    """As if everything that the table has so far was written so many days ago."""
    for file in [*Path(url).glob("*.parquet"), *(Path(url) / "_delta_log").iterdir()]:
        at = file.stat().st_mtime - days * DAY / SECOND
        os.utime(file, (at, at))


def logs(url):
    return sorted(int(file.stem) for file in (Path(url) / "_delta_log").glob("*.json"))


def test_entries_of_raw_rows_go_after_a_month_and_accepted_rows_keep_every_version(flow):
    lake = flow.bench.lake
    urls = [lake.table("accepted", "orders"), lake.table("raw", "orders"), lake.decisions]
    decided = {"kind": "list", "at": 1, "release": "r1", "per": "orders"}
    for n in range(4):
        flow.take("orders", order(n))
        flow.take("", decided, kind="decisions")
        flow.drain.once(everything=True)
    flow.drain.expire()
    for url in urls:
        aged(url, 40)
    flow.take("orders", order(9))
    flow.take("", decided, kind="decisions")
    flow.drain.once(everything=True)
    for url in urls[1:]:
        delta.table(url).create_checkpoint()
    flow.drain.expire()
    accepted, *others = map(logs, urls)
    assert accepted == list(range(len(accepted))) and flow.bench.lake.read("orders", version=1).height == 2
    assert all(0 not in entries and entries for entries in others)
    assert flow.raw("orders").height == 5 and delta.scan(lake.decisions).collect().height == 5
    flow.take("orders", order(10))
    flow.restart().once(everything=True)
    assert flow.accepted("orders").height == 6 == flow.raw("orders").height


def test_a_table_from_before_gets_the_settings_of_today_once(flow):
    url = flow.bench.lake.table("accepted", "orders")
    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    delta.table(url).alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 36500 days"})
    flow.drain.expire()
    after = delta.version(url)
    flow.drain.expire()
    assert delta.version(url) == after == 2
    assert delta.table(url).metadata().configuration == delta.CONFIGURATION


def test_checkpoints_do_not_grow_with_the_number_of_commits(tmp_path, monkeypatch):
    monkeypatch.setitem(delta.CONFIGURATION, "delta.deletedFileRetentionDuration", "interval 0 seconds")
    table = Drained(str(tmp_path / "t" / "orders"), "journal:x")
    for n in range(301):
        table.append(pl.DataFrame({"x": [n]}), n + 1)
        table.compact()
    sizes = [file.stat().st_size for file in sorted((tmp_path / "t" / "orders" / "_delta_log").glob("*.parquet"))]
    assert len(sizes) == 3 and max(sizes) < 2 * min(sizes)
    assert delta.scan(table.url, 120).collect().height >= 118, "and older versions can be read"


def test_files_whose_replacement_nobody_tells_of_any_more_go_too(flow):
    flow.take("orders", order(1))
    flow.drain.once(everything=True)
    url = flow.bench.lake.table("raw", "orders")
    left = Path(url) / "left-of-a-kill.parquet"
    flow.raw("orders").write_parquet(left)
    flow.drain.expire()
    assert left.exists(), "it may be about to be committed"
    aged(url, 40)
    flow.drain.expire()
    assert not left.exists() and flow.raw("orders").height == 1
