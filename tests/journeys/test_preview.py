"""Sales asks for more revenue: what would it do? Told from lists that a real server showed in the market."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise.decisions.exploration_cost import settle
from poise.errors import NotNow, RequestError
from poise.evaluation.gate_foreseen import judge_foreseen
from poise.interfaces.previewing import Previews
from poise.interfaces.system import System
from poise.monitoring.came_true import mature_until
from poise.monitoring.foreseeing import foresee
from poise.rollout.connection import Connection
from poise.rollout.terms import judge_terms, outcomes
from poise.serving.loaded import Loaded
from poise.spec.requirement import Requirement
from tests.interfaces.cli.in_process import poise
from tests.journeys.replaying import Caller, logged, serving, text

EXAMPLE = Path(__file__).parents[2] / "examples" / "restaurants"
DAYS, SERVED = 8, 3


def small(folder: Path) -> System:
    """The example with models that train quickly, and without opening hours, whose changes would have to be sent."""
    whole = (EXAMPLE / "poise.yaml").read_text(encoding="utf-8")
    for label in ("match: impression_id, within: 6h}", "take: value, within: 6h}"):
        whole = whole.replace(label, f"{label}\n    rungs: [linear]")
    whole = whole.replace("  where: restaurants.open\n", "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "poise.yaml").write_text(whole, encoding="utf-8")
    return System.read(folder / "poise.yaml")


class Asking:
    """A policy that asks a server, and keeps what becomes of its lists as the events that an app would send."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.answers: list[dict[str, Any]] = []

    def __call__(self, market: Any, requests: Any) -> Any:
        from served import shown
        from town import NONE

        answers = []
        for row in range(len(requests)):
            here = requests.candidates[row]
            items = [{"restaurant_id": f"r{item:03d}"} for item in here[here != NONE]]
            asked = {"user_id": f"u{requests.user[row]:04d}", "candidates": items}
            answers.append(self._caller.ask({**asked, "time": text(int(requests.time[row]))}))
        self.answers += answers
        return shown(answers)

    def events(self, log: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Impressions and orders of all lists, by the ids that the answers gave."""
        impressions, orders = [], []
        number = {one: at for at, one in enumerate(np.unique(log.list))}
        for at in range(len(log.list)):
            answer = self.answers[number[log.list[at]]]
            place, time = int(log.position[at]), int(log.time[at])
            one = answer["shown"][place - 1]
            who = {"user_id": f"u{log.user[at]:04d}", "restaurant_id": one["restaurant_id"]}
            name = {"impression_id": one["impression_id"]}
            said = {**name, "request_id": answer["decision_id"], **who, "position": place, "shown_at": text(time)}
            impressions.append(said)
            if log.ordered[at]:
                when = text(time + int(log.delay[at]))
                order = {"order_id": f"o{one['impression_id']}", **name, **who, "value": float(log.value[at])}
                orders.append({**order, "ordered_at": when})
        return impressions, orders


@pytest.fixture(scope="module")
def market() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        from market import Market

        yield Market(days=DAYS + SERVED, lists=2_700, users=150, restaurants=48)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, market: Any) -> System:
    """The market, served for three days."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE))
        from market import popularity
        from prepare import write

        folder = tmp_path_factory.mktemp("market")
        write(market, market.run(popularity(), range(DAYS)), range(DAYS), folder / "data")
        made = small(folder)
        made.ingest()
        made.train()
        with serving(made.path) as server, ExitStack() as stack:
            caller = Caller(server.port, stack)
            asking = Asking(caller)
            log = market.run(asking, range(DAYS, DAYS + SERVED))
            impressions, orders = asking.events(log)
            for source, rows in (("impressions", impressions), ("orders", orders)):
                for start in range(0, len(rows), 1_000):
                    caller.batch(source, json.dumps(rows[start : start + 1_000]).encode())
        return made


@pytest.fixture(scope="module")
def asked(system: System) -> tuple[Previews, Loaded]:
    return Previews(system.lake), Loaded.of(system.folder("c1"))


def preview(asked: tuple[Previews, Loaded], values: dict[str, Any], **more: Any) -> dict[str, Any]:
    previews, loaded = asked
    return previews.of(loaded, {"engagement": 1.0, "revenue": 0.4}, {"values": values, **more})


def of(told: dict[str, Any], term: str) -> dict[str, Any]:
    return next(one for one in told["terms"] if one["term"] == term)


def test_more_weight_on_revenue(asked: tuple[Previews, Loaded]) -> None:
    told = preview(asked, {"revenue": 0.8})
    assert told["refused"] is None and told["release"] == "c1"
    assert told["lists"] > 500 and told["from"] < told["until"]
    revenue, engagement = of(told, "revenue"), of(told, "engagement")
    assert revenue["who"] == ["sales"] and revenue["unit"] == "USD"
    assert engagement["gain"]["low"] < 0 < revenue["gain"]["high"]
    assert revenue["gain"]["low"] <= revenue["gain"]["value"] <= revenue["gain"]["high"]
    assert revenue["effective"] > 100 and revenue["covered"] > 0.9
    assert revenue["sentence"].startswith("revenue (sales)") and "%" in revenue["sentence"]
    assert told["changes"] == ["1 order (engagement) was worth 2.50 USD (revenue) and is now worth 1.25 USD"]
    (judged,) = told["requirements"]
    assert judged["who"] == "sales" and judged["verdict"] in ("holds", "cannot tell")
    assert judged["why"].endswith("of now, where at least 95 % is required")


def test_the_truth_of_the_market_lies_within_the_limits(
    system: System, asked: tuple[Previews, Loaded], market: Any
) -> None:
    """Of every list the whole table of probabilities, before and after, times what the market says items are worth."""
    _, loaded = asked
    decision, true = loaded.system.decision, {"engagement": 0.0, "revenue": 0.0}
    assert decision is not None
    decided = logged(system.lake)
    for sign, revenue in ((1, 0.6), (-1, 0.4)):
        weights = {"engagement": 1.0, "revenue": revenue}
        exploration = settle(decision.explore, weights, loaded.basis, decision.show)
        for one in decided:
            scores = sum(weight * np.array(one["terms"][term]) for term, weight in weights.items())
            order = np.argsort(-scores, kind="stable")
            items = np.array([int(item[1:]) for item in one["items"]])[order]
            table = exploration.propensities(scores[order], decision.show)
            truth = market.truth(np.int64(one["sent"]["user_id"][0][1:]), items, np.int64(one["at"]))
            orders = truth.order * (table @ market.exposure(np.arange(1, table.shape[1] + 1)))
            for term, worth in (("engagement", orders), ("revenue", orders * truth.value * truth.commission)):
                true[term] += sign * worth.sum() / len(decided)
    told = preview(asked, {"revenue": 0.6})
    for term, gain in true.items():
        limits = of(told, term)["gain"]
        slack = (limits["high"] - limits["low"]) / 2  # 90 % limits miss one time in ten; twice as wide hardly ever
        assert limits["low"] - slack < gain < limits["high"] + slack, (term, gain, limits)


def test_what_is_live_gains_nothing_and_comes_to_what_came_true(asked: tuple[Previews, Loaded]) -> None:
    told = preview(asked, {"revenue": 0.4})
    for term in ("engagement", "revenue"):
        one = of(told, term)
        assert one["gain"]["value"] == pytest.approx(0, abs=1e-9) and one["effect"] == "no clear change"
        assert one["then"]["low"] < one["now"] < one["then"]["high"]
    assert told["changes"] == []
    assert not any("propensities look wrong" in said for said in told["warnings"])


def test_what_the_log_cannot_tell_is_refused_not_guessed(asked: tuple[Previews, Loaded]) -> None:
    told = preview(asked, {"engagement": -1.0, "revenue": 0.0})
    assert told["refused"] is not None
    assert {one["effect"] for one in told["terms"]} == {"cannot tell"}
    assert all(one["gain"]["value"] is None for one in told["terms"])
    (judged,) = told["requirements"]
    assert judged["verdict"] == "cannot tell" and judged["why"] == told["refused"]


def test_fewer_lists_are_less_sure(asked: tuple[Previews, Loaded]) -> None:
    """Of orders, which are 0 or few per list: what an order is worth has a tail that a short log may not have seen."""
    told = (of(preview(asked, {"revenue": 0.6}, lists=lists), "engagement")["gain"] for lists in (20_000, 150))
    whole, part = ((one["high"] - one["low"]) for one in told)
    assert part > whole


def test_weights_are_found_that_bring_what_sales_asks_for(asked: tuple[Previews, Loaded]) -> None:
    previews, loaded = asked
    now = {"engagement": 1.0, "revenue": 0.4}
    for gain, more in ((0.01, True), (-0.01, False)):
        told = previews.suggest(loaded, now, {"term": "revenue", "gain": gain})
        assert (told["values"]["revenue"] > 0.4) == more and told["values"]["engagement"] == 1.0
        assert told["expected"] == pytest.approx(gain, abs=0.005)
    far = previews.suggest(loaded, now, {"term": "revenue", "gain": 5.0})
    assert not far["reached"] and far["values"]["revenue"] == pytest.approx(0.4 * 64)
    points = previews.front(loaded, now, {"term": "revenue"})["points"]
    weights = [one["values"]["revenue"] for one in points]
    assert len(points) > 5 and weights == sorted(weights)
    (here,) = (one for one in points if one["now"])
    assert here["gains"]["revenue"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert any(not one["dominated"] for one in points)
    for content, field in (({"term": "fun", "gain": 0.1}, "term"), ({"term": "revenue", "gain": 0}, "gain")):
        with pytest.raises(RequestError, match=field):
            previews.suggest(loaded, now, content)
    with pytest.raises(RequestError, match="does not count now"):
        previews.suggest(loaded, {"engagement": 1.0, "revenue": 0.0}, {"term": "revenue", "gain": 0.1})


def test_what_does_not_fit_is_refused_by_name(asked: tuple[Previews, Loaded]) -> None:
    for content, field in (
        ({"revenue": -1e13}, "values.revenue"),
        ({"revenu": 1.0}, "values.revenu"),
        ({"engagement": 0, "revenue": 0}, "values"),
    ):
        with pytest.raises(RequestError, match=field):
            preview(asked, content)
    with pytest.raises(RequestError, match="lists"):
        preview(asked, {"revenue": 1.0}, lists=0)


def test_a_candidate_is_judged_by_what_the_live_release_logged(system: System) -> None:
    """The very same release as a candidate: computed again it would have made the same lists, and so comes to the same.
    By weights that the log never tried nothing is told."""
    same = foresee(system.folder("c1"), system.folder("c1"), system.lake, {"engagement": 1.0, "revenue": 0.4})
    assert same.why_not is None and set(same.terms) == {"engagement", "revenue"}
    found = same.terms["revenue"]
    assert found.of == "c1" and found.noun == "list" and found.new.count > 500
    assert np.abs(found.new.target - found.now.target).mean() < 0.01
    for share, status in (("90%", "pass"), ("150%", "fail")):
        need = Requirement(who="sales", metric="decision.revenue", at_least=share, relative_to="live")
        said = judge_foreseen(need, found, "c1")
        assert said.status == status, said.words
        assert "lists of c1 since" in said.words and said.against is not None
    other = foresee(system.folder("c1"), system.folder("c1"), system.lake, {"engagement": -1.0, "revenue": 0.0})
    need = Requirement(who="sales", metric="decision.revenue", at_least="95%", relative_to="live")
    assert judge_foreseen(need, other.terms["revenue"], "c1").status in ("pass", "cannot tell")


def test_a_release_that_answered_nothing_says_so(system: System, tmp_path: Path) -> None:
    candidate = system.train()
    loaded = Loaded.of(candidate.folder)
    with pytest.raises(NotNow, match="lists nothing by what it learned"):
        Previews(system.lake).of(loaded, {}, {"values": {"revenue": 1.0}})


def test_the_command_line_says_it_in_a_few_lines(system: System) -> None:
    def told(*words: str) -> subprocess.CompletedProcess[str]:
        return poise(system.path.parent, "weights", "preview", *words)

    assert "nothing is live" in told("--set", "revenue=0.8").stderr
    system.state.record("c1", "released", folder=str(system.folder("c1").path), act="release", why="a test")
    system.state.promote("c1", why="a test")
    done = told("--set", "revenue=0.8")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("What engagement = 1, revenue = 0.8 would do, told from") and first.endswith("lists of c1:")
    assert "1 order (engagement) was worth 2.50 USD (revenue) and is now worth 1.25 USD" in rest[0]
    assert any(line.strip().startswith("revenue (sales)") and "%" in line for line in rest)
    assert any(line.strip().startswith("sales requires decision.revenue:") for line in rest)
    assert json.loads(told("--set", "revenue=0.8", "--json").stdout)["terms"][0]["term"] == "engagement"
    assert system.weights.show()["values"] == {"engagement": 1.0, "revenue": 0.4}, "nothing was changed"
    for words, said in (
        (("--set", "revenue=0.8", "--why", "x"), "goes with a change"),
        ((), "goes with --set alone"),
        (("--set", "revenue=0.8", "--take-back"), "goes with --set alone"),
    ):
        refused = told(*words)
        assert refused.returncode == 2 and said in refused.stderr
    done = poise(system.path.parent, "weights", "suggest", "--gain", "revenue=2%")
    assert done.returncode == 0 and "revenue (sales)" in done.stdout, done.stderr
    assert "not a gain" in poise(system.path.parent, "weights", "suggest", "--gain", "revenue=much").stderr
    assert "did you mean 'preview'" in poise(system.path.parent, "weights", "previw", "--set", "revenue=0.8").stderr


def test_a_server_tells_it_too_and_goes_on_deciding(system: System) -> None:
    with serving(system.path) as server, Connection(server.port, 90.0) as to:

        def asked(route: str, content: object) -> tuple[int, Any]:
            status, said = to.exchange(to.request(route, json.dumps(content).encode()))
            return status, json.loads(said)

        status, told = asked("/v1/weights/preview", {"values": {"revenue": 0.6}})
        assert status == 200 and told["release"] == "c1" and told["lists"] > 500
        assert [one["term"] for one in told["terms"]] == ["engagement", "revenue"]
        status, told = asked("/v1/weights/suggest", {"term": "revenue", "gain": 0.01})
        assert status == 200 and told["expected"] > 0
        status, told = asked("/v1/weights/front", {"term": "revenue"})
        assert status == 200 and len(told["points"]) > 5
        status, told = asked("/v1/weights/preview", {"values": {"revenu": 0.6}})
        assert status == 422 and told["field"] == "values.revenu" and "did you mean 'revenue'" in told["hint"]
        status, told = asked("/v1/weights/front", {"term": "fun"})
        assert status == 422 and told["field"] == "term"
        assert asked("/v1/weights", None)[0] == 405
        assert to.get("/v1/weights")[0] == 200


def test_what_came_of_decisions_is_told_per_caller_so_that_a_canary_can_be_judged_by_it(system: System) -> None:
    live = system.folder("c1")
    found = outcomes(Loaded.of(live), system.lake, "user_id", None)
    log = [one for one in logged(system.lake) if one["kind"] == "list"]
    mature = mature_until(system.spec, system.lake, ["order", "value"])
    assert mature is not None and len(found.callers) == sum(one["at"] <= mature for one in log) > 500
    assert 20 < len(set(found.callers)) <= 150 and set(found.terms) == set(log[0]["terms"])
    orders = found.terms["engagement"]
    assert set(orders.tolist()) <= set(range(len(log[0]["shown"]) + 1)) and 0.1 < orders.mean() < 1.5
    later = outcomes(Loaded.of(live), system.lake, "user_id", int(np.median([one["at"] for one in log])))
    assert 0 < len(later.callers) < len(found.callers)
    (same, *_) = judge_terms(later, found, 0.1, 0.01)
    assert same.verdict == "holds" and same.decisions == (len(later.callers), len(found.callers))
