"""Why a decision was made: asked of a real server and at the command line, from what the log kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise.interfaces.system import System
from poise.rollout.connection import Connection
from poise.serving.decision_log import whole_list
from tests.interfaces.cli.in_process import poise
from tests.journeys import shop
from tests.journeys.replaying import serving
from tests.releases import little_market


def ask(port: int, route: str, content: Any) -> tuple[int, dict[str, Any]]:
    """What is answered; asked again while the server is busy, as it says: its first explanation starts a process."""
    for _ in range(5):
        to = Connection(port, 60.0)
        try:
            status, said = to.exchange(to.request(route, json.dumps(content).encode()))
        finally:
            to.close()
        if status != 503:
            break
    return status, json.loads(said)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder of the little market, and the port of its server."""
    folder = tmp_path_factory.mktemp("market")
    system = little_market.write(folder, **little_market.tables(1200))
    system.ingest()
    system.train()
    with serving(folder / "poise.yaml") as server:
        yield folder, server.port


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder of the shop that decides whom to call, and the port of its server."""
    folder = tmp_path_factory.mktemp("shop")
    for name, table in shop.tables(2500).items():
        table.write_csv(folder / f"{name}.csv")
    (folder / "poise.yaml").write_text(shop.SYSTEM, encoding="utf-8")
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    with serving(folder / "poise.yaml") as server:
        yield folder, server.port


LIST = {"user_id": "u3", "weather": "wet", "candidates": [{"shop_id": f"r{i}"} for i in range(1, 13)]}


def adds_up(one: dict[str, Any]) -> bool:
    """Whether contributions lead from the average to the value."""
    return bool(np.isclose(one["average"] + sum(one["contributions"].values()), one["value"], rtol=1e-9, atol=1e-9))


def decided(port: int, asked: dict[str, Any]) -> dict[str, Any]:
    """A list of which only what it shows was kept in full; of one in 100 all candidates are."""
    while True:
        _, made = ask(port, "/v1/decide", asked)
        if not whole_list(made["explored"]["seed"]):
            return made


def test_a_list(market: tuple[Path, int]) -> None:
    _, port = market
    made = decided(port, LIST)
    status, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"]})
    assert status == 200 and told["kind"] == "list" and told["release"] == made["release"]
    assert [row["shop_id"] for row in told["rows"]] == [one["shop_id"] for one in made["shown"]]
    for row, shown in zip(told["rows"], made["shown"], strict=True):
        assert all(adds_up(one) for one in (*row["predictions"].values(), *row["terms"].values()))
        assert {term: one["value"] for term, one in row["terms"].items()} == shown["terms"]
        assert row["predictions"]["order"]["value"] == shown["terms"]["engagement"]
        assert row["score"] == shown["score"] == pytest.approx(sum(one["adds"] for one in row["terms"].values()))
        assert row["position"] == shown["position"] and row["said"].startswith(f"'{row['shop_id']}' is ")
        assert "liked" in row["features"]
    best = min(told["rows"], key=lambda row: row["rank"])
    if best["rank"] == 1:
        assert told["would_change"]["first"] == best["shop_id"]
    status, one = ask(port, "/v1/explain", {"decision_id": made["shown"][1]["impression_id"]})
    assert status == 200 and [row["shop_id"] for row in one["rows"]] == [made["shown"][1]["shop_id"]]


def test_the_weights_that_it_names_change_the_list(market: tuple[Path, int]) -> None:
    """What is said of weights is checked by giving every candidate its score under them."""
    _, port = market
    made = decided(port, {**LIST, "candidates": [{"shop_id": f"r{i}"} for i in (1, 2, 3, 4)]})
    _, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"]})
    assert len(told["rows"]) == 4
    for change in told["would_change"]["weights"]:
        beyond = change["becomes"] + 1e-6 * np.sign(change["becomes"] - change["weight"])
        weights = {**told["weights"]["values"], change["term"]: beyond}
        scores = {r["shop_id"]: sum(weights[t] * one["value"] for t, one in r["terms"].items()) for r in told["rows"]}
        assert max(scores, key=scores.__getitem__) == change["then"]


def test_an_order_that_was_drawn_is_said_to_be(market: tuple[Path, int]) -> None:
    _, port = market
    drawn = 0
    for user in range(8):
        made = decided(port, {**LIST, "user_id": f"u{user}"})
        _, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"]})
        assert told["explored"]["method"] == "plackett-luce"
        for row, shown in zip(told["rows"], made["shown"], strict=True):
            assert row["propensity"] == shown["propensity"]
            assert ("drawn" in row) == (row["rank"] != row["position"]) == ("the order was drawn" in row["said"])
            drawn += "drawn" in row
    assert drawn


SAME = {"users_likes": "likes of users", "shown_weather": "weather"}
"""The inputs of the market that are equal for all candidates, and what people call them."""


def test_no_sentence_names_what_is_equal_for_all_candidates(market: tuple[Path, int]) -> None:
    """Of 12 candidates 4 are kept: what would be first if the user liked something else is then not known."""
    _, port = market
    for user in range(8):
        made = decided(port, {**LIST, "user_id": f"u{user}"})
        _, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"]})
        change = told["would_change"].get("input")
        assert change is None or change["input"] not in SAME
        for row in told["rows"]:
            assert not any(f"{called} is " in row["said"] or f"{called} had" in row["said"] for called in SAME.values())


def test_an_item_that_was_not_shown(market: tuple[Path, int]) -> None:
    _, port = market
    made = decided(port, LIST)
    others = [one for one in made["left_out"] if one["why"].startswith("ranked")]
    status, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"], "item": others[0]["shop_id"]})
    (row,) = told["rows"]
    assert status == 200 and row["score"] == others[0]["score"] and row["position"] is None
    closed = next(one["shop_id"] for one in made["left_out"] if one["why"].startswith("where"))
    _, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"], "item": closed})
    assert told["rows"][0]["left_out"] == "where: shops.open is false"
    status, told = ask(port, "/v1/explain", {"decision_id": made["decision_id"], "item": "r99"})
    assert status == 404 and told["field"] == "item"


def test_what_was_never_decided(market: tuple[Path, int]) -> None:
    _, port = market
    for content, status in (
        ({"decision_id": "01JK36S2BBNRFBTNMNG8EDCHGW"}, 404),
        ({"decision_id": "nothing"}, 404),
        ({"decision_id": 7}, 422),
        ({"decision_id": "01JK36S2BBNRFBTNMNG8EDCHGW", "items": 3}, 422),
        ({"candidates": 3}, 422),
    ):
        found, said = ask(port, "/v1/explain", content)
        assert found == status, said


def test_a_list_that_nobody_is_shown(market: tuple[Path, int]) -> None:
    _, port = market
    status, told = ask(port, "/v1/explain", LIST)
    assert status == 200 and "decision_id" not in told and len(told["rows"]) == 4
    assert all(adds_up(one) for row in told["rows"] for one in row["terms"].values())


def test_a_choice(calls: tuple[Path, int]) -> None:
    _, port = calls
    rows = [{"x": 1.7, "z": 1.2, "city": "Lyon"}, {"x": -1.0, "z": 0.1, "city": "Ghent"}]
    _, made = ask(port, "/v1/decide", {"rows": rows})
    for place, decision in enumerate(made["decisions"]):
        status, told = ask(port, "/v1/explain", {"decision_id": decision["decision_id"]})
        assert status == 200, told
        (row,) = told["rows"]
        assert row["row"] == place and row["chosen"] == decision["chosen"]
        assert row["predictions"]["order"]["value"] == decision["predictions"]["order"]
        for action in decision["actions"]:
            terms = row["actions"][action["action"]]["terms"]
            assert {term: one["value"] for term, one in terms.items()} == action["terms"]
            assert all(adds_up(one) for one in terms.values())
        over = row["over"]
        assert over["by"] == pytest.approx(over["average"] + sum(over["contributions"].values()))
        change = row["would_change"]["input"]
        assert change is not None
        name = change["input"].removeprefix("shown_")
        _, other = ask(port, "/v1/decide", {**rows[place], name: change["to"]})
        assert other["chosen"] == change["then"] != row["chosen"]
        assert f"'{row['chosen']}' was chosen" in row["said"].lower() or row["said"].startswith(f"'{row['chosen']}'")


def test_predictions_without_a_decision(calls: tuple[Path, int]) -> None:
    _, port = calls
    status, told = ask(port, "/v1/explain", {"rows": [{"x": 1.7, "z": None, "city": "Lyon"}]})
    assert status == 200 and told["rows"][0]["features"]["shown_z"] is None


def test_the_command(market: tuple[Path, int]) -> None:
    folder, port = market
    made = decided(port, LIST)
    done = poise(folder, "explain", made["decision_id"], "--json")
    told = json.loads(done.stdout)
    assert told == {"format": 1, **ask(port, "/v1/explain", {"decision_id": made["decision_id"]})[1]}
    said = poise(folder, "explain", made["decision_id"]).stdout
    assert told["rows"][0]["said"].split(". ")[0] in " ".join(said.split())
    assert "engagement" in said and "by it alone" in said
