"""`skew`: what agrees is said to agree, what does not is found and named, and what cannot be known is counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.interfaces.cli.in_process import poise
from tests.monitoring.kitchen import answered, ask, drained
from tests.serving.bare import desk, row

from poise.clock import HOUR, Clock
from poise.data import delta
from poise.data.taking_up import TAKE_UP
from poise.errors import Refused, StateError, UsageError
from poise.interfaces.system import System
from poise.monitoring import reasons
from poise.monitoring.skew import NO_T, WAITS, FeatureSkew, SkewReport
from poise.releases.snapshot import columns_of
from poise.serving.loaded import Loaded

ANSWERS = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a system answered; no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
            patch.delenv(name, raising=False)
        return answered(tmp_path_factory.mktemp("kitchen"), ANSWERS).path.parent


@pytest.fixture
def system(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """A copy of it for one test."""
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(made, tmp_path / "kitchen")
    return System.read(tmp_path / "kitchen" / "poise.yaml")


def relogged(system: System, change: Callable[[int, dict[str, Any]], None]) -> None:
    """Change records of the decision log, by their number."""
    rows = delta.scan(system.lake.decisions).collect().sort("_position")
    records = [json.loads(line) for line in rows["decision"]]
    for number, record in enumerate(records):
        change(number, record)
    fields = {"decision": [json.dumps(r) for r in records], "release": [r["release"] for r in records]}
    time = pl.Series("time", [r["at"] for r in records], pl.Int64).cast(rows.schema["time"])
    delta.write(
        system.lake.decisions, rows.with_columns(time, **{k: pl.Series(v) for k, v in fields.items()}), replace=True
    )


def late_row(system: System) -> pl.DataFrame:
    """The row of a dish often asked for that came latest of those that happened before the first answer."""
    first = delta.scan(system.lake.decisions).select(pl.col("time").min()).collect().item()
    rows = system.lake.read("seen").filter(
        (pl.col("_time") < first - pl.duration(minutes=30)) & (pl.col("dish") == "soup")
    )
    return rows.sort("_known").tail(1)


def named(report: SkewReport, name: str) -> FeatureSkew:
    return next(one for one in report.features if one.name == name)


def disagreements(report: SkewReport) -> dict[str, int]:
    return {one.name: one.disagreements for one in report.disagreeing}


def test_what_was_served_is_what_the_lake_says(system: System) -> None:
    report = system.check_skew()
    assert (report.answers, report.there, report.sampled) == (ANSWERS, ANSWERS, False)
    assert report.compared == report.rows >= 3 * (ANSWERS - 1) and not report.skipped
    assert disagreements(report) == {} and not any(one.explained for one in report.features)
    assert {"seen_sum_price_7d_by_dish", "seen_count_1d_by_dishes_kind", "dishes.cost", "dear", "food"} <= {
        one.name for one in report.features
    }
    assert named(report, "seen_place").compared == report.rows, "answered as for the first place"
    said = poise(system.path.parent, "check", "skew")
    assert said.returncode == 0 and "are what the lake says" in said.stdout, said.stdout + said.stderr


def test_a_value_that_was_not_served_so_is_found_and_named(system: System) -> None:
    found: dict[str, Any] = {}

    def one_more(number: int, record: dict[str, Any]) -> None:
        if number == 20:
            record["features"]["seen_count_7d_by_dish"][1] += 1
            record["features"]["food"][0] = "hot"
            found.update(record)

    relogged(system, one_more)
    report = system.check_skew()
    assert disagreements(report) == {"seen_count_7d_by_dish": 1, "food": 1}
    one = named(report, "seen_count_7d_by_dish")
    assert one.worst is not None and one.rate == 1 / one.compared
    assert (one.worst.decision, one.worst.row) == (found["ids"][0], found["logged"][1])
    assert one.worst.time == found["at"] and one.worst.release == "c1"
    assert one.worst.served == one.worst.batch + 1 == found["features"]["seen_count_7d_by_dish"][1]
    assert one.worst.keys["dish"] == found["sent"]["dish"][1]

    said = poise(system.path.parent, "check", "skew")
    assert said.returncode == Refused.exit_code == 4
    assert f"seen_count_7d_by_dish: 1 of {one.compared}" in said.stdout and found["ids"][0] in said.stdout
    told = json.loads(poise(system.path.parent, "check", "skew", "--json").stdout)
    assert sorted(told["disagreeing"]) == ["food", "seen_count_7d_by_dish"]
    worst = {f["feature"]: f["worst"] for f in told["features"]}
    assert worst["food"]["served"] == "hot" and worst["seen_place"] is None


def test_a_row_that_was_known_earlier_than_it_was_is_found(system: System) -> None:
    """As if κ were put back: an answer did not see what by the lake it could have seen."""
    rows, late = system.lake.read("seen"), late_row(system)
    put_back = pl.when(pl.col("_seq") == late["_seq"][0]).then(pl.col("_time")).otherwise(pl.col("_known"))
    delta.write(system.lake.table("accepted", "seen"), rows.with_columns(put_back.alias("_known")), replace=True)
    report = system.check_skew()
    count = named(report, "seen_count_7d_by_dish")
    assert count.disagreements and count.worst is not None and not count.explained
    assert count.worst.batch == (count.worst.served or 0) + 1
    assert count.worst.keys["dish"] == late["dish"][0]


@pytest.mark.parametrize(("size", "found"), [(1e-11, 0), (1e-7, 1)])
def test_sums_may_differ_by_how_they_were_added_up(system: System, size: float, found: int) -> None:
    """By 1e-9 of the sum of magnitudes, which here is some 1e9; the sum itself may be 0."""

    def off(number: int, record: dict[str, Any]) -> None:
        if number == ANSWERS - 1:
            record["features"]["seen_sum_price_7d_by_dish"][0] += size * 1e9

    relogged(system, off)
    assert disagreements(system.check_skew()) == ({"seen_sum_price_7d_by_dish": 1} if found else {})


def test_what_cannot_be_compared_is_counted_with_the_reason(system: System) -> None:
    def odd(number: int, record: dict[str, Any]) -> None:
        if number == 0:
            record["release"] = "r9"
        if number == 1:
            record["at"] = None
        if number == 2:
            record["features"]["gone"] = record["features"].pop("food")
        if number == 3:
            del record["sent"]["dish"]

    relogged(system, odd)
    report = system.check_skew()
    assert disagreements(report) == {} and report.compared == report.rows - sum(report.skipped.values())
    assert report.skipped[NO_T] >= 3
    told = " ".join(report.skipped)
    assert "release r9 is gone: there is no release 'r9'" in told and "have no 'gone'" in told
    assert "release c1, rows of seen: dish: this column is required" in told
    said = poise(system.path.parent, "check", "skew").stdout
    assert NO_T in said and "r9 is gone" in said

    shutil.rmtree(system.settings.journal)
    shutil.rmtree(system.lake.table("accepted", "dishes"))
    report = system.check_skew()
    assert report.compared == 0 and any("no rows of source 'dishes'" in reason for reason in report.skipped)
    assert poise(system.path.parent, "check", "skew").returncode == 0


def test_answers_after_rows_that_are_not_in_the_lake_yet_wait(system: System) -> None:
    """A server holds the journal: it will bring them, and this waits for it."""
    loaded = Loaded.of(system.folder("c1"))
    with desk(loaded, system.settings.journal) as opened:
        for source, columns in columns_of(loaded.declarations).items():
            opened.answerer.store.observe(system.lake.history(system.spec, source, sorted(columns)))
        opened.run(lambda: ask(opened))
        report = system.check_skew()
        assert report.answers == ANSWERS and report.waiting.answers == 1 and report.waiting.rows == 0

        opened.run(lambda: opened.fates(row("new", "soup", price=1)))
        opened.run(lambda: ask(opened))
        assert "2 answers and 1 rows are on their way" in poise(system.path.parent, "check", "skew").stdout
        later = Clock().now()
        whole = delta.scan(system.lake.decisions).collect()
        ahead = (
            whole.sort("_position")
            .tail(1)
            .with_columns(
                pl.lit(opened.journal.last + 1).alias("_position"), pl.lit(later).cast(whole.schema["_at"]).alias("_at")
            )
        )
        delta.write(system.lake.decisions, ahead)  # as if answers had been quicker on their way than rows
        report = system.check_skew()
        assert report.answers == ANSWERS + 1 and set(report.skipped) == {WAITS}

    shutil.rmtree(system.lake.decisions)
    report = system.check_skew()
    assert report.there == 0 or report.waiting.rows == 0, "nobody holds it: what waits was written first"
    assert system.lake.read("seen").filter(pl.col("seen_id") == "snew").height == 1


def test_a_first_version_after_the_answer_is_a_reason(system: System) -> None:
    loaded = Loaded.of(system.folder("c1"))
    with desk(loaded, system.settings.journal) as opened:
        for source, columns in columns_of(loaded.declarations).items():
            opened.answerer.store.observe(system.lake.history(system.spec, source, sorted(columns)))

        async def act() -> None:
            assert await opened.fates(row("cake", "cake", price=3)) == ["accepted"]
            await ask(opened, "cake")
            assert await opened.fates({"dish": "cake", "kind": "cold", "cost": 2, "open": True}, source="dishes")

        opened.run(act)
    drained(system)
    rows = delta.scan(system.lake.decisions).collect().sort("_position")
    last = json.loads(rows["decision"][-1])
    assert "cake" in last["items"] and last["allowed"][last["items"].index("cake")] != 1, "not known to be open"

    def shown(number: int, record: dict[str, Any]) -> None:
        """The log keeps what is shown; let it be one that keeps all."""
        if number == ANSWERS:
            names = record["features"]
            record["logged"] = [4]
            record["sent"] = {"dish": ["cake"], "price": [2.0]}
            record["features"] = {name: [None] for name in names} | {
                "seen_place": [0.0],
                "food": ["none"],
                "dear": [-1.0],
                **{
                    n: [1.0]
                    for n in ("seen_count_7d_by_dish", "seen_count_1h_by_dish", "seen_distinct_price_7d_by_dish")
                },
                **{n: [3.0] for n in ("seen_sum_price_7d_by_dish", "seen_max_price_7d_by_dish")},
            }

    relogged(system, shown)
    report = system.check_skew()
    assert disagreements(report) == {}
    assert {one.name for one in report.features if one.explained} >= {"dishes.cost", "dishes.open", "food"}
    assert set(named(report, "dishes.cost").explained) == {reasons.FIRST}
    assert reasons.FIRST in poise(system.path.parent, "check", "skew").stdout


def test_rows_of_a_file_that_came_in_beside_the_server_are_a_reason(system: System) -> None:
    """It takes some moments to see them, and the lake says that they were known at once."""
    rows = system.lake.read("seen")
    answers = delta.scan(system.lake.decisions).collect().sort("_position")
    beside = late_row(system).with_columns(
        pl.lit("file").alias("_ingest"),
        pl.lit(10_000).cast(pl.Int64).alias("_seq"),
        pl.lit("s-file").alias("seen_id"),
        (answers["time"][20] - pl.duration(seconds=1)).alias("_known"),
    )
    delta.write(system.lake.table("accepted", "seen"), beside)
    report = system.check_skew()
    assert disagreements(report) == {}
    assert set(named(report, "seen_count_7d_by_dish").explained) == {reasons.BESIDE}
    delta.write(
        system.lake.table("accepted", "seen"),
        pl.concat([rows, beside.with_columns(_known=pl.col("_known") - pl.duration(minutes=5))]),
        replace=True,
    )
    assert disagreements(system.check_skew())["seen_count_7d_by_dish"], "no server takes minutes"


@pytest.mark.parametrize(("answer", "found"), [(ANSWERS, False), (30, True), (20, True)])
def test_what_a_server_noted_that_it_saw_is_held_against_it(system: System, answer: int, found: bool) -> None:
    """No answer was made of this row: right up to the instant from which the server says that it saw it."""
    answers = delta.scan(system.lake.decisions).collect().sort("_position")["time"]
    beside = late_row(system).with_columns(
        pl.lit("file").alias("_ingest"),
        pl.lit(10_000).cast(pl.Int64).alias("_seq"),
        pl.lit("s-file").alias("seen_id"),
        (answers[10] - pl.duration(seconds=1)).alias("_known"),
    )
    delta.write(system.lake.table("accepted", "seen"), beside)
    instant = int((answers.dt.timestamp("us")).to_list()[min(answer, ANSWERS - 1)]) + (answer == ANSWERS)
    details = {"source": "seen", "rows": [(9_999, 10_000, instant)]}
    system.state.note(TAKE_UP, "kitchen", why="for a test", details=details)
    feature = named(system.check_skew(), "seen_count_7d_by_dish")
    assert set(feature.explained) == {reasons.BESIDE} and bool(feature.disagreements) is found
    if found:
        assert feature.worst is not None and feature.worst.time > instant


def keeping(system: System) -> System:
    """The system, of which a release keeps a week of `seen`."""
    text = system.folder("c1").system_file.read_text(encoding="utf-8")
    kept = System.read(system.path)
    system.path.write_text(
        text.replace("    time: at\n    columns:", "    time: at\n    keep: 7d\n    columns:"), encoding="utf-8"
    )
    spec = System.read(system.path).spec
    assert spec.sources["seen"].keep
    object.__setattr__(kept, "system_of", lambda _: spec)
    return kept


def test_rows_that_are_no_longer_kept_are_a_reason(system: System) -> None:
    rows = system.lake.read("seen")
    old = rows["_time"].min()
    delta.write(system.lake.table("accepted", "seen"), rows.filter(pl.col("_time") != old), replace=True)
    assert disagreements(system.check_skew())["seen_count_7d_by_dish"]
    report = keeping(system).check_skew()
    assert disagreements(report) == {}
    assert set(named(report, "seen_count_7d_by_dish").explained) == {reasons.KEPT}


def test_what_deleting_cannot_have_done_is_found_where_rows_are_not_kept(system: System) -> None:
    def wrong(number: int, record: dict[str, Any]) -> None:
        served = record["features"]
        if number == ANSWERS - 1:
            served["seen_count_1h_by_dish"][0] += 1  # too short to reach what is deleted
            served["seen_sum_price_7d_by_dish"][0] += 1e9  # and the count is the same
            served["food"][0], served["seen_place"][0] = "hot", 1.0
            served["dear"][0] = 5e9  # of a mean that is what the lake says
        if number == ANSWERS - 2:
            served["seen_count_7d_by_dish"][0] -= 1  # rows came in since
        if number == ANSWERS - 3:
            served["seen_distinct_price_7d_by_dish"][0] = None

    relogged(system, wrong)
    names = {"seen_count_1h_by_dish", "seen_sum_price_7d_by_dish", "food", "seen_place", "dear"}
    names |= {"seen_count_7d_by_dish", "seen_distinct_price_7d_by_dish"}
    assert disagreements(keeping(system).check_skew()) == dict.fromkeys(names, 1)


def test_which_answers_are_looked_at(system: System) -> None:
    times = delta.scan(system.lake.decisions).collect().sort("_position")["time"].dt.timestamp("us").to_list()
    report = system.check_skew(limit=5)
    assert report.answers == 5 and report.there == ANSWERS and report.sampled
    assert "the newest 5 of 40 answers" in poise(system.path.parent, "check", "skew", "--limit", "5").stdout
    assert system.check_skew(since=times[10], until=times[15]).there == 5
    assert system.check_skew(release="c1").there == ANSWERS
    none = system.check_skew(since=times[-1] + HOUR)
    assert none.there == 0 and none.features == []
    with pytest.raises(StateError):
        system.check_skew(release="r7")
    told = json.loads(poise(system.path.parent, "check", "skew", "--json", "--since", "2100-01-01").stdout)
    assert told["answers"] == 0 and told["features"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("skw", "there is no check 'skw' (did you mean 'skew'?)"),
        ("--limit 3", "are options of 'poise check skew'"),
        ("skew --since yesterday", "--since yesterday is no time"),
    ],
)
def test_misuse_is_named(made: Path, words: str, said: str) -> None:
    done = poise(made, "check", *words.split())
    assert done.returncode == UsageError.exit_code and said in done.stderr


def test_before_anything_was_answered(system: System) -> None:
    shutil.rmtree(system.lake.decisions)
    shutil.rmtree(system.settings.journal)
    said = poise(system.path.parent, "check", "skew")
    assert said.returncode == 0 and "There are no answers to compare" in said.stdout
