"""The console's pages and forms: what they show, whom they let in, and what they refuse."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest

from poise.clock import Clock
from poise.interfaces import tokens
from poise.interfaces.console.sessions import IDLE, LONGEST, Sessions
from poise.interfaces.http.app import create_app
from poise.interfaces.http.roles import FORMS, PAGES
from poise.monitoring.finding import Finding
from poise.serving.tokens import Tokens
from poise.stores.state import State

HERE = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin", "accept": "text/html"}
AWAY = {"origin": "https://poise.example", "sec-fetch-site": "same-origin", "accept": "text/html"}
FORM = "application/x-www-form-urlencoded"


class Browser:
    """What a browser without a script does: it keeps cookies, follows links, and fills in the forms that it sees."""

    def __init__(self, app: Any, base: str, headers: dict[str, str]) -> None:
        self._app, self._base, self._headers = app, base, headers
        self.cookies = httpx.Cookies()
        self.page: httpx.Response

    def get(self, path: str) -> httpx.Response:
        self.page = self.ask("GET", path)
        return self.page

    def send(self, action: str, *, form: str | None = None, **filled: str) -> httpx.Response:
        """Send the first form of this action on the page, filled in; form: that of a button of another action."""
        found = re.search(rf'<form[^>]*action="{form or action}".*?</form>', self.page.text, re.DOTALL)
        assert found is not None, f"there is no form {action}"
        inputs = re.findall(r"<input ([^>]*)>", found[0])
        given = {}
        for text in inputs:
            name, value = re.search(r'name="([^"]*)"', text), re.search(r'value="([^"]*)"', text)
            if name:
                given[name[1]] = html.unescape(value[1]) if value else ""
        return self.post(action, given | {name.replace("__", "."): text for name, text in filled.items()})

    def post(self, path: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        self.page = self.ask("POST", path, data=fields, **more)
        return self.page

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self._headers, **more.pop("headers", {})}

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=self._base, cookies=self.cookies) as client:
                answer = await client.request(method, path, headers=headers, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", self.page.text)))


Opens = Callable[..., Browser]


@pytest.fixture
def opens(made_up: ModuleType, state: State) -> Opens:
    """A browser without tokens here; with tokens beyond this machine, where they are those of `state`."""
    served = made_up.served()
    served.live.rehearse()

    def opened(*, known: Tokens | None = None, app: Any = None) -> Browser:
        app = app or create_app(served, state, tokens=known, asides=made_up.ASIDES)
        if known is None:
            return Browser(app, "http://127.0.0.1:8080", HERE)
        return Browser(app, "https://poise.example", AWAY)

    return opened


def weights(state: State) -> tuple[int, dict[str, float]]:
    live = state.weights()
    assert live is not None
    return live.version, dict(live.values)


class TestWithoutTokens:
    @pytest.mark.parametrize("path", sorted(PAGES))
    def test_a_page_says_who_may_do_what_with_it(self, opens: Opens, path: str) -> None:
        page = opens().get(path)
        assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY" and page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin", "no-referrer makes browsers send 'Origin: null'"
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|javascript:", page.text)
        assert set(re.findall(r'(?:src|href|action)="([^/#"][^"]*)"', page.text)) == set(), "everything is from here"

    def test_the_overview_says_what_is_live_and_since_when_what_fails(self, opens: Opens, state: State) -> None:
        browser = opens()
        browser.get("/")
        assert "Warn the passengers of flights that <will> be late." in browser.text
        assert "<will>" not in browser.page.text
        assert "r1 answers since" in browser.text and "by ana: it is better" in browser.text
        assert "decision.cost at least 95% of the live release's" in browser.text
        assert re.search(r"sales refuses: decision.cost 0.91 < 0.95 Fails since", browser.text)
        assert "✓ holds" in browser.text and "Version 1" in browser.text and "the system file" in browser.text
        assert "curl -s http://127.0.0.1:8080/v1/decide" in browser.text

    def test_weights_are_changed_and_taken_back_as_over_http(self, opens: Opens, state: State) -> None:
        browser = opens()
        browser.get("/trade-offs")
        sent = browser.send("/trade-offs/apply", w__cost="2.5", why="sales asks <b>", who="bo")
        assert (sent.status_code, sent.headers["location"]) == (303, "/trade-offs?done=applied")
        assert weights(state) == (2, {"cost": 2.5, "calm": 0.1})
        line = state.history()[-1]
        assert (line.act, line.who, line.why) == ("weights", "bo", "sales asks <b>")
        browser.get(sent.headers["location"])
        assert "These weights are live now. Version 2: cost 2.5, calm 0.1" in browser.text
        assert "sales asks <b>" in browser.text and "<b>" not in browser.page.text
        sent = browser.send("/trade-offs/take-back", why="it cost too much")
        assert sent.status_code == 303 and weights(state) == (3, {"cost": 1.0, "calm": 0.1})
        assert browser.get("/v1/weights").json()["version"] == 3

    @pytest.mark.parametrize(
        ("filled", "said"),
        [
            ({"why": ""}, "a change of weights needs a reason"),
            ({"why": "x", "w__cost": "much"}, "'much' came"),
            ({"why": "x", "w__cost": "nan"}, "cost"),
            ({"why": "x", "w__cost": "0", "w__calm": "0"}, "0"),
            ({"why": "x", "until": "2001-01-01T00:00"}, "which is over"),
            ({"why": "x", "expected": "x"}, "the number of a version"),
        ],
    )
    def test_what_cannot_be_is_said_and_stays_in_the_form(
        self, opens: Opens, state: State, filled: dict[str, str], said: str
    ) -> None:
        browser = opens()
        browser.get("/trade-offs")
        sent = browser.send("/trade-offs/apply", **{"w__cost": "7", **filled})
        assert sent.status_code in (409, 422) and said in browser.text
        assert "Nothing was changed" in browser.text and weights(state)[0] == 1
        assert f'value="{filled.get("w__cost", "7")}"' in sent.text, "what was filled in is still there"

    def test_of_two_people_who_change_at_once_one_does(self, opens: Opens, state: State) -> None:
        ana, bo = opens(), opens()
        ana.get("/trade-offs")
        bo.get("/trade-offs")
        assert ana.send("/trade-offs/apply", w__cost="2", why="the quarter ends", who="ana").status_code == 303
        late = bo.send("/trade-offs/apply", w__calm="0.9", why="too loud", who="bo")
        assert late.status_code == 409 and weights(state) == (2, {"cost": 2.0, "calm": 0.1})
        assert "Somebody else changed it first" in bo.text and "Live is version 2 by ana (the quarter ends)" in bo.text
        assert 'value="0.9"' in late.text and "too loud" in late.text
        again = bo.send("/trade-offs/apply")  # having read what ana did
        assert again.status_code == 303 and weights(state) == (3, {"cost": 1.0, "calm": 0.9})

    def test_a_form_of_another_page_changes_nothing(self, opens: Opens, state: State) -> None:
        browser = opens()
        fields = {"w.cost": "9", "why": "mine now", "expected": "1"}
        for mark in ({}, {"mark": "0" * 64}, {"mark": "ä"}):
            refused = browser.post("/trade-offs/apply", fields | mark)
            assert refused.status_code == 403 and "open the page again" in browser.text
        browser.get("/trade-offs")
        mark = re.search(r'name="mark" value="(\w+)"', browser.page.text)
        assert mark is not None
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
            refused = browser.post("/trade-offs/apply", fields | {"mark": mark[1]}, headers={**HERE, **headers})
            assert refused.status_code == 403
        assert weights(state)[0] == 1
        assert browser.post("/trade-offs/apply", fields | {"mark": mark[1]}).status_code == 303

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [(b"x" * 40_000, FORM, 413), (b'{"why": 1}', "application/json", 422), (b"&".join([b"a=1"] * 300), FORM, 422)],
        ids=["long", "JSON", "many fields"],
    )
    def test_forms_are_bounded(self, opens: Opens, content: bytes, kind: str, status: int) -> None:
        sent = opens().ask("POST", "/trade-offs/apply", content=content, headers={"content-type": kind})
        assert sent.status_code == status

    def test_estimates_are_told_without_a_script_too(self, opens: Opens, state: State) -> None:
        browser = opens()
        browser.get("/trade-offs")
        sent = browser.send("/trade-offs/estimate", form="/trade-offs/apply", w__cost="2")
        assert sent.status_code == 303
        browser.get(sent.headers["location"].partition("#")[0])
        assert "+10.0 % between +8.0 % and +12.0 %" in browser.text
        assert "✓ would hold sales" in browser.text and "From 593 lists of the log" in browser.text
        browser.get("/trade-offs?suggest=calm&gain=3")
        assert "These weights bring calm +3.0 % at the least loss of the others" in browser.text
        assert 'name="w.calm" value="0.2"' in browser.page.text
        browser.get("/trade-offs?show=front&term=cost")
        assert browser.page.text.count("<circle") == 7 and "weight of cost" in browser.text
        assert weights(state)[0] == 1

    @pytest.mark.parametrize(
        "part", ["estimates&w.cost=2", "front", "realised", "front&term=nothing", "estimates&w.x=1"]
    )
    def test_a_part_comes_without_its_page(self, opens: Opens, part: str) -> None:
        page = opens().get(f"/trade-offs?part={part}")
        assert page.status_code == 200 and "<html" not in page.text and "<" in page.text

    def test_a_decision_is_explained(self, opens: Opens, made_up: ModuleType) -> None:
        browser = opens()
        browser.get("/decisions?newest")
        assert made_up.NUMBER in browser.text and "soup, <b>rice</b> and 2 more" in browser.text
        browser.get(f"/decisions?id={made_up.NUMBER}")
        assert "'soup' is first of 2 by its score" in browser.text and "<i>rice</i>" in browser.text
        assert "With a weight of −0.5 for joy instead of 1, rice would have drawn level" in browser.text
        assert "price had been 9 instead of 3" in browser.text and "+0.2" in browser.text
        browser.get("/decisions?id=CHOICE")
        assert "'warn' was chosen rather than 'nothing'" in browser.text and "the rule took it" in browser.text
        assert "What set it before nothing" in browser.text and "cause weather" in browser.text
        assert "With a weight of 2 for cost instead of 1, nothing would have drawn level" in browser.text
        browser.get("/decisions?id=RULE")
        assert "no candidate had a score" in browser.text and "'soup' is number 1 by the rule" in browser.text
        assert browser.get("/decisions?id=<script>").status_code == 404
        assert "there is no decision of this id" in browser.text and "<script>" not in browser.page.text

    def test_the_history_is_turned_and_filtered(self, opens: Opens, state: State) -> None:
        for n in range(70):
            state.note("ingest", f"orders {n}", why="it is time", who="cron")
        browser = opens()
        browser.get("/history")
        assert browser.page.text.count('<p class="when') == 50 and "orders 69" in browser.text
        older = re.search(r'href="(/history\?before=\d+)" rel="next"', browser.page.text)
        assert older is not None
        browser.get(older[1])
        assert "orders 19" in browser.text and "orders 20" not in browser.text and "The newest" in browser.text
        browser.get("/history?act=promote")
        assert browser.page.text.count('<p class="when') == 2 and "<option selected>promote" in browser.page.text
        browser.get("/history?subject=weights+1")
        assert browser.page.text.count('<p class="when') == 1
        assert opens().get("/history?before=x").status_code == 422
        browser.get("/history?at=2099-01-01T00:00")
        assert "r1, since" in browser.text and "Weights 1: cost 1, calm 0.1" in browser.text
        browser.get("/history?at=2001-01-01T00:00")
        assert "Nothing was live then" in browser.text
        browser.get("/history?at=never")
        assert "'never' came" in browser.text

    def test_what_the_monitors_found_is_told_with_its_owners(
        self, opens: Opens, state: State, made_up: ModuleType
    ) -> None:
        browser = opens()
        browser.get("/monitors")
        assert "nobody has looked at the monitors yet" in browser.text
        required = {"who": ["trust"], "requirement": made_up.HOLDS["text"]}
        found = [
            Finding("PM11", "requirements", "late.auc 0.5 < 0.6", "late.auc", "alarm", 0, 0.5, "", (0.6, None)),
            Finding("PM03", "feature_drift", "distance moved", "distance", "notice", 0, 0.3, "KS", (0, 0.1)),
            Finding("PM03", "feature_drift", "carrier is <as> it was", "carrier", "fine"),
        ]
        told = [one.to_dict() | (required if one.level == "alarm" else {}) for one in found]
        times = {"as_of": None, "since": "2026-03-01T00:00:00+00:00", "until": "2026-03-03T00:00:00+00:00"}
        state.put_document("look", "last", {"release": "r1", **times, "findings": told})
        browser.get("/monitors")
        assert "✗ alarm" in browser.text and "required: late.auc at least 0.6" in browser.text
        assert "usual: 0 to 0.1" in browser.text and "1 more that are fine" in browser.text
        assert "carrier is <as> it was" in browser.text
        browser.get("/")
        assert "what was seen up to 3 Mar 2026, 00:00: 1 alarm" in browser.text
        assert (
            "By now: late.auc 0.5 < 0.6, since 1 Jan 1970" in browser.text and "does not hold any more" in browser.text
        )

    def test_nobody_signs_in_where_nobody_is_asked(self, opens: Opens) -> None:
        assert opens().get("/login").headers["location"] == "/"


@pytest.fixture
def known(state: State) -> dict[str, str]:
    """Tokens of three people."""
    roles = {"desk": ["operate"], "guest": ["read"], "shop": ["predict"]}
    return {name: tokens.add(state, name, given).secret for name, given in roles.items()}


def signed_in(opens: Opens, state: State, token: str, app: Any = None) -> Browser:
    browser = opens(known=Tokens(state.tokens()), app=app)
    browser.get("/")
    assert browser.send("/login", token=token).status_code == 303
    return browser


class TestWithTokens:
    def test_a_browser_signs_in_where_it_wanted_to_go(self, opens: Opens, state: State, known: dict[str, str]) -> None:
        browser = opens(known=Tokens(state.tokens()))
        assert browser.get("/history?act=promote").status_code == 401 and "Your token" in browser.text
        sent = browser.send("/login", token=f" {known['desk']} ")
        assert (sent.status_code, sent.headers["location"]) == (303, "/history?act=promote")
        (cookie,) = (c for c in sent.headers.get_list("set-cookie") if "Max-Age=43200" in c)
        assert cookie.startswith("__Host-poise-")
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/;"))
        assert known["desk"] not in sent.text + str(sent.headers)
        assert browser.get("/history?act=promote").status_code == 200 and "desk" in browser.text
        browser.send("/logout")
        assert browser.get("/").status_code == 401

    def test_programs_are_answered_as_before(self, opens: Opens, state: State, known: dict[str, str]) -> None:
        browser = opens(known=Tokens(state.tokens()))
        told = browser.ask("GET", "/", headers={"accept": "*/*"})
        assert told.status_code == 401 and told.json()["title"] == "A token is needed"
        sent = {"authorization": f"Bearer {known['desk']}"}
        assert browser.ask("GET", "/", headers=sent).status_code == 200
        fields = {"w.cost": "3", "why": "by a program", "expected": "1"}
        made = browser.ask("POST", "/trade-offs/apply", data=fields, headers=sent)
        assert made.status_code == 303, "who sends a token means it: no other page could have it sent"
        assert state.history()[-1].who == "token desk"

    def test_who_may_only_read_sees_and_changes_nothing(
        self, opens: Opens, state: State, known: dict[str, str]
    ) -> None:
        browser = signed_in(opens, state, known["guest"])
        browser.get("/trade-offs")
        assert browser.page.status_code == 200 and "Estimate what they would do" in browser.text
        assert "a token with the role operate is needed" in browser.text
        assert 'name="why"' not in browser.page.text and "take-back" not in browser.page.text
        mark = re.search(r'name="mark" value="(\w+)"', browser.page.text)
        assert mark is not None
        fields = {"mark": mark[1], "w.cost": "9", "why": "I try", "expected": "1"}
        for action in ("/trade-offs/apply", "/trade-offs/take-back"):
            assert browser.post(action, fields).status_code == 403 and "needs the role operate" in browser.text
        assert weights(state)[0] == 1

    @pytest.mark.parametrize("token", ["", "poise_guessed", "shop"])
    def test_who_may_not_read_does_not_get_in(
        self, opens: Opens, state: State, known: dict[str, str], token: str
    ) -> None:
        browser = opens(known=Tokens(state.tokens()))
        browser.get("/")
        sent = browser.send("/login", token=known.get(token, token))
        assert sent.status_code == (403 if token == "shop" else 401)
        assert not token or token not in sent.text.replace("'shop'", "") or token == "shop"
        assert "role read" in browser.text if token == "shop" else "not one of this server's" in browser.text
        assert browser.get("/").status_code == 401

    def test_a_session_ends_with_its_token(self, opens: Opens, state: State, known: dict[str, str]) -> None:
        tokens_ = Tokens(state.tokens())
        browser = opens(known=tokens_)
        browser.get("/")
        browser.send("/login", token=known["desk"])
        assert browser.get("/trade-offs").status_code == 200
        filled = browser.page
        state.revoke_token("desk", why="it leaked")
        tokens_.put(state.tokens())  # as a running server does within a second
        browser.page = filled
        sent = browser.send("/trade-offs/apply", w__cost="9", why="a moment too late")
        assert sent.status_code == 401 and "was revoked" in browser.text and weights(state)[0] == 1
        tokens_.put([row for row in state.tokens() if row.name != "desk"])
        assert browser.get("/").status_code == 401

    def test_a_session_changes_nothing_but_by_its_forms(
        self, opens: Opens, state: State, known: dict[str, str]
    ) -> None:
        browser = signed_in(opens, state, known["desk"])
        assert browser.ask("GET", "/v1/weights").status_code == 200, "links to what programs read work"
        refused = browser.ask("PUT", "/v1/weights", json={"values": {"cost": 9}, "why": "a page made me"})
        assert refused.status_code == 403 and "pages of the console only" in refused.text
        assert browser.ask("POST", "/v1/decide", json={}).status_code == 403
        other = signed_in(opens, state, known["desk"])
        other.get("/trade-offs")
        stolen = re.search(r'name="mark" value="(\w+)"', other.page.text)
        assert stolen is not None
        for action in FORMS:
            assert browser.post(action, {"mark": stolen[1], "w.cost": "9", "why": "x"}).status_code == 403
        assert weights(state)[0] == 1

    def test_a_form_to_sign_in_that_another_page_sends_is_refused(
        self, opens: Opens, state: State, known: dict[str, str]
    ) -> None:
        browser = opens(known=Tokens(state.tokens()))
        assert browser.post("/login", {"token": known["desk"]}).status_code == 403
        assert browser.get("/").status_code == 401

    @pytest.mark.parametrize(
        "onward", ["//evil.example", "https://evil.example", "/v1/weights", "javascript:x", "/\\x"]
    )
    def test_nobody_is_led_away(self, opens: Opens, state: State, known: dict[str, str], onward: str) -> None:
        browser = opens(known=Tokens(state.tokens()))
        browser.get("/")
        assert browser.send("/login", token=known["desk"], onward=onward).headers["location"] == "/"

    def test_over_plain_http_the_cookie_is_not_said_to_be_secure(
        self, opens: Opens, state: State, known: dict[str, str], made_up: ModuleType
    ) -> None:
        app = create_app(made_up.served(), state, tokens=Tokens(state.tokens()), asides=made_up.ASIDES)
        browser = Browser(app, "http://127.0.0.1:8080", HERE)
        browser.get("/")
        (cookie,) = (
            c for c in browser.send("/login", token=known["desk"]).headers.get_list("set-cookie") if "43200" in c
        )
        assert "Secure" not in cookie and not cookie.startswith("__Host-"), "browsers would not send it back"
        assert browser.get("/").status_code == 200


def test_sessions_are_bounded_and_end() -> None:
    now = 0.0
    sessions = Sessions("shop", most=3, steady=lambda: now)
    made = [sessions.begin(b"d") for _ in range(5)]
    alive = [sessions.of(f"{sessions.cookie}={one.id}") is not None for one in made]
    assert alive == [False, False, True, True, True]
    now = IDLE - 1
    assert sessions.of(f"a=b; {sessions.cookie}={made[2].id}") is not None
    now = IDLE + 1
    assert sessions.of(f"{sessions.cookie}={made[3].id}") is None
    assert sessions.of(f"{sessions.cookie}={made[2].id}") is not None, "it was used meanwhile"
    while now < LONGEST - IDLE:
        now += IDLE - 1
        assert sessions.of(f"{sessions.cookie}={made[2].id}") is not None
    now = LONGEST + 1
    assert sessions.of(f"{sessions.cookie}={made[2].id}") is None
    assert sessions.of("") is None and sessions.of("; = ;;") is None


def test_weights_whose_time_is_over_are_not_shown_as_live(opens: Opens, state: State) -> None:
    state.set_weights({"cost": 5.0}, why="for a moment", who="ana", until=Clock().now() + 1)
    browser = opens()
    state.expire_weights()  # as a running server does within a second
    browser.get("/trade-offs")
    assert weights(state) == (3, {"cost": 1.0, "calm": 0.1})
    assert 'name="expected" value="3"' in browser.page.text and 'name="w.cost" value="1"' in browser.page.text
