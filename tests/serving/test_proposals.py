"""Changes of weights that wait for stakeholders: who is asked, who may answer, and what is in force when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from poise.errors import NotNow, Overloaded, RequestError, Stale
from poise.serving.proposals import NotTheirs, Proposals
from poise.serving.weights import LiveWeights
from poise.spec.decision import Decision
from poise.spec.requirement import Requirement
from poise.stores.state import State

DECISION = Decision.model_validate(
    {
        "per": "impressions",
        "list": "request_id",
        "item": "dish",
        "terms": {"engagement": "order", "revenue": {"is": "order * value", "unit": "USD"}},
        "weights": {"engagement": 1.0, "revenue": 0.4},
        "approval": "touched",
    }
)
REQUIREMENTS = tuple(
    Requirement.model_validate(one)
    for one in (
        {"who": "product", "metric": "decision.engagement", "at_least": "97%", "relative_to": "live"},
        {"who": "sales", "metric": "decision.revenue", "at_least": "95%", "relative_to": "live"},
        {"who": "platform", "metric": "latency_p99", "at_most": "100ms"},
    )
)
MORE = {"values": {"revenue": 0.8}, "why": "sales asks for more", "who": "ana"}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/state.db", "town")
    yield state
    state.close()


class Foretold:
    """Says what it is told to say, and how often it was asked."""

    def __init__(self, **verdicts: str) -> None:
        self.verdicts = verdicts
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, content: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(content)
        told = [
            {"who": one.who, "metric": one.metric, "verdict": self.verdicts[one.who], "why": "as foretold"}
            for one in REQUIREMENTS
            if one.who in self.verdicts
        ]
        return {"requirements": told, "terms": [{"sentence": "engagement (product) loses: -1.9 %"}]}


class Desk:
    """The handlers as one caller has them."""

    def __init__(self, state: State, decision: Decision = DECISION, **more: Any) -> None:
        self.live = LiveWeights(decision, state)
        self.proposals = Proposals(decision, REQUIREMENTS, state, **more)

    def change(self, foresee: Any, **more: Any) -> dict[str, Any]:
        return self.proposals.change(self.live, MORE | more, foresee)


def values(state: State) -> Mapping[str, float]:
    live = state.weights()
    assert live is not None
    return live.values


def test_where_the_log_shows_that_all_requirements_hold_nobody_is_asked(state: State) -> None:
    foretold = Foretold(product="holds", sales="holds")
    told = Desk(state).change(foretold)
    assert told["changed"] and told["values"] == {"engagement": 1.0, "revenue": 0.8}
    assert foretold.asked == [{"values": {"engagement": 1.0, "revenue": 0.8}}]
    assert state.proposals() == ()


def test_a_change_waits_for_whose_requirement_it_may_break_and_for_nobody_else(state: State) -> None:
    desk = Desk(state)
    told = desk.change(Foretold(product="cannot tell", sales="holds"))
    one = told["proposal"]
    assert not told["changed"] and values(state)["revenue"] == 0.4
    assert one["waits_for"] == ["product"] and one["foreseen"] == ["engagement (product) loses: -1.9 %"]
    assert one["touches"] == {"product": ["decision.engagement (cannot tell: as foretold)"]}
    with pytest.raises(NotNow, match="does not wait for 'sales'"):
        desk.proposals.approve("p1", {"as": "sales", "why": "please"})
    done = desk.proposals.approve("p1", {"as": "product", "why": "worth a try", "who": "eve"})
    assert done["changed"] and values(state) == {"engagement": 1.0, "revenue": 0.8}
    assert done["proposal"]["standing"] == "applied" and done["proposal"]["ended"]["weights"] == 2
    acts = [(line.act, line.subject, line.who) for line in state.history()][1:]
    assert acts == [
        ("propose", "proposal p1", "ana"),
        ("approve", "proposal p1", "eve"),
        ("weights", "weights 2", "ana"),
    ]
    with pytest.raises(NotNow, match="is applied"):
        desk.proposals.approve("p1", {"as": "product", "why": "again"})


def test_an_owner_of_two_bounds_on_one_term_is_asked_where_either_may_break(state: State) -> None:
    def foretold(content: Mapping[str, Any]) -> dict[str, Any]:
        one = {"who": "product", "metric": "decision.engagement"}
        told = [{**one, "verdict": "breaks", "why": "too little"}, {**one, "verdict": "holds", "why": "not too much"}]
        return {"requirements": [*told, {**told[1], "who": "sales", "metric": "decision.revenue"}]}

    told = Desk(state).change(foretold)
    assert told["proposal"]["touches"] == {"product": ["decision.engagement (breaks: too little)"]}


def test_of_two_who_are_asked_the_last_puts_it_in_force(state: State) -> None:
    desk = Desk(state)
    desk.change(Foretold(product="breaks"))  # nothing is told of sales' requirement
    assert not desk.proposals.approve("p1", {"as": "sales", "why": "ours"})["changed"]
    with pytest.raises(NotNow, match="sales has approved proposal p1 already"):
        desk.proposals.approve("p1", {"as": "sales", "why": "ours"})
    with pytest.raises(Stale):
        desk.proposals.approve("p1", {"as": "product", "why": "fine", "expected_version": 1})
    assert values(state)["revenue"] == 0.4
    assert desk.proposals.approve("p1", {"as": "product", "why": "fine", "expected_version": 2})["changed"]


def test_without_a_log_everybody_with_a_requirement_of_the_decision_is_asked(state: State) -> None:
    def untold(content: Mapping[str, Any]) -> dict[str, Any]:
        raise NotNow("no list came true yet")

    told = Desk(state).change(untold)
    assert told["proposal"]["waits_for"] == ["product", "sales"]
    assert "no list came true yet" in told["proposal"]["touches"]["sales"][0]


def test_where_a_preview_fails_nothing_changes(state: State) -> None:
    def busy(content: Mapping[str, Any]) -> dict[str, Any]:
        raise Overloaded("8 previews are being made")

    with pytest.raises(Overloaded):
        Desk(state).change(busy)
    assert values(state)["revenue"] == 0.4 and not state.proposals()


def test_declined_and_withdrawn_proposals_change_nothing(state: State) -> None:
    desk = Desk(state)
    for _ in range(2):
        desk.change(Foretold(product="breaks", sales="holds"))
    assert desk.proposals.decline("p1", {"as": "product", "why": "too much"})["proposal"]["standing"] == "declined"
    assert desk.proposals.withdraw("p2", {"why": "not now"})["proposal"]["standing"] == "withdrawn"
    for name in ("p1", "p2"):
        with pytest.raises(NotNow, match=f"proposal {name} is"):
            desk.proposals.approve(name, {"as": "product", "why": "after all"})
    assert values(state)["revenue"] == 0.4
    assert [one["name"] for one in desk.proposals.show()["proposals"]] == ["p2", "p1"]
    assert desk.proposals.show(standing="open") == {"proposals": []}


def test_whoever_approved_may_think_again_while_others_are_asked(state: State) -> None:
    desk = Desk(state)
    desk.change(Foretold(product="breaks", sales="breaks"))
    desk.proposals.approve("p1", {"as": "sales", "why": "ours"})
    assert desk.proposals.decline("p1", {"as": "sales", "why": "a slip"})["proposal"]["standing"] == "declined"
    with pytest.raises(NotNow, match="is declined: a slip"):
        desk.proposals.approve("p1", {"as": "product", "why": "fine"})
    assert values(state)["revenue"] == 0.4


def test_a_proposal_is_overtaken_by_other_weights_and_never_applied(state: State) -> None:
    desk = Desk(state)
    desk.change(Foretold(product="breaks", sales="holds"))
    state.set_weights({"engagement": 2.0}, why="meanwhile")
    with pytest.raises(NotNow, match="overtaken: weights 2 are live, and it was made to change weights 1"):
        desk.proposals.approve("p1", {"as": "product", "why": "fine"})
    assert values(state) == {"engagement": 2.0, "revenue": 0.4}
    assert state.history()[-1].act == "overtake" and state.proposals(standing="overtaken")


def test_what_can_only_be_found_overtaken_is_not_shown_as_waiting(state: State) -> None:
    desk = Desk(state)
    desk.change(Foretold(product="breaks", sales="holds"))
    (one,) = Desk(state, token="sam", speaks_for=["sales"]).proposals.show(standing="open")["proposals"]
    assert one["waits_for"] == ["product"] and one["yours"] == []
    (one,) = Desk(state, token="pam", speaks_for=["product"]).proposals.show(standing="open")["proposals"]
    assert one["yours"] == ["product"]
    state.set_weights({"engagement": 2.0}, why="meanwhile")
    assert desk.proposals.show(standing="open") == {"proposals": []}
    (one,) = desk.proposals.show(standing="overtaken")["proposals"]
    assert one["standing"] == "overtaken" and one["waits_for"] == one["yours"] == [] and one["ended"] is None


def test_a_change_of_nothing_asks_nobody(state: State) -> None:
    told = Desk(state).change(Foretold(), values={"revenue": 0.4})
    assert not told["changed"] and "proposal" not in told


def test_taking_back_asks_nobody(state: State) -> None:
    desk = Desk(state)
    state.set_weights({"revenue": 0.9}, why="a try", defaults={"engagement": 1.0, "revenue": 0.4})
    state.set_weights({"revenue": 0.5}, why="less")
    assert desk.live.take_back({"why": "complaints"})["changed"]


def test_to_go_back_to_other_weights_than_those_before_is_a_change_as_any_other(state: State) -> None:
    desk = Desk(state)
    for value in (0.4, 0.9, 0.5, 0.6):
        state.set_weights({"revenue": value}, why="x", defaults={"engagement": 1.0})
    breaks = Foretold(product="breaks", sales="holds")
    told = desk.proposals.take_back(desk.live, {"to": 2, "why": "it sold well", "who": "ana"}, breaks)
    assert not told["changed"] and told["proposal"]["values"] == {"engagement": 1.0, "revenue": 0.9}
    assert told["proposal"]["waits_for"] == ["product"] and values(state)["revenue"] == 0.6
    assert desk.proposals.take_back(desk.live, {"to": 3, "why": "complaints"}, breaks)["changed"], "those before"
    assert desk.proposals.take_back(desk.live, {"why": "more of them"}, breaks)["changed"] and len(breaks.asked) == 1
    assert values(state)["revenue"] == 0.9
    holds = Foretold(product="holds", sales="holds")
    assert desk.proposals.take_back(desk.live, {"to": 3, "why": "calm"}, holds)["changed"]
    assert state.history()[-1].act == "take-back" and state.history()[-1].details["to"] == 3
    for asked in ({"to": True, "why": "x"}, {"to": 2, "why": "x", "until": "2099-01-01"}, {"to": 2}):
        with pytest.raises(RequestError):
            desk.proposals.take_back(desk.live, asked, breaks)


def test_a_token_speaks_for_its_own_stakeholder_only(state: State) -> None:
    Desk(state).change(Foretold(product="breaks", sales="holds"))
    sales = Desk(state, token="sam", speaks_for=["sales"]).proposals
    with pytest.raises(NotTheirs, match="the token 'sam' speaks for sales, not for product") as caught:
        sales.approve("p1", {"as": "product", "why": "let me"})
    assert caught.value.status == 403
    with pytest.raises(NotTheirs, match="speaks for nobody"):
        Desk(state, token="x", speaks_for=[]).proposals.decline("p1", {"as": "product", "why": "no"})
    assert state.proposals(standing="open")
    product = Desk(state, token="pam", speaks_for=["product"]).proposals
    assert (
        product.approve("p1", {"as": "product", "why": "fine"})["proposal"]["approved"]["product"]["who"] == "token pam"
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"why": "x"}, "whose approval"),
        ({"as": "product"}, "needs a reason"),
        ({"as": 3, "why": "x"}, "3 came"),
        ({"as": "product", "why": "x", "expected_version": "1"}, "came"),
        ({"as": "product", "why": "x", "wyh": 1}, "no such field"),
    ],
)
def test_what_does_not_fit_is_named(state: State, asked: dict[str, Any], said: str) -> None:
    desk = Desk(state)
    desk.change(Foretold(product="breaks", sales="holds"))
    with pytest.raises(RequestError, match=said):
        desk.proposals.approve("p1", asked)
    with pytest.raises(NotNow, match="there is no proposal 'p7'"):
        desk.proposals.approve("p7", {"as": "product", "why": "x"})


def test_where_no_approval_is_asked_for_weights_change_at_once(state: State) -> None:
    decision = DECISION.model_copy(update={"approval": "nobody"})
    foretold = Foretold()
    assert Desk(state, decision).change(foretold)["changed"] and not foretold.asked


def test_when_its_time_is_over_before_it_is_approved_it_is_overtaken(state: State) -> None:
    Desk(state).change(Foretold(product="breaks", sales="holds"))
    row = state.propose({"revenue": 0.9}, {"product": ["x"]}, base=1, why="for a day", until=1)
    with pytest.raises(NotNow, match="the time until which it was to hold is over"):
        Desk(state).proposals.approve(row.name, {"as": "product", "why": "late"})
    assert values(state)["revenue"] == 0.4
