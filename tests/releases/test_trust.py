"""`trust:` on a source: nobody's rows weigh more together, in anything that is learned, than it allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import ManySpecErrors, SpecError
from poise.interfaces.system import System
from poise.models.predictor import Predictor
from poise.releases.actors import capped, share_of
from poise.table import Column, Table

SYSTEM = """
format: 1
system: votes
purpose: Say what is liked.
sources:
  rows: {path: rows.csv, id: id, columns: {id: string, x: float, y: bool, v: float, who: string}, request: [x] TRUST_ROWS}
  votes: {path: votes.csv, id: id, columns: {id: string, up: bool, voter: string} TRUST_VOTES}
features:
  - columns: {from: rows, take: x}
objectives:
  constant: {type: binary, per: rows, label: {take: y}, rungs: [constant]}
  rule: {type: binary, per: rows, label: {take: y}, rungs: [rule], prefer: best}
  linear: {type: binary, per: rows, label: {take: y}, rungs: [linear], prefer: best}
  trees: {type: binary, per: rows, label: {take: y}, rungs: [trees], prefer: best}
  value: {type: regression, per: rows, label: {take: v}, rungs: [linear], prefer: best}
  voted: {type: binary, per: rows, label: {from: votes, match: id, take: up}, rungs: [linear], prefer: best}
"""  # noqa: E501
GRID = Table({"rows_x": Column.numbers(np.linspace(-0.9, 0.9, 19))})
ROWS, ACTORS = 4_000, 200


def system(folder: Path, trust: str, *, attacked: bool) -> System:
    """Honest rows of 200 people; where attacked, one more has 30 % of all and says the contrary."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, ROWS)
    who = rng.integers(0, ACTORS, ROWS)
    y = rng.random(ROWS) < np.where(x > 0, 0.7, 0.2)
    value = 2 * x + rng.normal(size=ROWS) / 3
    more = int(ROWS * 0.3 / 0.7) if attacked else 0
    theirs = rng.uniform(-1, 1, more)
    rows = pl.DataFrame({
        "id": [f"r{n}" for n in range(ROWS + more)],
        "x": np.append(x, theirs),
        "y": np.append(y, np.full(more, fill_value=True)),
        "v": np.append(value, np.full(more, 5.0)),
        "who": [f"u{n}" for n in who] + ["attacker"] * more,
    })  # fmt: skip
    folder.mkdir()
    rows.write_csv(folder / "rows.csv")
    rows.select("id", up="y", voter="who").write_csv(folder / "votes.csv")
    told = {"TRUST_ROWS": f", trust: {{actor: who, {trust}}}", "TRUST_VOTES": f", trust: {{actor: voter, {trust}}}"}
    text = SYSTEM
    for name, said in told.items():
        text = text.replace(name, said if trust else "")
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    made = System.read(folder / "poise.yaml")
    made.ingest()
    return made


def answers(made: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each objective's model says over the grid, and the evidence."""
    folder = made.train().folder
    evidence = folder.json("evidence")["objectives"]
    return {name: Predictor.load(folder.model(name)).predict(GRID) for name in evidence}, evidence


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_one_actor_moves_no_model_that_caps_it(tmp_path: Path) -> None:
    clean, _ = answers(system(tmp_path / "clean", "", attacked=False))
    moved, plain = answers(system(tmp_path / "moved", "", attacked=True))
    held, told = answers(system(tmp_path / "held", "at_most: 0.2%", attacked=True))
    for name in clean:
        far, near = (np.abs(answer[name] - clean[name]).mean() for answer in (moved, held))
        assert far > 0.12 and near < 0.3 * far, (name, far, near)
        assert [one["source"] for one in told[name]["trust"]] == ["rows", *(["votes"] if name == "voted" else [])]
        for one in told[name]["trust"]:
            assert one["capped"] == 1 and one["actors"] == ACTORS + 1 and one["had"] == pytest.approx(0.3, abs=0.03)
            assert one["share"] == pytest.approx(3 / (ACTORS + 1))
        assert any("1 of 201 values of" in said for said in told[name]["warnings"])
        assert plain[name]["trust"] == []


def test_where_nobody_is_above_the_cap_nothing_changes(tmp_path: Path) -> None:
    made = [
        system(tmp_path / name, trust, attacked=False).train().folder.path
        for name, trust in (("without", ""), ("with", "at_most: 2%"))
    ]
    files = [{p.relative_to(one).as_posix(): p.read_bytes() for p in (one / "models").rglob("*.*")} for one in made]
    assert files[0] and files[0] == files[1]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(0, 300), st.floats(0.001, 0.5, exclude_min=True)
)
def test_no_actor_has_more_than_its_share_and_nobody_less_than_needed(
    counts: list[int], others: int, at_most: float
) -> None:
    codes = np.concatenate([np.repeat(np.arange(len(counts)), counts), np.full(others, -1)])
    weight = capped(codes, at_most)
    share = share_of(at_most, len(counts))
    if weight is None:
        assert max(counts) <= share * len(codes) * (1 + 1e-9)
        return
    masses = np.bincount(codes[codes >= 0], weights=weight[codes >= 0])
    most = share * weight.sum()
    assert (masses <= most * (1 + 1e-9)).all() and (weight[codes < 0] == 1).all()
    lowered = masses < np.array(counts) * (1 - 1e-12)
    assert lowered.any() and np.allclose(masses[lowered], most), "who is lowered has just that share"
    assert (weight[np.isin(codes, np.flatnonzero(~lowered))] == 1).all()


@pytest.mark.parametrize(
    ("trust", "says"),
    [
        ("at_most: 0", "greater than 0"),
        ("at_most: 150%", "less than 1"),
        ("at_most: some", "is not a fraction"),
    ],
)
def test_what_is_no_cap(tmp_path: Path, trust: str, says: str) -> None:
    with pytest.raises((SpecError, ManySpecErrors), match=says):
        system(tmp_path / "s", trust, attacked=False)


def test_the_actor_is_a_column(tmp_path: Path) -> None:
    system(tmp_path / "s", "at_most: 2%", attacked=False)
    file = tmp_path / "s" / "poise.yaml"
    for other, says in (("whom", "who"), ("v", "an actor is one of")):
        text = file.read_text().replace("actor: who,", f"actor: {other},")
        (tmp_path / "s" / "other.yaml").write_text(text)
        with pytest.raises((SpecError, ManySpecErrors), match=says):
            System.read(tmp_path / "s" / "other.yaml")
