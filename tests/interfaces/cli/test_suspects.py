"""`poise suspects`: who is held back and why, and what people decide on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.interfaces.cli.in_process import poise

from poise.errors import Stale
from poise.interfaces.system import System
from poise.releases.learn_from import LeftOut
from poise.stores.state_base import DocumentRow
from poise.updating import suspects
from poise.updating.guard import Suspect
from poise.updating.guard_impact import Impact

TEXT = """
format: 1
system: shop
purpose: Say who will order.
sources:
  shown: {path: shown.csv, id: offer, time: at, columns: {offer: string, at: time, user: string, order: bool}}
objectives:
  order: {type: binary, per: shown, label: {take: order}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A system with two suspects: a user, and rows by name."""
    (tmp_path / "poise.yaml").write_text(TEXT, encoding="utf-8")
    state = System.read(tmp_path / "poise.yaml").state
    impact = {"order": Impact(0.021, 0.012, 0.030, 1_706)}
    user = LeftOut("shown", "user", ("u7",), since=1_700_000_000_000_000, why="suspect")
    rows = LeftOut("shown", "offer", tuple(f"o{at}" for at in range(8)), why="labels that most likely say the opposite")
    found = [
        Suspect(user, ("u7 has 800 of the new rows", "and again"), 800, True, impact),
        Suspect(rows, ("why",), 8, True),
    ]
    suspects.hold(state, found, "guard")
    state.close()
    return tmp_path


def test_the_list_and_the_evidence(folder: Path) -> None:
    listed = poise(folder, "suspects")
    assert listed.returncode == 0
    assert "s1  held  800 rows of shown with user u7 (suspect)" in listed.stdout
    assert "o0, o1, o2, o3, o4 and 3 more" in " ".join(listed.stdout.split())
    assert "and again" not in listed.stdout, "one reason in the list, all with its name"
    shown = " ".join(poise(folder, "suspects", "s1").stdout.split())
    assert "and again" in shown and "+2.10% of the loss (+1.20% to +3.00%, 1,706 trusted rows) of order" in shown
    assert "s2" not in shown
    (one,) = json.loads(poise(folder, "suspects", "s1", "--json").stdout)["suspects"]
    assert (one["state"], one["rows"], one["left_out"]["values"]) == ("held", 800, ["u7"])


def test_a_person_lets_in_and_holds_again(folder: Path) -> None:
    assert "s1  cleared" in poise(folder, "suspects", "s1", "--let-in", "--why", "ours", "--who", "kim").stdout
    again = poise(folder, "suspects", "s1", "--let-in", "--why", "ours", "--who", "lee")
    assert again.returncode != 0 and "not held back: a person let it in" in again.stderr
    assert "s1  held" in poise(folder, "suspects", "s1", "--hold", "--why", "not ours", "--who", "lee").stdout
    assert "held back already" in poise(folder, "suspects", "s1", "--hold", "--why", "sure").stderr
    lines = System.read(folder / "poise.yaml").state.history(subject="s1")
    found = sorted((line.seq, line.act, line.who, line.why) for line in lines)
    assert [one[1:] for one in found[1:]] == [("let in", "kim", "ours"), ("hold back", "lee", "not ours")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("s3",), "there is no suspect 's3'"),
        (("s3", "--let-in", "--why", "x"), "there is no suspect 's3'"),
        (("s1", "--let-in"), "needs its name, one decision and a reason"),
        (("--let-in", "--why", "x"), "needs its name, one decision and a reason"),
        (("s1", "--let-in", "--hold", "--why", "x"), "needs its name, one decision and a reason"),
    ],
)
def test_what_cannot_be_done_says_why(folder: Path, words: tuple[str, ...], said: str) -> None:
    refused = poise(folder, "suspects", *words)
    assert refused.returncode == 2 and said in refused.stderr
    assert "s1  held" in poise(folder, "suspects").stdout


def test_of_two_people_at_once_one_decides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = System.read(folder / "poise.yaml").state
    read: DocumentRow | None = state.document(suspects.KIND, "s1")
    suspects.let_in(state, "s1", "ours", "kim")
    monkeypatch.setattr(state, "document", lambda kind, name: read)  # lee looked before kim had decided
    with pytest.raises(Stale):
        suspects.let_in(state, "s1", "mine", "lee")
    monkeypatch.undo()
    assert [line.who for line in state.history(subject="s1") if line.act == "let in"] == ["kim"]
