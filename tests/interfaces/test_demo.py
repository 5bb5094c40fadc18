"""`poise demo` as somebody sees it who has only installed Poise: in the terminal, over HTTP, and in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser import chromium

from poise.interfaces.cli import STOPPED
from poise.interfaces.templates import examples

needs_browser = [
    pytest.mark.browser,
    # Where CI runs nothing may be skipped: .ci/system-packages installs it.
    pytest.mark.skipif(
        chromium.found() is None and not os.environ.get("CI"), reason="no chromium is installed (apt: chromium)"
    ),
]
LIVE = {"engagement": 1.0, "revenue": 0.4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "poise-demo"


@pytest.fixture(scope="module")
def address(folder: Path, installed: dict[str, str]) -> Iterator[str]:
    """A demo that runs, from the wheel, started in a folder with nothing in it."""
    command = [sys.executable, "-m", "poise", "demo", "--no-browser", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(
        command, env=installed, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if found := re.match(r"The page: (http://\S+)/demo", line):
                break
        else:
            raise AssertionError("".join(lines))
        yield found[1]
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == STOPPED, "Ctrl-C ends it as it should end"


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Browser]:
    with chromium.browser() as started:
        yield started


@pytest.fixture
def again(address: str) -> Iterator[None]:
    """The weights that a test made live are taken back after it."""
    yield
    httpx.put(f"{address}/v1/weights", json={"values": LIVE, "why": "the next test"}).raise_for_status()


def preview(address: str, user: str, **weights: float) -> dict[str, Any]:
    told = httpx.post(f"{address}/demo/preview", json={"user": user, "weights": weights})
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


def test_the_market_is_told_once(address: str) -> None:
    told = httpx.get(f"{address}/demo/market").json()
    assert len(told["users"]) == 12 and told["lists"] == 400
    assert [term["name"] for term in told["terms"]] == ["engagement", "revenue"]
    first, last = told["curve"][0]["true"], told["curve"][-1]["true"]
    assert first["engagement"] > last["engagement"] and first["revenue"] < last["revenue"]
    best = max(point["true"]["engagement"] for point in told["curve"])
    assert best > 1.05 * told["rule"]["engagement"], "what was learned beats what is popular"


def test_previews_move_the_list_and_every_number_but_nothing_that_is_live(address: str) -> None:
    user = httpx.get(f"{address}/demo/market").json()["users"][0]["id"]
    orders, money = (preview(address, user, engagement=e, revenue=r) for e, r in ((1, 0), (0, 1)))
    assert [one["id"] for one in orders["shown"]] != [one["id"] for one in money["shown"]]
    for term, more, less in (("engagement", orders, money), ("revenue", money, orders)):
        assert more["worth"][term]["foreseen"] > 1.02 * less["worth"][term]["foreseen"]
        assert more["worth"][term]["true"] > less["worth"][term]["true"]
        by_term = [one["terms"][term] for one in more["shown"]]
        assert by_term == sorted(by_term, reverse=True)
        for worth in (more["worth"][term], less["worth"][term]):
            assert worth["foreseen"] == pytest.approx(worth["true"], rel=0.2), "models foresee what is true"
    sales = {one["who"]: one for one in orders["requirements"]}["sales"]
    assert sales["status"] == "fail" and "of live" in sales["now"]
    assert httpx.get(f"{address}/v1/weights").json()["version"] == 1


def test_a_preview_is_what_would_be_live(address: str, again: None) -> None:
    """The list that is previewed is the list that `/v1/decide` scores the same way once the weights are applied."""
    user = httpx.get(f"{address}/demo/market").json()["users"][1]["id"]
    weights = {"engagement": 0.3, "revenue": 0.7}
    foreseen = preview(address, user, **weights)
    asked = {"values": weights, "why": "tried in a test", "expected_version": 1}
    assert httpx.put(f"{address}/v1/weights", json=asked).json()["version"] == 2
    shown = preview(address, user, **weights)["shown"]
    assert [one["id"] for one in shown] == [one["id"] for one in foreseen["shown"]]
    assert [one["live"] for one in shown] == list(range(1, 11)), "what is previewed is what is live now"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"user": "u9999", "weights": LIVE}, "no such user"),
        ({"user": "USER", "weights": {"revenu": 1}}, "did you mean 'revenue'"),
        ({"user": "USER", "weights": {"revenue": "much"}}, "weights.revenue"),
        ({"user": "USER"}, "no weights"),
        ({"user": ["USER"], "weights": LIVE}, "no such user"),
        ([], "the body is a list"),
    ],
)
def test_a_preview_that_makes_no_sense_is_a_problem(address: str, asked: Any, said: str) -> None:
    user = httpx.get(f"{address}/demo/market").json()["users"][0]["id"]
    told = httpx.post(f"{address}/demo/preview", content=json.dumps(asked).replace("USER", user), headers=JSON)
    assert told.status_code in (400, 422), told.text
    assert said in told.text


JSON = {"content-type": "application/json"}


def test_poise_is_there_beside_the_page(address: str) -> None:
    assert httpx.get(f"{address}/health/ready").json()["ready"]
    page = httpx.get(f"{address}/demo")
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"https?://(?!www\.w3\.org)", page.text), "the page names no other machine"
    assert httpx.get(f"{address}/demo", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.usefixtures("again")
class TestInABrowser:
    """The page as people use it: by keyboard, wide and narrow, light and dark."""

    pytestmark = needs_browser

    def test_sliders_move_the_list_and_apply_makes_it_live(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo") as page:
            page.until("document.querySelectorAll('.item').length === 10")
            before, orders = page.ask(ORDER), page.ask(total("engagement"))
            assert page.ask("document.getElementById('go').disabled"), "nothing to apply yet"
            page.ask("document.getElementById('slider-engagement').focus()")
            page.press("Home")
            page.press("Tab")
            assert page.ask("document.activeElement.id") == "slider-revenue"
            page.press("ArrowRight", 5)
            page.until(f"({ORDER}) !== {json.dumps(before)}")
            page.until(f"({total('engagement')}) < {orders}")
            assert page.ask("document.getElementById('weight-revenue').textContent") == "0.50"
            assert "0.50" in page.ask("document.activeElement.getAttribute('aria-valuetext')")
            assert "engagement does not count" in page.ask("document.getElementById('rate').textContent")
            assert page.ask("document.querySelectorAll('.moved.up').length") > 0
            assert httpx.get(f"{address}/v1/weights").json()["values"] == LIVE, "nothing is live before it is applied"
            version = httpx.get(f"{address}/v1/weights").json()["version"]
            page.ask("document.getElementById('why').focus()")
            page.type("sales has a bad quarter")
            page.press("Enter")
            page.until("document.getElementById('said').textContent.includes('are live')")
            live = httpx.get(f"{address}/v1/weights").json()
            assert (live["values"], live["version"]) == ({"engagement": 0.0, "revenue": 0.5}, version + 1)
            assert "sales has a bad quarter" in page.ask("document.getElementById('versions').textContent")
            page.until("!document.querySelector('.moved.up')")  # what is shown is what is live
            page.ask("document.querySelector('#versions button').click()")
            page.until(f"({ORDER}) === {json.dumps(before)}")
            assert httpx.get(f"{address}/v1/weights").json()["values"] == LIVE
            clean(page)

    def test_weights_that_others_change_are_taken_up(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo") as page:
            page.until("document.querySelectorAll('.item').length === 10")
            asked = {"values": {"revenue": 0.07}, "why": "from elsewhere", "who": "sales"}
            httpx.put(f"{address}/v1/weights", json=asked).raise_for_status()
            page.until("document.getElementById('weight-revenue').textContent === '0.07'")
            page.until("document.getElementById('versions').textContent.includes('from elsewhere')")
            assert page.ask("document.getElementById('go').disabled"), "the exact weight is live, between two steps"
            clean(page)

    def test_a_live_weight_below_zero_is_seen_on_its_slider(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo") as page:
            page.until("document.querySelectorAll('.item').length === 10")
            asked = {"values": {"revenue": -0.33}, "why": "from elsewhere", "who": "sales"}
            httpx.put(f"{address}/v1/weights", json=asked).raise_for_status()
            page.until("document.getElementById('weight-revenue').textContent === '-0.33'")
            slider = "document.getElementById('slider-revenue')"
            assert page.ask(f"Number({slider}.value)") == pytest.approx(-0.33, abs=0.1)
            assert page.ask(f"{slider}.style.getPropertyValue('--fill')") != "0%"
            page.ask(f"{slider}.focus()")
            page.press("End")
            page.until("Number(document.getElementById('weight-revenue').textContent) > 0")
            clean(page)

    @pytest.mark.parametrize("width", [390, 768, 1440])
    def test_tab_goes_down_a_column_as_the_eye_does(self, browser: chromium.Browser, address: str, width: int) -> None:
        with browser.page(f"{address}/demo", width=width, calm=True) as page:
            page.until("document.querySelectorAll('.item').length === 10")
            tops = page.ask(f"({TOPS})")
            assert len(tops) >= 6
            if width < 760:
                assert tops == sorted(tops), "one column: the document is in the order that is seen"
            page.resize(390, 800)
            page.until(f"({TOPS}).every((top, i, all) => !i || top >= all[i - 1])")
            page.resize(1440, 800)
            page.until("document.querySelector('.controls .apply')")
            clean(page)

    @pytest.mark.parametrize("dark", [False, True])
    @pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
    def test_nothing_scrolls_sideways(self, browser: chromium.Browser, address: str, width: int, dark: bool) -> None:
        with browser.page(f"{address}/demo", width=width, dark=dark, calm=True) as page:
            page.until("document.querySelectorAll('.item').length === 10")
            assert page.ask("document.documentElement.scrollWidth") <= width
            assert page.faults("wide") == []
            assert page.faults("faint") == []
            clean(page)

    def test_calm_pages_do_not_move(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo", calm=True) as page:
            page.until("document.querySelectorAll('.item').length === 10")
            before = page.ask(ORDER)
            page.ask("document.getElementById('slider-revenue').focus()")
            page.press("Home")
            page.until(f"({ORDER}) !== {json.dumps(before)}")
            assert page.ask("document.getAnimations().length") == 0

    def test_another_user_sees_another_list(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo") as page:
            page.until("document.querySelectorAll('.item').length === 10")
            before = page.ask(ORDER)
            page.ask("document.getElementById('user').focus()")
            page.press("ArrowDown")
            page.until(f"({ORDER}) !== {json.dumps(before)}")
            clean(page)

    def test_everything_to_press_has_a_name(self, browser: chromium.Browser, address: str) -> None:
        with browser.page(f"{address}/demo") as page:
            page.until("document.querySelectorAll('.item').length === 10")
            assert page.faults("nameless") == []
            assert page.ask("document.documentElement.lang") == "en"
            assert page.ask("document.querySelectorAll('h1').length") == 1


ORDER = "[...document.querySelectorAll('.item')].map(row => row.dataset.id).join(' ')"

TOPS = """[...document.querySelectorAll('main input, main select, main summary, main button.strong')]
    .map(node => node.getBoundingClientRect().top + scrollY)"""


def total(term: str) -> str:
    return f"Number(document.querySelector('#term-{term} .total b').textContent.replaceAll(',', ''))"


def clean(page: chromium.Page) -> None:
    """Nothing was complained about, and no other machine was asked for anything."""
    assert page.complaints == []
    assert page.requested and page.foreign() == []


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poise", "demo", "--folder", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_one_folder_has_one_demo(address: str, folder: Path) -> None:
    second = demo(folder, "--once", "--port", "0")
    assert second.returncode == 6
    assert re.search(r"is held by process \d+ \(stop that process, or", second.stderr)


def test_once_answers_and_stops(address: str, folder: Path, tmp_path: Path) -> None:
    """A second time on what another one left, which learns nothing again."""
    folder = shutil.copytree(folder, tmp_path / "again", ignore=shutil.ignore_patterns("journal"))
    began = time.monotonic()
    done = demo(folder, "--once", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has learned from these rows already" in done.stdout
    assert 0 < done.stdout.count('"why"') <= 5 and " more" in done.stdout, "as many as `poise up` names"
    assert '"impression_id"' in done.stdout and "<title>One list, two wishes" in done.stdout
    assert time.monotonic() - began < 60
    assert (folder / "poise.yaml").read_text() == (examples() / "restaurants" / "poise.yaml").read_text()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = demo(tmp_path, "--once")
    assert refused.returncode == 1
    assert f"the folder {tmp_path} holds something else (name another folder with --folder)" in refused.stderr
    (tmp_path / "poise.yaml").write_text("format: 1\n")
    assert "is not the file of this demo" in demo(tmp_path, "--once").stderr
