"""The page and the summary of an assessment: right, readable by everybody, and safe whatever the table holds."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest

from poise import registry
from poise.assessment import wording
from poise.assessment.assess import Assessment, assess
from poise.assessment.reading import read_case
from poise.assessment.report import drawings, is_report, render
from poise.assessment.summary import columns, summary, wrapped
from poise.assessment.wording import MARKS, SHORT, VERDICTS

VOID = {"meta", "br", "line", "circle", "rect", "polyline", "polygon"}
EVIL = "\"><script>alert(1)</script>&'{{ 7 * 7 }}"


class Page(HTMLParser):
    """A page as read: elements in order, text, and whether everything that opens also closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "everything that opens closes"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def table(rows: int = 600, noise: bool = False) -> pl.DataFrame:
    """Two columns that matter together (or none that matters), one that never differs, and an id."""
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, rows))
    chance = np.full(rows, 0.4) if noise else 1 / (1 + np.exp(-2 * (a + b)))
    names = [f"c{n}" for n in range(rows)]
    truth = np.where(rng.random(rows) < chance, "yes", "no")
    return pl.DataFrame({"id": names, "a": a, "b": b, "same": [1] * rows, "left": truth})


@pytest.fixture(scope="module")
def learned() -> Assessment:
    return assess(read_case(table(), "left", name="shop"))


@pytest.fixture(scope="module")
def noise() -> Assessment:
    return assess(read_case(table(2_000, noise=True), "left", name="shop"), codes=["PA01", "PA02"])


@pytest.fixture
def content(learned: Assessment) -> dict[str, Any]:
    return json.loads(json.dumps(learned.to_dict()))


def test_the_verdict_stands_first_and_says_what_to_do(content: dict[str, Any], noise: Assessment) -> None:
    text = Page(render([content])).text
    verdict = content["verdict"]["verdict"]
    assert verdict in ("use ML", "needs a person") and VERDICTS[verdict][2] in text
    order = ["Predicting", VERDICTS[verdict][2], "What to do next", "The questions", "The columns", "How to read this"]
    assert sorted(order, key=text.index) == order
    assert "Do not build a model on these data." in Page(render([noise.to_dict()])).text


def test_each_question_stands_with_figure_limits_and_what_would_change_it(content: dict[str, Any]) -> None:
    page = Page(render([content]))
    assert {answer["code"] for answer in content["answers"]} == set(registry.names("question"))
    for answer in content["answers"]:
        assert page.text.count(answer["title"]) >= 2, "in the list, and as a heading"
        assert f"{answer['code']}" in page.text
    first = next(answer for answer in content["answers"] if answer["code"] == "PA01")
    shown = re.search(r"(\d+) % \((\d+) to (\d+) %\): share of the uncertainty", page.text)
    assert shown and int(shown[1]) == round(first["figure"] * 100) and int(shown[2]) == round(first["low"] * 100)


def test_a_column_is_listed_with_what_became_of_it(content: dict[str, Any]) -> None:
    text = Page(render([content])).text
    assert re.search(r"same constant left out: it is always 1", text)
    assert re.search(r"id id left out: nearly every row has its own value", text)
    assert "left flag what is predicted" in text or "left category what is predicted" in text
    assert re.search(r" a number used ", text)


def test_a_page_is_whole_and_fetches_nothing(content: dict[str, Any]) -> None:
    html = render([content])
    page = Page(html)
    assert not page.all("script") and not page.all("link") and not page.all("img")
    assert not re.search(r"(?:src|href)=\"(?!#)", html)
    assert any("default-src 'none'" in str(meta.get("content")) for meta in page.all("meta"))
    assert page.all("html")[0]["lang"] == "en" and len(page.all("h1")) == 1


def test_everybody_can_read_it(content: dict[str, Any]) -> None:
    page = Page(render([content, content]))
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids)), "names are their own, also of two assessments on one page"
    referred = [a[k] for _, a in page.elements for k in ("aria-labelledby",) if a.get(k)]
    assert set(" ".join(map(str, referred)).split()) <= set(ids)
    assert {str(a["href"])[1:] for a in page.all("a")} <= set(ids)
    plots = page.all("svg")
    assert len(plots) >= 6 and all(plot["role"] == "img" and plot["aria-labelledby"] for plot in plots)
    assert len(page.all("caption")) == len(page.all("table"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels


def test_what_the_details_hold_is_drawn(content: dict[str, Any]) -> None:
    assert "{&#39;" not in render([content]), "records are tables, not text"
    drawn = {a["code"]: [title for title, _, _ in drawings(a, content, "k")] for a in content["answers"]}
    assert drawn["PA01"] == ["What each kind of model explains", "Predicted and came true"]
    assert "Answering only the surest rows" in drawn["PA03"]
    assert drawn["PA04"] == ["What more rows bring"]
    assert drawn["PA05"] == drawn["PA07"] == [], "nothing of time without a time"
    assert drawn["PA06"] == ["What each column explains by itself"]
    assert drawn["PA08"] == ["What it would be worth"]


def test_value_over_time_is_drawn() -> None:
    frame = table().with_columns(
        at=pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2025, 8, 22), "1d").head(600)
    )
    made = assess(read_case(frame, "left", time="at"), codes=["PA05", "PA06", "PA07"]).to_dict()
    drawn = {a["code"]: [title for title, _, _ in drawings(a, made, "k")] for a in made["answers"]}
    assert drawn["PA05"] == ["What is explained of later rows"]
    assert "The target over time" in drawn["PA06"]
    assert drawn["PA07"] == ["A model that is never learned again"]
    Page(render([made]))


def test_the_learning_curve_goes_on_as_a_dashed_band(content: dict[str, Any]) -> None:
    answer = next(answer for answer in content["answers"] if answer["code"] == "PA04")
    plot = str(drawings(answer, content, "k")[0][2])
    assert plot.count("<polygon") == 2 and 'class="curve curve-1"' in plot
    assert "expected of more rows" in plot


def test_whatever_the_table_holds_is_escaped_and_cut() -> None:
    frame = table().rename({"a": EVIL, "b": "x" * 10_000, "same": "\u202eabc\n\x1b[31m", "left": "😀 עברית <b>"})
    made = assess(read_case(frame, "😀 עברית <b>", name=EVIL), codes=["PA01", "PA02", "PA03"])
    html = render([made.to_dict()])
    page = Page(html)
    assert "<script" not in html and "&lt;script&gt;" in html and "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in html and "\x1b" not in html and "x" * 100 not in html
    assert len(html) < 200_000
    for line, _ in summary(made.to_dict()):
        assert "\x1b" not in line and "\n" not in line and columns(line) <= 80


def test_details_of_any_shape_do_not_break_the_page(content: dict[str, Any]) -> None:
    random = Random(3)
    odd = [
        None,
        True,
        -1,
        1e300,
        float("nan"),
        "",
        "text",
        [],
        {},
        [1, None],
        [{}],
        {"value": None},
        {"curve": [{"rows": 1}]},
    ]
    keys = [
        "rungs",
        "slices",
        "surest",
        "curve",
        "later",
        "table",
        "policies",
        "groups",
        "questions",
        "alone",
        "windows",
    ]
    for _ in range(60):
        for answer in content["answers"]:
            answer["details"] = {random.choice(keys): random.choice([*odd, [random.choice(odd)] * 3]) for _ in range(6)}
        Page(render([content]))


def test_the_summary_reads_in_some_20_lines_of_80_columns(content: dict[str, Any], noise: Assessment) -> None:
    for told in (content, noise.to_dict()):
        lines = summary(told)
        assert len(lines) <= 22 and all(columns(line) <= 80 for line, _ in lines)
        bold = [line for line, style in lines if style == "bold"]
        assert told["verdict"]["verdict"] in bold[0] and "confidence" in bold[0]
        questions = [line for line, _ in lines if re.match(r"  PA\d\d ", line)]
        assert len(questions) == len(told["answers"])
    assert any(
        re.search(r"PA01  ✓ yes +there is something to learn +\d+ % \(\d+ to \d+ %\)", line)
        for line, _ in summary(content)
    )


def test_what_a_person_must_decide_is_told_in_22_lines_beside_what_the_figures_say(content: dict[str, Any]) -> None:
    person = next(answer for answer in content["answers"] if answer["code"] == "PA09")
    said = {
        "sentence": "Only a person can say whether this may be automated. " * 2 + "People are concerned.",
        "change": "Sign the file. It is written with --write-answers.",
    }
    named = [
        {"sentence": f"Column {n} says more than it should. " * 4, "weight": "warn", "columns": []} for n in range(9)
    ]
    person |= {"answer": "needs a person", "findings": named, **said}
    verdict = content["verdict"]
    verdict |= {"verdict": "needs a person", "evidence": "use ML", "because": ["PA09", "PA01", "PA02"]}
    verdict["next"] = [said["change"], *verdict["next"]]
    lines = [line for line, _ in summary(content)]
    assert len(lines) <= 22 and "● needs a person; by the figures alone: use ML" in lines[2]
    told = " ".join(line.strip() for line in lines)
    assert "People are concerned. The other columns explain" in told, "whole sentences, as many as there is room for"
    assert sum(line.startswith("  !") for line in lines) == 2 and "  ! 8 more in the report" in lines
    assert lines[-1] == "  → Sign the file."


def test_the_summary_fits_narrow_terminals(content: dict[str, Any]) -> None:
    assert [line for line, _ in summary(content, 44) if columns(line) > 44] == []


@pytest.mark.parametrize("text", ["", "a", "猫" * 100, "a" * 300, "one two " * 60, "😀 " * 90])
@pytest.mark.parametrize("width", [5, 12, 79])
def test_lines_are_never_wider_than_asked(text: str, width: int) -> None:
    whole = wrapped(text, width)
    assert all(columns(line) <= width for line in whole)
    cut = wrapped(text, width, 2)
    assert len(cut) <= 2 and all(columns(line) <= width for line in cut)
    assert (len(whole) <= 2) or cut[-1].endswith("…")


def test_every_answer_has_words_for_one_line() -> None:
    codes = {code for code, _ in SHORT}
    assert set(registry.names("question")) <= codes
    assert all(answer in MARKS for _, answer in SHORT)
    assert all(len(words) <= 38 for words in SHORT.values())


def test_an_obstacle_is_a_full_page(tmp_path: Path) -> None:
    made = assess(read_case(table().with_columns(left=pl.lit("no")), "left"))
    page = Page(render([made.to_dict()]))
    assert "Do not use ML" in page.text and "there is nothing to tell apart" in page.text
    assert "The questions" not in page.text and "The columns" in page.text
    path = made.write_report(tmp_path / "page.html")
    assert is_report(path) and not is_report(tmp_path / "none.html")
    assert not is_report(Path(__file__))


def test_json_holds_plain_values_only(learned: Assessment) -> None:
    text = json.dumps(learned.to_dict(), allow_nan=False)
    assert json.loads(text)["verdict"]["verdict"] == learned.verdict.verdict
    assert "iframe" in learned._repr_html_() and str(learned).count("\n") > 8


def test_shares_are_spelt_in_one_way() -> None:
    """A number, a space and the sign, in every sentence as beside the plots."""
    made = assess(read_case(table(), "left", name="shop")).to_dict()
    texts = json.dumps(made)
    assert re.search(r"\d %", texts) and not re.search(r"\d%", texts), re.findall(r".{30}\d%", texts)
    sources = Path(wording.__file__).parent.glob("*.py")
    loose = [path.name for path in sources if re.search(r":\.?\d*%}", path.read_text(encoding="utf-8"))]
    assert not loose, "`percent` spells shares"
