"""The console in a real browser: by keyboard alone, wide and narrow, light and dark, with a script and without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from tests.browser import chromium

from poise.clock import SECOND, Clock
from poise.interfaces import tokens
from poise.stores.state import State

pytestmark = [
    pytest.mark.browser,
    # Where CI runs nothing may be skipped: .ci/system-packages installs it.
    pytest.mark.skipif(
        chromium.found() is None and not os.environ.get("CI"), reason="no chromium is installed (apt: chromium)"
    ),
]
AXE = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
FOCUS = "document.activeElement"


@contextmanager
def serving(url: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The made-up server on a real socket: its process and its address."""
    command = [sys.executable, str(Path(__file__).parent / "server.py"), "--state", url, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, made_up: ModuleType) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('console') / 'state.db'}"
    with closing(State(url, "flights")) as state:
        made_up.fill(state)
    return url


@pytest.fixture(scope="module")
def address(url: str) -> Iterator[str]:
    with serving(url) as (_, address):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Browser]:
    with chromium.browser() as started:
        yield started


@pytest.fixture
def again(address: str) -> Iterator[None]:
    """The weights that a test made live are taken back after it."""
    yield
    change = {"values": {"cost": 1.0, "calm": 0.1}, "why": "the next test"}
    httpx.put(f"{address}/v1/weights", json=change).raise_for_status()


def live(address: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{address}/v1/weights").json()
    return told


def clean(page: chromium.Page) -> None:
    """Nothing was complained about, and no other machine was asked for anything."""
    assert page.complaints == []
    assert page.requested and page.foreign() == []


def serious(page: chromium.Page) -> list[str]:
    """What axe-core finds that keeps somebody out."""
    page.ask(AXE + ";0")
    found = page.ask("axe.run({resultTypes: ['violations']}).then(r => r.violations)")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found if one["impact"] in ("serious", "critical")
    ]


def tab_to(page: chromium.Page, wanted: str, most: int = 60) -> None:
    """Press Tab until what has the focus is what is wanted (a JavaScript condition on `at`)."""
    for _ in range(most):
        if page.ask(f"(at => Boolean({wanted}))({FOCUS})"):
            return
        page.press("Tab")
    raise AssertionError(f"Tab does not lead to {wanted}; it stands at {page.ask(f'{FOCUS}.outerHTML')[:200]}")


def follow(page: chromium.Page, words: str) -> None:
    """Go by keyboard to the link, button or summary with these words, and press Enter."""
    tab_to(page, f"at.textContent.trim().startsWith({json.dumps(words)})")
    page.press("Enter")


class TestByKeyboardAlone:
    def test_weights_are_weighed_applied_and_taken_back(
        self, browser: chromium.Browser, address: str, again: None
    ) -> None:
        with browser.page(address) as page:
            follow(page, "Trade-offs")
            page.until("location.pathname === '/trade-offs' && document.querySelector('.front')")
            tab_to(page, "at.type === 'range' && at.dataset.of === 'w-cost'")
            before = live(address)["version"]
            page.press("ArrowRight", 10)
            page.until("document.getElementById('w-cost').value === '1.2'")
            page.until("document.querySelector('.effects')")
            page.until("document.getElementById('estimates').textContent.includes('+2.0 %')")
            assert "between" in page.ask("document.getElementById('estimates').textContent")
            assert live(address)["version"] == before, "nothing is live before it is applied"
            tab_to(page, "at.id === 'why'")
            page.type("sales asks for it")
            follow(page, "Apply")
            page.until("document.querySelector('[role=status]')")
            assert "These weights are live now" in page.ask("document.querySelector('[role=status]').textContent")
            assert page.ask(f"{FOCUS}.getAttribute('role')") == "status", "reading goes on there"
            told = live(address)
            assert (told["values"], told["why"]) == ({"cost": 1.2, "calm": 0.1}, "sales asks for it")
            follow(page, "Take back")
            page.press("Tab")
            page.type("it cost too much")
            follow(page, "Take back")
            page.until("document.body?.textContent.includes('of before are live again')")
            assert live(address)["values"] == {"cost": 1.0, "calm": 0.1}
            clean(page)

    def test_enter_in_a_field_asks_and_applies_nothing(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/trade-offs") as page:
            before = live(address)["version"]
            tab_to(page, "at.id === 'w-calm'")
            page.ask(f"{FOCUS}.select()")
            page.type("0.4")
            page.press("Enter")
            page.until("document.getElementById('estimates').textContent.includes('−3.0 %')")
            assert page.ask("document.querySelector('[data-of=w-calm]').value") == "0.4", "the slider follows"
            assert live(address)["version"] == before
            clean(page)

    def test_a_decision_is_found_and_explained(
        self, browser: chromium.Browser, address: str, made_up: ModuleType
    ) -> None:
        with browser.page(address) as page:
            follow(page, "Decisions")
            page.until("document.querySelector('table a.id')")
            tab_to(page, "at.id === 'id'")
            page.type(made_up.NUMBER)
            page.press("Enter")
            page.until("document.getElementById('why-title')")
            assert "'soup' is first of 2" in page.ask("document.body.textContent")
            assert page.ask("document.querySelectorAll('.bars rect').length") == 4
            clean(page)

    def test_the_history_is_filtered(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(address) as page:
            follow(page, "History")
            page.until("location.pathname === '/history'")
            tab_to(page, "at.id === 'subject'")
            page.type("weights 1")
            page.press("Enter")
            page.until("location.search.includes('subject')")
            assert page.ask("document.querySelectorAll('.lines > li').length") == 1
            clean(page)

    def test_somebody_signs_in_and_out(self, browser: chromium.Browser, tmp_path: Path, made_up: ModuleType) -> None:
        url = f"sqlite:///{tmp_path / 'state.db'}"
        with closing(State(url, "flights")) as state:
            made_up.fill(state)
            token = tokens.add(state, "desk", ["operate"]).secret
            with serving(url, "--tokens") as (_, address), browser.page(f"{address}/history") as page:
                assert page.ask(f"{FOCUS}.id") == "token"
                page.type(token)
                page.press("Enter")
                page.until("document.querySelector('.lines')")
                assert page.ask("document.cookie") == "", "no script sees it"
                assert page.ask("document.querySelector('.who span').textContent") == "desk"
                state.revoke_token("desk", why="it leaked")
                time.sleep(1.2)  # a running server knows within a second
                follow(page, "Overview")
                page.until("document.getElementById('token')")
                assert "was revoked" in page.ask("document.querySelector('[role=alert]').textContent")


class TestEverybodyCanReadIt:
    @pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
    def test_no_page_keeps_anybody_out(
        self, browser: chromium.Browser, address: str, made_up: ModuleType, width: int, dark: bool
    ) -> None:
        pages = {
            "/": "true",
            "/trade-offs?w.cost=2": "document.querySelector('.front')",
            f"/decisions?id={made_up.NUMBER}": "true",
            "/decisions": "document.querySelector('table')",
            "/monitors": "true",
            "/history?at=2099-01-01T00:00": "true",
        }
        for path, there in pages.items():
            with browser.page(f"{address}{path}", width=width, dark=dark, calm=True) as page:
                page.until(there)
                page.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert serious(page) == [], path
                assert page.faults("faint") == [], path
                assert page.ask("document.documentElement.scrollWidth") <= width, path
                assert page.ask("document.querySelectorAll('h1').length") == 1
                clean(page)

    def test_without_a_script_too(self, browser: chromium.Browser, address: str, again: None) -> None:
        with browser.page("about:blank") as page:
            page._call("Emulation.setScriptExecutionDisabled", value=True)
            page._call("Page.navigate", url=f"{address}/trade-offs")
            time.sleep(1)
            assert page.ask("document.querySelector('input[type=range]').hidden"), (
                "what only a script moves is not there"
            )
            page.ask("document.getElementById('why').focus()")
            page.type("no script here")
            page.press("Enter")  # the first button of the form: an estimate
            for _ in range(100):
                if "w.cost" in page.ask("location.search"):
                    break
                time.sleep(0.05)
            assert "between" in page.ask("document.getElementById('estimates').textContent")


def test_weights_whose_time_is_over_are_told_as_such(browser: chromium.Browser, address: str, url: str) -> None:
    with closing(State(url, "flights")) as state:
        was = live(address)["values"]
        state.set_weights({"cost": 5.0}, why="for a moment", who="ana", until=Clock().now() + 2 * SECOND)
        with browser.page(f"{address}/trade-offs") as page:
            assert "until" in page.ask("document.querySelector('.versions .live').textContent")
            for _ in range(100):
                if live(address)["values"] == was:
                    break
                time.sleep(0.1)
            page.ask("document.getElementById('why').value = 'too late'")
            page.ask("document.querySelector('.apply button').click()")  # made while they were live
            page.until("document.querySelector('[role=alert]')")
            assert "Somebody else changed it first" in page.ask("document.querySelector('[role=alert]').textContent")
        assert live(address)["values"] == was


@pytest.mark.parametrize("after", [0.0, 0.004, 0.02])
def test_a_server_that_dies_while_it_changes_weights_changes_all_or_nothing(
    tmp_path: Path, made_up: ModuleType, after: float
) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with closing(State(url, "flights")) as state:
        made_up.fill(state)
        with serving(url) as (process, address), httpx.Client(base_url=address, headers={"origin": address}) as client:
            mark = client.get("/trade-offs").text.partition('name="mark" value="')[2][:64]
            fields = {"mark": mark, "expected": "1", "w.cost": "9", "w.calm": "8", "why": "the last thing it heard"}
            sent = client.build_request("POST", "/trade-offs/apply", data=fields)
            pid = os.fork()
            if not pid:
                time.sleep(after)
                os.kill(process.pid, signal.SIGKILL)
                os._exit(0)
            answered = True
            try:
                answered = client.send(sent).status_code == 303
            except httpx.TransportError:
                answered = False
            os.waitpid(pid, 0)
        now, lines = state.weights(), [line for line in state.history() if line.act == "weights"]
        assert now is not None and (dict(now.values), now.version) in (
            ({"cost": 1.0, "calm": 0.1}, 1),
            ({"cost": 9.0, "calm": 8.0}, 2),
        )
        assert len(lines) == now.version, "each version has its line"
        assert now.version == 2 or not answered, "what was acknowledged is there"
