"""`poise check` of a file that lists items: what it describes, and several faults of it at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "spec.md").read_text(encoding="utf-8")
MARKET = "format: 1\nsystem: restaurants" + PAGE.split("format: 1\nsystem: restaurants")[1].split("```")[0]


def check(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poise", "check", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A folder with the system file of the documentation, and no data."""
    (tmp_path / "poise.yaml").write_text(MARKET, encoding="utf-8")
    return tmp_path


def test_a_list_is_told_in_words_and_as_json(market: Path) -> None:
    told = check(market)
    assert told.returncode == 0, told.stderr
    assert "  decision      top 10 restaurants by engagement (orders), revenue (USD)\n" in told.stdout
    assert "                callers send user_id, and restaurant_id of each candidate\n" in told.stdout
    found = json.loads(check(market, "--json").stdout)
    assert found["decision"] == {
        "per": "impressions",
        "list": "request_id",
        "item": "restaurant_id",
        "show": 10,
        "terms": {"engagement": "orders", "revenue": "USD"},
    }
    assert found["request"] == {"impressions": ["user_id", "restaurant_id"]}
    assert found["features"]["impressions"][-1] == "impressions_position"


def test_all_faults_of_a_list_are_told_at_once_by_their_lines(market: Path) -> None:
    wrong = (
        MARKET.replace("where: restaurants.open ", "where: restaurants.opn ")
        .replace("engagement: {is: order,", "engagement: {warn: order,")
        .replace("cost: {engagement: 2%}", "cost: {sales: 2%}")
        .replace("rule: orders_count_7d_by_restaurant_id", "rule: position")
    )
    (market / "poise.yaml").write_text(wrong, encoding="utf-8")
    done = check(market)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    lines = [number for number, line in enumerate(wrong.splitlines(), 1) if line.startswith(("  where", "  rule: pos"))]
    places = ["decision.where", "decision.terms.engagement", "decision.explore.cost.sales", "decision.rule"]
    at = [done.stderr.index(f": {place}: ") for place in places]
    assert at == sorted(at)
    for line in lines:
        assert f"poise.yaml:{line}:" in done.stderr
