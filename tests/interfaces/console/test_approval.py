"""Changes that wait for a stakeholder, on the page of trade-offs: who sees which buttons, and what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
from tests.interfaces.console.test_pages import AWAY, HERE, Browser

from poise.interfaces import tokens
from poise.interfaces.http.app import create_app
from poise.serving.tokens import Tokens
from poise.spec.requirement import Requirement
from poise.stores.state import State

ODD = 'the desk\'s <img src=x onerror=alert(1)> & "more"'
Opens = Callable[..., Browser]


@pytest.fixture
def opens(made_up: ModuleType, state: State) -> Opens:
    """A browser, signed in by a token if any is given, at a server whose sales and desk have to approve."""
    served = made_up.served()
    loaded = served.live.loaded
    asked = [
        Requirement.model_validate({"who": who, "metric": metric, "at_least": "97%", "relative_to": "live"})
        for who, metric in (("sales", "decision.cost"), ("<b>desk</b>", "decision.calm"))
    ]
    decision = loaded.system.decision.model_copy(update={"approval": "touched"})
    system = loaded.system.model_copy(update={"decision": decision, "requirements": tuple(asked)})
    served.live.loaded = replace(loaded, system=system)
    served.live.rehearse()

    def opened(secret: str | None = None) -> Browser:
        known = None if secret is None else Tokens(state.tokens())
        app = create_app(served, state, tokens=known, asides=made_up.ASIDES)
        browser = Browser(app, *(("http://127.0.0.1:8080", HERE) if known is None else ("https://poise.example", AWAY)))
        if secret is not None:
            browser.get("/login")
            assert browser.send("/login", token=secret).status_code == 303
        return browser

    return opened


def propose(browser: Browser) -> None:
    browser.get("/trade-offs")
    done = browser.send("/trade-offs/apply", w__calm="0.5", why=ODD)
    assert done.headers["location"] == "/trade-offs?done=proposed"
    browser.get(done.headers["location"])


def test_a_change_waits_on_the_page_until_it_is_approved(opens: Opens, state: State) -> None:
    browser = opens()
    propose(browser)
    assert "Waiting for approval" in browser.text and "<b>desk</b> is waited for" in browser.text
    assert "<img" not in browser.page.text and "<b>desk" not in browser.page.text
    done = browser.send("/trade-offs/proposal", act="approve", why="fine", **{"as": "<b>desk</b>"})
    assert done.headers["location"] == "/trade-offs?done=approve"
    assert dict(state.weights().values) == {"cost": 1.0, "calm": 0.5}
    browser.get(done.headers["location"])
    assert "Waiting for approval" not in browser.text and "It is approved." in browser.text


def test_whoever_speaks_for_nobody_has_no_button_and_is_refused_all_the_same(opens: Opens, state: State) -> None:
    made = {
        name: tokens.add(state, name, roles, speaks_for=who).secret
        for name, roles, who in (
            ("olga", ["operate"], []),
            ("rita", ["read"], []),
            ("desk", ["read"], ["<b>desk</b>"]),
        )
    }
    olga, rita, desk = (opens(made[name]) for name in made)
    propose(olga)
    assert ">Approve<" not in olga.page.text and ">Withdraw<" in olga.page.text
    rita.get("/trade-offs")
    assert "Waiting for approval" in rita.text and "/trade-offs/proposal" not in rita.page.text
    desk.get("/trade-offs")
    assert ">Approve<" in desk.page.text and ">Withdraw<" not in desk.page.text
    mark = {"mark": desk.page.text.split('name="mark" value="')[1].split('"')[0]}
    fields = {"proposal": "p1", "as": "<b>desk</b>", "why": "x"}
    assert rita.post("/trade-offs/proposal", {**fields, **mark, "act": "approve"}).status_code == 403, "another's mark"
    assert desk.post("/trade-offs/proposal", {**fields, **mark, "act": "withdraw"}).status_code == 403
    assert state.weights().version == 1
    desk.get("/trade-offs")
    assert desk.send("/trade-offs/proposal", act="decline", why="no", **{"as": "<b>desk</b>"}).status_code == 303
    assert state.weights().version == 1 and state.proposals()[0].value["standing"] == "declined"


def test_to_go_back_to_an_old_version_waits_too(opens: Opens, state: State) -> None:
    for calm in (0.9, 0.3):
        state.set_weights({"calm": calm}, why="x")
    browser = opens()
    browser.get("/trade-offs")
    done = browser.send("/trade-offs/take-back", why="again", to="1")
    assert done.headers["location"] == "/trade-offs?done=proposed" and state.weights().version == 3
