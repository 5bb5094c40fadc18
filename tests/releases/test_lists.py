"""A list decision in a release: what callers send, what was measured of logged lists, what is kept for the server."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest

from poise.decisions.exploration_cost import Basis, settle
from poise.evaluation.measures import Measures, Ranked
from poise.evaluation.requirements import judge_all
from poise.interfaces.system import System
from poise.releases.contract import Contract
from poise.releases.folder import ReleaseFolder
from poise.releases.judged import Judged
from poise.releases.list_samples import logged, longer, varying
from poise.releases.list_scores import moved
from poise.releases.report import render
from poise.releases.summary import summary
from poise.spec.decision import Decision
from poise.table import Column, Requests, Table


@pytest.fixture(scope="module")
def folder(market: System) -> ReleaseFolder:
    return ReleaseFolder.open(market.settings.candidates / "c1")


@pytest.fixture(scope="module")
def decision(folder: ReleaseFolder) -> dict[str, Any]:
    found: dict[str, Any] = folder.json("evidence")["decision"]
    return found


@pytest.fixture(scope="module")
def judged(market: System) -> Judged:
    return Judged.load(market.settings.judged / "c1")


@pytest.fixture(scope="module")
def rows(little_market: ModuleType, judged: Judged) -> pl.DataFrame:
    """The judged rows of the log (the newest whose orders are all in), with what came of each."""
    tables = little_market.tables()
    shown = tables["shown"].with_row_index("row").join(tables["orders"].select("shown_id", "value"), "shown_id", "left")
    assert judged.decision is not None and judged.decision.ranked is not None
    mature = shown.filter(pl.col("at") + pl.duration(hours=6) <= tables["orders"]["at"].max()).sort("row")
    return mature.tail(len(judged.decision.ranked.codes)).with_columns(pl.col("value").fill_null(0))


def ranked_of(judged: Judged) -> Ranked:
    assert judged.decision is not None and judged.decision.ranked is not None
    return judged.decision.ranked


def test_callers_send_what_is_not_given_to_rows(folder: ReleaseFolder) -> None:
    contract = Contract.from_json(folder.json("contract"))
    assert {i.name: (i.required, i.varies) for i in contract.inputs} == {
        "user_id": (True, False),
        "shop_id": (True, True),
        "weather": (True, False),
    }
    assert (contract.item, contract.show, contract.lists, contract.actions) == ("shop_id", 4, True, ())


def test_examples_are_logged_lists_the_newest_first(folder: ReleaseFolder, rows: pl.DataFrame) -> None:
    newest = rows.tail(6)
    assert folder.json("evidence")["list_examples"][0] == {
        "user_id": newest["user_id"][0],
        "weather": newest["weather"][0],
        "candidates": [{"shop_id": shop} for shop in newest["shop_id"]],
    }


def test_longer_lists_hold_their_own_items_and_others_each_once(judged: Judged) -> None:
    assert len(judged.lists) == len(judged.logged) > 100
    for wide, own in zip(judged.lists, judged.logged, strict=True):
        items = [candidate["shop_id"] for candidate in wide["candidates"]]
        assert len(set(items)) == len(items) == 12
        assert {candidate["shop_id"] for candidate in own["candidates"]} <= set(items)
        assert (wide["user_id"], wide["weather"]) == (own["user_id"], own["weather"])


def test_the_relevance_is_the_utility_that_came_true(judged: Judged, rows: pl.DataFrame) -> None:
    came = rows["value"].to_numpy()
    assert np.allclose(ranked_of(judged).relevance, (came > 0) + 0.2 * came)
    assert np.array_equal(np.bincount(ranked_of(judged).codes), np.full(len(rows) // 6, 6))


def test_items_are_scored_as_for_the_first_place(judged: Judged, rows: pl.DataFrame) -> None:
    """What a user and a shop are worth does not depend on where the shop was shown; what is expected there does."""
    same = rows.with_columns(score=pl.Series(ranked_of(judged).scores["model"])).group_by(
        "user_id", "shop_id", "weather"
    )
    spread = same.agg(pl.col("score").max() - pl.col("score").min(), pl.col("place").n_unique())
    again = spread.filter(pl.col("place") > 1)
    assert again.height > 20 and again["score"].max() < 1e-9


def test_places_keep_less_the_further_down(decision: dict[str, Any]) -> None:
    for curve in decision["exposure"].values():
        assert curve[0] == 1.0 and len(curve) == 4
        assert np.all(np.diff(curve) < 0)
        assert curve[3] == pytest.approx(4**-0.6, abs=0.12)  # what the market was made with


def test_as_shown_lists_come_to_what_came(decision: dict[str, Any], rows: pl.DataFrame) -> None:
    found = {(one["policy"], one["term"]): one for one in decision["reordered"]}
    lists = rows.height / 6
    assert found["logged", "engagement"]["value"] == pytest.approx((rows["value"] > 0).sum() / lists)
    assert found["logged", "revenue"]["value"] == pytest.approx(rows["value"].sum() / lists)
    assert found["logged", "revenue"]["gain"] == 0
    assert found["model", "revenue"]["gain_low"] > 0, "the models know what users like and what things cost"
    assert set(decision["differs"]) == {"rule"} and decision["differs"]["rule"] > 0.5


def test_lists_are_scored_beside_every_other_order(decision: dict[str, Any]) -> None:
    found = {(one["metric"], one["policy"]): one for one in decision["ranking"]}
    policies = {"model", "rule", "engagement alone", "revenue alone", "constant", "logged"}
    assert set(found) == {(metric, policy) for metric in ("ndcg@4", "mrr@4", "recall@2") for policy in policies}
    assert found["ndcg@4", "model"]["low"] > found["ndcg@4", "constant"]["value"]
    one = found["ndcg@4", "model"]
    assert one["lists"] + one["left_out"] == decision["lists"]["lists"]


def test_the_logged_order_is_not_taken_for_better_than_it_is(decision: dict[str, Any]) -> None:
    """The log is sorted by price, which nobody cares about: a random order would have brought about as much."""
    found = {(one["policy"], one["term"]): one for one in decision["reordered"]}
    assert abs(found["constant", "engagement"]["gain"]) < 0.07 * found["logged", "engagement"]["value"]
    flattered = {one["policy"]: one for one in decision["ranking"] if one["metric"] == "ndcg@4"}
    assert flattered["logged"]["low"] > flattered["constant"]["value"]


def test_terms_are_compared_where_they_matter(decision: dict[str, Any]) -> None:
    found = {(one["term"], one["over"]): one["rows"] for one in decision["calibration"]}
    n = decision["lists"]["lists"]
    over = {"all": 6 * n, "chosen": 4 * n, "first": n}
    assert found == {(term, name): rows for term in ("engagement", "revenue") for name, rows in over.items()}


def test_the_release_knows_what_exploration_costs(folder: ReleaseFolder, market: System, decision: Any) -> None:
    basis = Basis.load(folder.path / "exploration.npz")
    assert basis.terms["revenue"].shape == basis.terms["engagement"].shape and basis.exposure["revenue"].shape == (4,)
    known = np.isfinite(basis.terms["revenue"]).mean()
    assert 0.8 < known < 0.93, "one in eight shops is closed, and so is not among what may be shown"
    explore = market.spec.decision.explore if market.spec.decision else None
    settled = settle(explore, {"engagement": 1.0, "revenue": 0.2}, basis, 4)
    assert settled.strength == decision["exploration"]["strength"] > 0
    assert 0 < decision["exploration"]["cost"]["engagement"] <= 0.05


def test_models_expect_the_most_of_their_own_order(decision: dict[str, Any]) -> None:
    worth: dict[str, float] = {}
    for one in decision["expected"]:
        worth[one["policy"]] = worth.get(one["policy"], 0.0) + one["value"] * decision["weights"][one["term"]]
    assert max(worth, key=lambda policy: worth[policy]) == "model"
    assert decision["expected_of"] == {"lists": 200, "candidates": 12.0}


def test_a_term_of_a_list_cannot_be_told_before_serving(market: System, judged: Judged) -> None:
    system = market.spec
    measures = Measures(judged.objectives, judged.decision)
    told = [r for r in system.requirements if not r.metric.startswith("latency")]
    found = {verdict.requirement.metric: verdict for verdict in judge_all(told, system, measures)}
    assert found["decision.revenue"].status == "cannot tell" and not found["decision.revenue"].refuses
    assert found["order.ndcg@4"].status == "pass"
    assert found["decision.ndcg"].status == "pass"


def test_the_objective_shows_how_well_it_orders_alone(folder: ReleaseFolder) -> None:
    judge = folder.json("evidence")["objectives"]["order"]["judge"]
    named = {metric["name"]: metric["value"] for metric in judge["metrics"]}
    assert named["ndcg@4"] > judge["baselines"]["constant"]["ndcg@4"]
    given = folder.json("evidence")["objectives"]["value"]["judge"]
    assert not [m for m in given["metrics"] if "@" in m["name"]], "most rows of a list have no value to order by"


def test_the_page_says_what_is_shown_and_what_is_not_known(folder: ReleaseFolder) -> None:
    evidence = folder.json("evidence")
    page = render(evidence)
    for said in (
        "At most 4 are shown of the candidates that a caller sends, each a shop_id: those for which shops.open holds",
        "1 order (engagement) = 5.00 USD (revenue)",
        "Sorted by the models, the logged lists would have come to",
        "What items would have come to that were not shown",
        "at most 5 % is allowed",
        "looks better here than it is; the table above makes up for that",
    ):
        assert said in page, said
    assert "would have come to" in "\n".join(summary(evidence))


def test_a_second_release_is_compared_with_the_one_that_is_live(
    little_market: ModuleType, tmp_path: Path, folder: ReleaseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = little_market.write(tmp_path)
    system.ingest()
    monkeypatch.setattr(System, "live_folder", lambda _: folder)
    made = ReleaseFolder.open(tmp_path / ".poise" / "candidates" / system.train().folder.path.name)
    decision = made.json("evidence")["decision"]
    assert decision["differs"]["live"] == 0, "it was learned from the same rows"
    ranked = ranked_of(Judged.load(tmp_path / ".poise" / "judged" / made.name))
    assert np.allclose(ranked.scores["live"], ranked.scores["model"])
    objective = Judged.load(tmp_path / ".poise" / "judged" / made.name).objectives["order"].ranked
    assert objective is not None and np.allclose(objective.scores["live"], objective.scores["model"])
    assert not [c for c in made.json("evidence")["contract"]["changes"] if c["kind"] == "breaking"]


def test_without_a_position_nothing_is_claimed_of_places(little_market: ModuleType, tmp_path: Path) -> None:
    text = little_market.SYSTEM.replace("  position: place\n", "").replace("order.ndcg@4", "order.ndcg@3")
    system = little_market.write(tmp_path, text)
    system.ingest()
    evidence = json.loads(
        (tmp_path / ".poise" / "candidates" / system.train().folder.path.name / "evidence.json").read_text()
    )
    decision = evidence["decision"]
    assert decision["exposure_assumed"] and decision["reordered"] == []
    assert decision["exposure"]["revenue"] == pytest.approx([1.0, 1 / np.log2(3), 0.5, 1 / np.log2(5)])
    assert "logged" not in {one["policy"] for one in decision["ranking"]}
    assert any("the decision names no position" in said for said in evidence["unknown"])
    assert "the log does not say where items stood" in render(evidence)


def test_items_move_to_the_places_of_their_own_list() -> None:
    codes, place = np.array([0, 1, 0, 1, 0]), np.array([1.0, 1.0, 3.0, 2.0, 4.0])
    scores = np.array([0.1, 0.5, 0.3, np.nan, 0.2])
    assert moved(codes, place, scores).tolist() == [4.0, 1.0, 1.0, 2.0, 3.0]


def test_what_differs_in_any_list_varies() -> None:
    columns = {"a": Column.numbers([1, 1, 2, 2]), "b": Column.strings(["x", "x", "x", None])}
    assert varying(columns, np.array([0, 0, 1, 1]), ["a", "b"]) == ("b",)
    assert varying(columns, np.array([1, 0, 1, 0]), ["a", "b"]) == ("a", "b")
    assert varying(columns, np.zeros(0, np.int64), ["a"]) == ()


UNTIMED = """
format: 1
system: pages
purpose: Show what is clicked.
sources:
  shown:
    path: shown.csv
    id: row
    columns: {row: int, page: int, item: string, appeal: float, click: bool}
    request: [item, appeal]
features:
  - columns: {from: shown, take: [appeal]}
objectives:
  click: {type: binary, per: shown, label: {take: click}, rungs: [linear]}
decision: {per: shown, list: page, item: item, show: 3, terms: {clicks: click}}
"""


def test_lists_without_time_stay_whole_and_candidates_bring_their_own_columns(
    little_market: ModuleType, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    item, appeal = (
        np.stack([rng.choice(30, 5, replace=False) for _ in range(600)]).ravel(),
        rng.normal(size=30).round(3),
    )
    log = pl.DataFrame({"row": np.arange(3000), "page": np.arange(3000) // 5, "item": [f"i{i}" for i in item]})
    clicked = pl.Series(rng.random(3000) < 1 / (1 + np.exp(1.5 - appeal[item])))
    system = little_market.write(tmp_path, UNTIMED, shown=log.with_columns(appeal=appeal[item], click=clicked))
    system.ingest()
    made = system.train().folder
    judged = Judged.load(system.settings.judged / "c1")
    assert set(np.bincount(ranked_of(judged).codes)) == {5}
    (page,) = {tuple(sorted(body)) for body in judged.lists}
    assert page == ("candidates",) and set(judged.lists[0]["candidates"][0]) == {"item", "appeal"}
    own = {f"i{i}": value for i, value in enumerate(appeal)}
    assert all(one["appeal"] == own[one["item"]] for body in judged.lists for one in body["candidates"])
    assert made.json("evidence")["decision"]["exploration"] is None
    assert "Off: every list is the best that the models know" in render(made.json("evidence"))


def test_a_log_without_items_gives_no_lists() -> None:
    decision = Decision(per="shown", list="page", item="shop", terms={"sales": "price"})
    rows = Table({"page": Column.numbers([1, 1]), "shop": Column.strings([None, None])})
    requests = Requests(rows, np.zeros(2, np.int64))
    found = logged(decision, requests, np.zeros(2, np.int64), np.arange(2), 5)
    assert found.count == 0 and longer(decision, requests, found, 3, ["shop"]).count == 0
