"""What is found of a stream that goes on as it was, and of streams that break in known ways."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.interfaces.cli.in_process import poise
from tests.monitoring.conftest import DAY, START, Stream, days

from poise import registry
from poise.evaluation.auc import Auc
from poise.evaluation.log_loss import LogLoss
from poise.interfaces.monitor_page import render
from poise.interfaces.monitoring import Monitored, Monitoring, last_look
from poise.monitoring.cbpe import expected_score
from poise.monitoring.finding import Finding
from poise.registry import names


def at(day: int) -> int:
    return (START + day * DAY) * 1_000_000


def one(found: Monitored, code: str, subject: str = "order") -> Finding:
    return next(f for f in found.findings if f.code == code and f.subject == subject)


def test_a_stream_that_goes_on_as_it_was_raises_no_alarm(stream: Stream) -> None:
    system = stream(days(84, 126))
    found = Monitoring(system).look()
    assert not found.alarms, [f.what for f in found.alarms]
    assert 4_200 < found.rows["shown"] < 4_600, "and the two days whose labels had not come when it was judged"
    told = {f.code for f in found.findings}
    assert told >= set(names("monitor")) - {"PM16", "PM18"}, "it lists no items, and names no price of a core"
    performance, estimate = one(found, "PM11"), one(found, "PM12")
    assert performance.detail["realised"] and performance.detail["score"] == pytest.approx(
        performance.detail["judged"], abs=0.06
    )
    gaps = np.array(estimate.detail["other"][:-1], float) - np.array(estimate.detail["series"][:-1], float)
    assert np.nanmax(np.abs(gaps)) < 0.06, "what was estimated before labels came is what they said later"
    assert one(found, "PM12", "worth").level == "fine"
    size = next(f for f in found.findings if f.code == "PM20" and "release_size" in f.subject)
    assert size.level == "fine" and size.who == ("platform",)
    page = render(found)
    assert "No alarm" in page and page.count("<svg") > 5 and "<script" not in page


def test_a_relation_that_turns_round_is_found_by_labels_and_by_no_estimate(stream: Stream) -> None:
    system = stream(days(84, 105), days(105, 126, slope=-1.8))
    found = Monitoring(system).look()
    performance = one(found, "PM11")
    assert performance.level == "alarm" and performance.moved
    assert performance.since is not None and abs(performance.since - at(105)) <= 7 * DAY * 1_000_000
    assert one(found, "PM12").level == "unknown", "inputs look as they did: no estimate without labels can see it"
    assert one(found, "PM13").level == "alarm"
    broken = next(f for f in found.findings if f.requirement == "order.auc at least 0.7")
    assert broken.level == "alarm" and broken.who == ("desk",) and broken.detail["holds"] == "broken"
    assert broken.since is not None and abs(broken.since - at(105)) <= 7 * DAY * 1_000_000
    assert found.findings[0].level == "alarm", "what to read first stands first"


def test_inputs_that_lose_their_meaning_are_foretold_before_labels_come(stream: Stream) -> None:
    """`x` hardly varies any more: all are about as likely, and nothing can be told apart."""
    flat = days(119, 126)
    flat["shown"] = flat["shown"].with_columns(x=flat["shown"]["x"] * 0.05 + 0.2, city=pl.lit(None, pl.String))
    again = flat["shown"].with_columns(pl.concat_str("offer", pl.lit("-again")).alias("offer"))
    flat["shown"] = pl.concat([flat["shown"], again])
    system = stream(days(84, 119), flat)
    found = Monitoring(system).look()
    assert one(found, "PM12").level == "alarm"
    twice = one(found, "PM01", "shown")
    assert twice.level == "alarm" and "of rows are what an earlier row was, 0.0% in the profile" in twice.what
    assert one(found, "PM12").detail["realised"] is False
    unread = one(found, "PM01", "city")
    assert unread.level == "notice" and "no model" in unread.why, "what is sent is watched, whatever reads it"
    assert unread.since == pytest.approx(at(119), abs=DAY * 1_000_000)


def test_past_weeks_are_watched_again_as_if_they_were_now(stream: Stream) -> None:
    system = stream(days(84, 105), days(105, 126, slope=-1.8))
    before = Monitoring(system).look(until=at(104))
    assert one(before, "PM11").level == "fine" and before.until == at(104)
    assert before.mature["order"] < at(103), "labels that came later do not count"
    after = Monitoring(system).look(until=at(115))
    assert one(after, "PM11").level == "alarm"
    assert not system.state.documents("finding"), "what is looked at as of the past is not remembered"


def test_findings_are_remembered_until_they_are_over(stream: Stream) -> None:
    system = stream(days(84, 105), days(105, 126, slope=-1.8))
    first = Monitoring(system).look()
    key = "PM11 order"
    again = Monitoring(system).look()
    assert again.known[key].first == first.known[key].first
    acts = [(line.act, line.subject) for line in system.state.history() if line.act == "alarm"]
    assert acts.count(("alarm", key)) == 1, "an alarm begins once"
    looked = last_look(system.state)
    assert looked is not None and looked["alarms"] == len(again.alarms)
    json.dumps(looked)
    ended = poise(system.path.parent, "monitor", "--only", "PM11")
    assert ended.returncode == 4
    assert "! PM11 order is worse" in ended.stdout and "2 alarms, 0 notices" in ended.stdout
    told = json.loads(poise(system.path.parent, "monitor", "--only", "PM11", "--json").stdout)
    assert told["alarms"] == 2 and told["findings"][0]["level"] == "alarm"
    assert Monitoring(system).look(since=at(110)).since == at(110)


def test_the_commands_of_the_page_run(stream: Stream) -> None:
    folder = stream(days(84, 98)).path.parent
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    lines = [line.split("#")[0].split() for line in page.splitlines() if line.startswith("poise monitor")]
    assert len(lines) >= 3
    for words in lines:
        ended = poise(folder, *words[1:])
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert poise(folder, "monitor", "--only", "PM99").returncode == 2
    assert poise(folder, "monitor", "--watch", "1ms").returncode == 2
    assert poise(folder, "monitor", "--since", "2024-02-01", "--until", "2024-01-01").returncode == 2
    assert poise(folder, "monitor", "--server", "http://127.0.0.1:9").returncode == 6
    codes = re.findall(r"^\| (PM\d\d) \| (.*?) \|", page, re.MULTILINE)
    assert dict(codes) == {code: registry.get("monitor", code).what for code in names("monitor")}


def test_expected_scores_are_what_truth_drawn_by_the_probabilities_scores_on_average() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(1, 3, 400)
    drawn = rng.random((600, len(p))) < p
    for metric in (LogLoss(), Auc()):
        scores = [metric.score(truth * 1.0, p) for truth in drawn]
        assert expected_score(metric, p, p) == pytest.approx(np.mean(scores), abs=0.004)
    many = rng.dirichlet([1, 2, 3], 300)
    truth = np.array([[rng.choice(3, p=row) for row in many] for _ in range(200)])
    assert expected_score(LogLoss(), many, many) == pytest.approx(
        np.mean([LogLoss().score(one, many) for one in truth]), abs=0.01
    )
