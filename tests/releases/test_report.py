"""The report: right, readable by everybody, safe whatever the evidence holds, and silent about nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from poise.errors import StateError
from poise.releases import report
from poise.releases.evidence import Evidence
from poise.releases.plain_json import write_json
from poise.releases.report import render

VOID = {"meta", "link", "br", "line", "circle", "rect", "img", "input", "hr"}


class Page(HTMLParser):
    """A page as read: elements in order, text by element, and whether everything that opens also closes."""

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


def test_verdicts_stand_first_with_who_what_and_how_sure(evidence: dict[str, Any]) -> None:
    text = Page(render(evidence)).text
    assert "✓ Released: 2 of 4 requirements hold, 1 allowed with too little evidence, 1 cannot be told yet." in text
    assert "late.auc at least 0.65 Measured 0.712 (0.699 to 0.726), from 48,211 rows in 52 blocks" in text
    assert "Measured 3.1ms (2.8ms to 4.2ms), from 300 requests" in text
    assert "how often a positive row is ranked above a negative one" in text
    assert text.index("Who requires what") < text.index("What the decisions are worth") < text.index("Predicting")


def test_a_refusal_names_who_refused_by_which_number(refused: dict[str, Any]) -> None:
    text = Page(render(refused)).text
    assert "✗ Refused by operations; r3 stays live." in text
    assert "operations refuses: late.auc 0.61 < 0.68 (n = 48,211); live stays r3" in text
    assert "✗ fails" in text
    assert "flights c9" in text


def test_each_rung_is_shown_with_what_it_costs_and_why_one_was_kept(evidence: dict[str, Any]) -> None:
    text = Page(render(evidence)).text
    assert "trees gains 0.0213 in log loss over linear (at least 0.0181), more than the 0.000712" in text
    for words in ("38.2s", "1.48MB", "31µs", "✓ in use", "312 rare levels were merged"):
        assert words in text
    assert "It is answered by mask tables (6.81MB, ready after 41.2ms)." in text
    assert "Log loss how surprising the truth was, given the predicted probabilities 0.501 0.471 to 0.532 0.570" in text


def test_what_was_read_learned_from_and_left_out_is_counted(evidence: dict[str, Any]) -> None:
    text = Page(render(evidence)).text
    for words in (
        "rows in all 336,776",
        "with a truth that can be learned from 327,346 of which false 249,716 of which true 77,630",
        "whose truth can never be known 9,430",
        "judged on 48,211 10 November 2013 31 December 2013",
        "left out between parts 2,210",
        "planes 1 3,322 not known not known 70",
        "10 400 1.21ms 3.1ms not measured 2",
        "No release was live",
        "delay is the constant",
    ):
        assert words in text


def test_the_worst_slices_stand_first(evidence: dict[str, Any]) -> None:
    slices = evidence["objectives"]["late"]["judge"]["slices"]
    slices.reverse()
    slices.append({"by": "x", "value": None, "rows": 3, "metric": "auc", "score": 0.1})
    judged = Evidence.of(evidence).objectives["late"].judge
    assert judged is not None
    shown = report.worst_slices(judged)
    assert [one.value for one in shown[:2]] == ["YV", "F9"]
    assert len(shown) == report.WORST and all(one.metric == "log_loss" for one in shown)
    assert "by log loss (0.501 over all rows)" in Page(render(evidence)).text


def test_the_rest_of_features_and_classes_is_summed_up(evidence: dict[str, Any]) -> None:
    evidence["objectives"]["late"]["balance"] = {f"class {i}": 100 - i for i in range(30)}
    text = Page(render(evidence)).text
    assert "3 more features: 4.5 % together." in text
    assert "of which 18 more 1,431" in text


def test_the_same_evidence_gives_the_same_page_from_dict_and_file(evidence: dict[str, Any], tmp_path: Path) -> None:
    write_json(tmp_path / "evidence.json", evidence)
    read = Evidence.read(tmp_path / "evidence.json")
    assert render(evidence) == render(Evidence.of(evidence))
    assert sorted(Page(render(read)).text.split()) == sorted(Page(render(evidence)).text.split()), "in another order"


@pytest.mark.parametrize("content", [{}, {"objectives": {"late": {}}, "decision": {}, "serving": {}, "training": {}}])
def test_what_is_absent_is_said_not_to_be_measured(content: dict[str, Any]) -> None:
    page = Page(render(content))
    assert "Not judged yet" in page.text
    assert page.text.count("not measured") >= 4
    assert "None" not in page.text.replace("None was recorded", "")


def test_numbers_that_are_none_are_said_to_be_so(evidence: dict[str, Any]) -> None:
    evidence["objectives"]["late"]["judge"]["metrics"][0]["value"] = float("nan")
    evidence["serving"]["latency_p99"] = np.float64("inf")
    text = Page(render(evidence)).text
    assert (
        "2 numbers were not finite and count as not measured: objectives.late.judge.metrics[0].value, serving" in text
    )
    assert "nan" not in re.findall(r"[a-z]+", text) and "inf" not in re.findall(r"[a-z]+", text)


def test_evidence_that_is_no_evidence_is_named() -> None:
    with pytest.raises(StateError, match="format 3; this Poise reads formats up to 1"):
        render({"format": 3})
    with pytest.raises(StateError, match=r"objectives\.late\.judge\.rows: "):
        render({"objectives": {"late": {"judge": {"rows": "many"}}}})


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "</title></svg><script>1</script>",
    "{{ 7 * 7 }}{% include 'x' %}",
    "javascript:alert(1)",
    "a\x00b\x1b[31m\u202egnp.exe",
    "&lt;b&gt; & ' \" `",
    "猫" * 300,
    "long_" * 2000,
    "",
    " ",
]


def spoil(value: Any, word: str) -> Any:
    """Every text of the evidence replaced, and every name."""
    kept = {"status", "verdict", "format", "kind", "type"}
    if isinstance(value, dict):
        spoilt = {k: v if k in kept else spoil(v, word) for k, v in value.items()}
        if "late" in spoilt:
            spoilt[word] = spoilt.pop("late")
        return spoilt
    if isinstance(value, list):
        return [spoil(item, word) for item in value]
    return word if isinstance(value, str) else value


@pytest.mark.parametrize("word", HOSTILE)
def test_no_text_of_the_evidence_becomes_markup(evidence: dict[str, Any], word: str) -> None:
    plain = Page(render(evidence))
    page = Page(render(spoil(evidence, word)))
    allowed = {tag for tag, _ in plain.elements}
    assert {tag for tag, _ in page.elements} <= allowed
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "\x00" not in page.text and "\u202e" not in page.text and "49" not in word
    if word.strip() and word.isascii() and word.isprintable():
        assert re.sub(r"\s+", " ", word) in page.text


def test_nothing_is_fetched_and_nothing_runs(evidence: dict[str, Any]) -> None:
    html = render(evidence)
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not re.search(r"https?:|url\(|@import|//", html)
    assert all((a["href"] or "").startswith("#") for a in page.all("a"))
    policy = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_everybody_can_read_it(evidence: dict[str, Any]) -> None:
    page = Page(render(evidence))
    assert page.all("html") == [{"lang": "en"}]
    assert all(len(page.all(tag)) == 1 for tag in ("h1", "main", "header", "footer", "nav"))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    named = [part for _, a in page.elements if (by := a.get("aria-labelledby")) for part in by.split()]
    assert named and set(named) <= set(ids)
    assert {(a["href"] or "")[1:] for a in page.all("a")} <= set(ids)
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))
    assert page.all("svg") and all(a.get("role") == "img" and "aria-labelledby" in a for a in page.all("svg"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels)), "no level of headings is skipped"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_text_has_the_contrast_of_wcag_aa_in_light_dark_and_print() -> None:
    css = (Path(report.__file__).parent / "report.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", css, re.S)
    assert len(themes) == 3
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", theme))
        full = {name: c if len(c) == 7 else "#" + "".join(2 * d for d in c[1:]) for name, c in colours.items()}
        for name in ("ink", "soft", "accent", "good", "bad", "unsure", "weak"):
            for paper in ("paper", "panel"):
                bright, dim = sorted((luminance(full[name]), luminance(full[paper])), reverse=True)
                least = 3.0 if name == "weak" else 4.5  # `weak` draws lines, never text
                assert (bright + 0.05) / (dim + 0.05) >= least, (name, paper)


ODD = [None, 0.0, -0.0, 1e300, -1e308, 5e-324, float("nan"), float("inf"), 1.0, -3.0]


def damaged(value: Any, chance: Random) -> Any:
    """The same evidence with parts left out, null, or numbers as far out as they go."""
    if isinstance(value, dict):
        return {k: damaged(v, chance) for k, v in value.items() if chance.random() > 0.1}
    if isinstance(value, list):
        return [damaged(item, chance) for item in value[: chance.randrange(4)]]
    if isinstance(value, float):
        return chance.choice([value, *ODD])
    return value if isinstance(value, bool) or chance.random() > 0.2 else None


@pytest.mark.parametrize("seed", range(60))
def test_no_evidence_breaks_the_page(evidence: dict[str, Any], seed: int) -> None:
    Page(render({**damaged(evidence, Random(seed)), "format": 1}))


def test_a_release_by_the_rule_says_what_is_lacking() -> None:
    decision = {"item": "shop", "show": 5, "worth": [{"term": "sales", "unit": "USD", "is": "price", "weight": 2.0}]}
    start = {"rule": "sold_7d", "lacking": ["order is known for 3 of 100 rows"]}
    page = render({"system": "shops", "decision": decision, "start": start})
    for said in (
        "No model has been learned yet.",
        "sorted by the rule, the largest first: <bdi>sold_7d</bdi>",
        "order is known for 3 of 100 rows.",
        "each a shop: in the order of the rule.",
        "Once there are models, an item is worth",
        "Nothing yet: no model has been learned.",
    ):
        assert said in page, said
    assert "not measured" not in page.partition("decision-title")[2].partition("running-title")[0]


def test_a_list_of_which_nothing_was_measured_says_so() -> None:
    page = render({"system": "shops", "decision": {"item": "shop", "show": 5}})
    for what in ("What another order would have brought", "How well lists are ordered", "Whether terms come true"):
        assert f"{what}" in page
    assert page.count("not measured") > 4
