"""Leakage probes: what is only good with rows or columns from later must gain nothing, or be refused by a sentence."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from poise.errors import DataError, NotEnoughData, SpecError
from poise.features.plan import FeaturePlan
from poise.features.requests import requests_of
from poise.interfaces.system import System
from poise.releases.examples import assemble, plans_of, read_sources
from poise.releases.extras import extra_names
from tests.journeys.conftest import Write

N = 1500
START = 1_700_000_000
HEAD = """
format: 1
system: probe
purpose: Learn nothing where nothing can be known.
clock: replay
"""
ASKED = """
  asked:
    path: rows.csv
    id: row
    time: at
    columns: &row {row: string, at: time, done: time, who: string, x: float, y: bool, spoiler: float}
    request: [who, x]
"""


def coins(seed: int = 0, n: int = N, people: int = 50) -> pl.DataFrame:
    """n requests, one each hour, whose label is a fair coin; `spoiler` is the label itself."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    at = pl.from_epoch(pl.Series(START + 3600 * np.arange(n)))
    return pl.DataFrame(
        {
            "row": [f"r{i}" for i in range(n)],
            "at": at,
            "done": pl.from_epoch(pl.Series(START + 1800 + 3600 * np.arange(n))),
            "who": [f"w{i}" for i in rng.integers(people, size=n)],
            "x": rng.normal(size=n),
            "y": y,
            "spoiler": y.astype(float),
        }
    )


def judged_auc(system: System) -> float:
    """The AUC of the candidate on the judged rows; 0.5 where a constant was chosen."""
    system.ingest()
    found = system.train().folder.json("evidence")["objectives"]["y"]
    value = next((m["value"] for m in found["judge"]["metrics"] if m["name"] == "auc"), None)
    return 0.5 if value is None else float(value)


def nothing(auc: float) -> bool:
    """Whether chance alone explains this AUC of 225 judged rows (its deviation is 0.04)."""
    return 0.36 < auc < 0.64


def features(system: System, objective: str = "y") -> dict[str, list[float | None]]:
    """The batch features of all requests, in order."""
    system.ingest()
    plans = plans_of(system.spec, extra_names(system.spec))
    sources = read_sources(system.spec, system.lake, plans, extra_names(system.spec), None)
    per = system.spec.objectives[objective].per
    plan = FeaturePlan.of(system.spec, per)
    table = plan.batch(requests_of(system.spec, objective, sources.histories[per]), sources.histories)
    return {output.name: table[output.name].to_list() for output in plan.outputs}


def test_rows_that_come_after_the_request_gain_nothing(write: Write) -> None:
    """Each coin is written down, by name, an hour after it was asked for: as a log and as a history."""
    rows = coins(people=N)
    later = rows.with_columns(at=pl.col("at") + pl.duration(hours=1), who=pl.Series([f"w{i}" for i in range(N)]))
    rows = rows.with_columns(who=later["who"])
    system = write(
        HEAD
        + "sources:"
        + ASKED
        + """
  log: {path: later.csv, id: row, time: at, columns: {row: string, at: time, who: string, spoiler: float}}
  state: {path: later.csv, key: who, time: at, columns: {at: time, who: string, spoiler: float}}
features:
  - columns: {from: asked, take: x}
  - window: {from: log, by: who, over: [6h, 30d], take: [mean(spoiler), last(spoiler)]}
  - columns: {from: state, take: spoiler}
objectives:
  y: {type: binary, per: asked, label: {take: y}}
""",
        rows=rows,
        later=later,
    )
    assert nothing(judged_auc(system))
    found = features(system)
    assert set(found["state_spoiler"]) == {None} and set(found["log_last_spoiler_6h_by_who"]) == {None}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("columns: {from: asked, take: spoiler}", "not known to be sent"),
        ("compute: {z: spoiler * 2}", "not known to be sent"),
        ("compute: {z: asked.spoiler * 2}", "not known to be sent"),
        ("function: {call: 'numpy:abs', take: [spoiler], gives: z}", "not known to be sent"),
        ("window: {from: asked, by: who, over: 30d, take: mean(spoiler)}", "not among its request"),
        ("window: {from: asked, by: spoiler, over: 30d, take: count}", "spoiler"),
        ("window: {from: asked, by: who, over: 30d, take: last(y)}", "not among its request"),
    ],
)
def test_columns_of_the_same_row_known_later_are_refused(write: Write, entry: str, says: str) -> None:
    objectives = "objectives:\n  y: {type: binary, per: asked, label: {take: y}}\n"
    text = f"{HEAD}sources:{ASKED}\nfeatures:\n  - {entry}\n{objectives}"
    with pytest.raises(SpecError, match=says):
        write(text)


def test_terms_rules_and_times_of_asking_cannot_read_them_either(write: Write) -> None:
    objective = "{type: binary, per: asked, label: {take: y}"
    for tail, path in [
        (f"objectives:\n  y: {objective}, rule: spoiler}}\n", "spoiler"),
        (f"objectives:\n  y: {objective}, at: done - 1h}}\n", "done"),
        (
            f"objectives:\n  y: {objective}}}\ndecision:\n  per: asked\n  choose: [a, b]\n  terms:\n"
            "    t: {unit: USD, a: spoiler, b: y}\n",
            "spoiler",
        ),
    ]:
        with pytest.raises(SpecError, match=path):
            write(f"{HEAD}sources:{ASKED}\nfeatures:\n  - columns: {{from: asked, take: x}}\n{tail}")


def test_rows_at_exactly_the_time_of_asking_are_not_seen(write: Write) -> None:
    rows = coins(people=N).with_columns(who=pl.Series([f"w{i % 7}" for i in range(N)]))
    system = write(
        HEAD
        + "sources:"
        + ASKED
        + """
  log: {path: rows.csv, id: row, time: at, columns: {row: string, at: time, who: string, spoiler: float}}
  state: {path: rows.csv, key: who, time: at, columns: {at: time, who: string, spoiler: float}}
features:
  - columns: {from: state, take: spoiler}
  - window: {from: log, over: 5h, take: [last(spoiler), count]}
  - window: {from: log, by: who, over: 30d, take: [last(spoiler)]}
objectives:
  y: {type: binary, per: asked, label: {take: y}}
""",
        rows=rows,
    )
    assert nothing(judged_auc(system))
    found, truth = features(system), rows["spoiler"].to_list()
    assert found["state_spoiler"] == [None] * 7 + truth[:-7]
    assert found["log_last_spoiler_30d_by_who"] == [None] * 7 + truth[:-7]
    assert found["log_last_spoiler_5h"] == [None, *truth[:-1]]


def test_a_row_known_late_is_not_seen_before(write: Write) -> None:
    """Coins happen two hours before they are asked for, and are known half an hour after that: one of two is let in."""
    rows = coins(people=N).with_columns(who=pl.Series([f"w{i}" for i in range(N)]))
    early = rows.with_columns(
        at=pl.col("at") - pl.duration(hours=2),
        known=pl.when(pl.int_range(N) % 2 == 0).then(pl.col("at") + pl.duration(minutes=30)).otherwise(pl.col("at")),
    )
    system = write(
        HEAD
        + "sources:"
        + ASKED
        + """
  log:
    path: early.csv
    id: row
    time: at
    known: known
    columns: &early {row: string, at: time, known: time, who: string, spoiler: float}
  state: {path: early.csv, key: who, time: at, known: known, columns: *early}
features:
  - columns: {from: state, take: spoiler}
  - window: {from: log, by: who, over: 30d, take: [last(spoiler), count]}
objectives:
  y: {type: binary, per: asked, label: {take: y}}
""",
        rows=rows,
        early=early,
    )
    assert nothing(judged_auc(system))
    found = features(system)
    assert set(found["state_spoiler"]) == set(found["log_last_spoiler_30d_by_who"]) == {None}


LATE = (
    HEAD
    + "sources:"
    + ASKED
    + """
  truth: {path: truth.csv, id: row, time: at, WHEN, columns: {row: string, at: time, known: time, y: bool}}
features:
  - columns: {from: asked, take: x}
objectives:
  y: {type: binary, per: asked, label: {from: truth, match: row, take: y, within: WITHIN}}
"""
)


def parts_of(system: System) -> tuple[dict[str, pl.Series], dict[str, int]]:
    """T of the rows in each part, and the counts of labels."""
    system.ingest()
    extra = extra_names(system.spec)
    plans = plans_of(system.spec, extra)
    data = assemble(system.spec, plans, read_sources(system.spec, system.lake, plans, extra, None), extra)["y"]
    times = {
        name: np.sort(data.requests.time[getattr(data.split, name)]) for name in ("fit", "tune", "calibrate", "judge")
    }
    return {name: pl.from_epoch(pl.Series(t), time_unit="us") for name, t in times.items()}, data.counts


def test_labels_that_may_still_come_are_neither_learned_nor_judged(write: Write) -> None:
    rows = coins()
    truth = rows.select("row", "at", pl.col("at").alias("known"), "y")
    text = LATE.replace("WHEN", "late: 10h").replace("WITHIN", "20h")
    found, counts = parts_of(write(text, rows=rows, truth=truth))
    assert counts["immature"] == 30 and counts["usable"] == N - 30
    assert found["judge"].max() == rows["at"][N - 31]


def test_labels_known_only_after_the_next_part_began_stay_out(write: Write) -> None:
    """The truth of every fourth coin is known ten days later, though it is of the same instant."""
    rows = coins()
    wait = pl.when(pl.int_range(N) % 4 == 0).then(pl.duration(days=10)).otherwise(pl.duration(hours=1))
    truth = rows.select("row", "at", (pl.col("at") + wait).alias("known"), "y")
    text = LATE.replace("WHEN", "known: known").replace("WITHIN", "2h")
    found, counts = parts_of(write(text, rows=rows, truth=truth))
    known = dict(zip(truth["at"], truth["known"], strict=True))
    for one, following in (("fit", "tune"), ("tune", "calibrate"), ("calibrate", "judge")):
        begins = found[following].min()
        assert all(known[t] < begins for t in found[one])
    assert counts["usable"] == N - 2
    assert sum(len(times) for times in found.values()) < N - 3 * 24


def test_a_label_of_ninety_days_leaves_a_gap_before_every_part(write: Write) -> None:
    rows = coins().with_columns(at=pl.from_epoch(pl.Series(START + 24 * 3600 * np.arange(N))))
    text = LATE.replace(", WHEN", "").replace("WITHIN", "90d")
    found, _ = parts_of(write(text, rows=rows, truth=rows.select("row", "at", pl.col("at").alias("known"), "y")))
    for one, following in (("fit", "tune"), ("tune", "calibrate"), ("calibrate", "judge")):
        assert (found[following].min() - found[one].max()).days > 90


def test_a_label_that_equals_a_window_over_the_same_events_gains_nothing(write: Write) -> None:
    """Do they come again within three hours? A window over the very log of the label ends where the label begins."""
    rng = np.random.default_rng(3)
    rows = coins(people=20).with_columns(at=pl.from_epoch(pl.Series(START + np.sort(rng.integers(0, 3600 * N, N)))))
    system = write(
        HEAD
        + "sources:"
        + ASKED
        + """
features:
  - columns: {from: asked, take: x}
  - window: {from: asked, by: who, over: 3h, take: [count, since_last]}
objectives:
  y: {type: binary, per: asked, label: {from: asked, match: who, within: 3h}}
""",
        rows=rows,
    )
    auc = judged_auc(system)
    assert nothing(auc), auc
    at, who = rows["at"].to_list(), rows["who"].to_list()
    counted = features(system)["asked_count_3h_by_who"]
    for i in range(200, 260):
        hours = [(at[i] - at[j]).total_seconds() / 3600 for j in range(N) if who[j] == who[i]]
        exact = sum(0 < h <= 3 for h in hours)
        assert counted[i] in range(exact, exact + sum(3 < h <= 3.1 for h in hours) + 1)


def test_what_repeats_within_an_entity_gains_nothing_without_time(write: Write) -> None:
    """Fifteen rows of each person carry the same coin: by rows a person's name would tell it, by persons it cannot."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(120), 15)
    coin, trait = rng.integers(2, size=120), rng.normal(size=120)
    frame = pl.DataFrame(
        {"who": [f"w{i}" for i in person], "x": trait[person], "y": coin[person]},
    )
    text = """
format: 1
system: probe
purpose: Learn nothing where nothing can be known.
sources:
  asked:
    path: rows.csv
    columns: {who: string, x: float, y: bool}
    request: [who, x]
    ENTITY
features:
  - columns: {from: asked, take: [x, who]}
objectives:
  y: {type: binary, per: asked, label: {take: y}}
"""
    system = write(text.replace("ENTITY", "entity: who"), rows=frame)
    system.ingest()
    evidence = system.train().folder.json("evidence")["objectives"]["y"]
    assert evidence["parts"]["kind"] == "entity"
    assert evidence["chosen"] == "constant", "by persons nothing is worth more than the constant"


def test_time_shuffled_in_the_file_changes_nothing(write: Write) -> None:
    rows = coins()
    truth = rows.select("row", pl.col("at"), pl.col("at").alias("known"), "y")
    text = LATE.replace("WHEN", "late: 1h").replace("WITHIN", "3h")
    straight, _ = parts_of(write(text, rows=rows, truth=truth))
    mixed = rows.sample(fraction=1.0, shuffle=True, seed=1)
    shuffled, _ = parts_of(
        write(text.replace("probe", "mixed").replace("rows.csv", "mixed.csv"), mixed=mixed, truth=truth)
    )
    assert all((straight[name] == shuffled[name]).all() for name in straight)


def test_all_events_at_one_instant_are_said_to_be_too_few(write: Write) -> None:
    rows = coins().with_columns(at=pl.lit("2020-01-01T00:00:00Z"))
    system = write(
        f"{HEAD}sources:{ASKED}\nfeatures:\n  - columns: {{from: asked, take: x}}\n"
        "objectives:\n  y: {type: binary, per: asked, label: {take: y}}\n",
        rows=rows,
    )
    system.ingest()
    with pytest.raises(NotEnoughData, match="1 different time"):
        system.train()


def test_a_label_source_without_rows_is_named(write: Write) -> None:
    rows = coins()
    truth = rows.select("row", "at", pl.col("at").alias("known"), "y").head(0)
    system = write(LATE.replace(", WHEN", "").replace("WITHIN", "1h"), rows=rows, truth=truth)
    with pytest.raises(DataError, match=r"truth\.csv has no rows"):
        system.ingest()
