"""A second release beside a live one: compared on the same rows, refused or promoted, and taken back."""

from __future__ import annotations

import pytest

from poise.errors import Refused, StateError
from poise.interfaces.system import Report, System
from tests.journeys.conftest import Write
from tests.journeys.shop import SYSTEM, tables

AGAINST_LIVE = """
requirements:
  - {who: ml, metric: order.log_loss, at_most: 110%, relative_to: live}
  - {who: sales, metric: decision.revenue, at_least: 95%, relative_to: live}
  - {who: trust, metric: order.calibration_error, by: shown.city, at_most: 0.3}
"""


def verdicts(report: Report) -> dict[str, str]:
    assert report.outcome is not None
    return {one.requirement.who: one.sentence for one in report.outcome.verdicts}


def rewritten(system: System, text: str) -> System:
    system.path.write_text(text, encoding="utf-8")
    return System.read(system.path)


def test_from_the_first_release_to_the_one_that_is_taken_back(write: Write) -> None:
    system = write(SYSTEM + AGAINST_LIVE, **tables())
    system.ingest()
    system.train()
    first = system.release()
    assert "of the constant (" in verdicts(first)["ml"] and "nothing is live" in verdicts(first)["ml"]
    assert first.folder.name == "r1" and system.live_folder() is not None
    with pytest.raises(StateError):
        system.rollback(why="there is nothing before it")

    # Without z nobody can tell what an order is worth: the live release, which reads z, earns more on the same rows.
    worse = rewritten(system, system.text.replace("take: [x, z]", "take: [x]"))
    candidate = worse.train()
    baselines = candidate.folder.json("evidence")["objectives"]["value"]["judge"]["baselines"]
    assert baselines["live"]["rmse"] < 0.8 * baselines["constant"]["rmse"]
    second = worse.release()
    said = verdicts(second)
    assert second.outcome is not None and not second.outcome.released
    assert "of r1 (live)" in said["ml"] and said["ml"].startswith("ml agrees")
    assert said["sales"].startswith("sales refuses") and "of r1 (live)" in said["sales"]
    assert "live stays r1" in said["sales"]
    evidence = second.folder.json("evidence")
    assert "live" in {term["policy"] for term in evidence["decision"]["terms"]}
    assert not [sentence for sentence in evidence["unknown"] if "live" in sentence]
    inputs = {one["name"]: one for one in second.folder.json("contract")["inputs"]}
    assert not inputs["z"]["used"] and not inputs["z"]["required"], "callers that send z go on as they are"

    assert evidence["contract"]["against"] == "r1"
    assert not [change for change in evidence["contract"]["changes"] if change["kind"] == "breaking"]
    assert evidence["data"]["sources"]["orders"]["quarantined"] == 0

    # Once sales no longer asks for it, it goes live; then it is taken back.
    text = worse.text.replace("at_least: 95%", "why: not worse, at_least: 10%").replace("unit: calls", "unit: hours")
    third = rewritten(worse, text)
    third.train()
    with pytest.raises(Refused, match=r"contract 1[^@]*decision.calls: its unit was calls and is now hours") as refused:
        third.release()
    assert "--major" in str(refused.value) and third.state.history()[-1].act == "refuse"
    released = third.release(major=True)
    page = (released.folder.path / "report.html").read_text(encoding="utf-8")
    assert "Why: <bdi>not worse</bdi>" in page and "Callers must change." in page
    assert released.folder.json("contract")["major"] == 2, "the unit of a term is another one"
    assert released._repr_html_().startswith("<iframe srcdoc=") and "<style" not in released._repr_html_()
    assert released.outcome is not None and released.outcome.released, verdicts(released)
    assert third.state.live().release == "r3"  # type: ignore[union-attr]
    assert third.rollback(why="sales complains") == "r1"
    acts = [(row.act, row.subject) for row in third.state.history()]
    assert acts[-1] == ("rollback", "r1") and ("refuse", "r2") in acts
