"""A person is forgotten: after that no byte of anything that is kept says who they were, and everything goes on."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.clock import Clock, to_text
from poise.errors import StateError, Tampered, UsageError
from poise.interfaces.forgetting import forget_person, look_for, remember
from poise.interfaces.system import System
from poise.releases.learn_from import LeftOut
from poise.updating.guard import Suspect
from poise.updating.suspects import hold, suspects
from tests.interfaces.cli.in_process import poise
from tests.journeys.people import ANA, Server, written


def holding(home: Path, id: str) -> set[str]:
    """Every file that holds `id`: as bytes, in what Parquet and npz pack, and in rows of SQLite."""
    found = set()
    for file in (path for path in home.rglob("*") if path.is_file()):
        contents = [file.read_bytes()]
        if file.suffix == ".parquet":
            frame = pl.read_parquet(file, glob=False)
            contents.append(str(frame.to_dicts()).encode())
        if file.suffix == ".npz":
            with zipfile.ZipFile(file) as arrays:
                contents += [arrays.read(name) for name in arrays.namelist()]
            with np.load(file, allow_pickle=False) as loaded:
                contents += [str(loaded[name].tolist()).encode() for name in loaded.files]
        if file.suffix == ".npy":
            contents.append(str(np.load(io.BytesIO(contents[0]), allow_pickle=False).tolist()).encode())
        if file.suffix == ".db":
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
                contents.append("\n".join(connection.iterdump()).encode())
            connection.close()
        if any(id.encode() in content or id.encode("utf-16-le") in content for content in contents):
            found.add(file.relative_to(home).as_posix())
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a system with a live release."""
    made = written(tmp_path_factory.mktemp("visitors"))
    made.ingest()
    made.train()
    outcome = made.release().outcome
    assert outcome is not None and outcome.released
    return made.path.parent


@pytest.fixture
def system(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(whole, tmp_path / "here")
    return System.read(tmp_path / "here" / "poise.yaml")


def visit(server: Server, user: str, number: int) -> None:
    """They are shown a list, and order."""
    now = to_text(Clock().now(), "UTC")
    asked = {"user": user, "candidates": [{"dish": f"dish-{n}", "price": 5} for n in range(4)]}
    shown = server.post("/v1/decide", asked)["shown"]
    row = {"page": f"live{number}", "visitor": user, "dish": "dish-1", "place": 1, "price": 5, "at": now}
    told = server.post("/v1/events/seen", [{"seen_id": shown[0].get("seen_id", f"live{number}"), **row}])
    assert told["rows"][0]["fate"] in ("accepted", "forgotten"), told
    bad = server.post("/v1/events/seen", [{"seen_id": f"bad{number}", **row, "price": -1}])
    assert bad["rows"][0]["fate"] in ("quarantined", "forgotten"), bad
    server.post("/v1/events/orders", {"id": f"live{number}", "seen_id": f"live{number}", "user": user, "at": now})
    server.post("/v1/events/people", {"user": user, "age": 33, "town": "Ghent"})


def test_no_byte_is_left_and_everything_goes_on(system: System) -> None:
    home = system.settings.home
    server = Server(system)
    try:
        visit(server, ANA, 1)
        visit(server, "user-3", 2)
        with pytest.raises(StateError, match="stop the server first"):
            forget_person(system, ANA)
    finally:
        server.end()
    server = Server(system)  # rows that wait in the journal, and in a write-ahead log
    visit(server, ANA, 3)
    server.process.kill()
    server.process.communicate()
    group = LeftOut("seen", "user", (ANA, "user-9"), why="suspect", judges=False)
    suspect = Suspect(group, (f"{ANA} has 8 times as many rows",), 120, True, {})
    hold(system.state, [suspect], "guard", {("seen", "user")})
    system.train()
    before = holding(home, ANA)
    folders = {name.split("/")[0] for name in before}
    assert {"lake", "journal", "online", "releases", "candidates", "judged"} <= folders
    assert any(name.endswith(".db") for name in before if "/" not in name), "the state database names suspects"
    assert {"accepted", "raw", "quarantine", "decisions"} <= {n.split("/")[1] for n in before if n.startswith("lake/")}

    found = look_for(system, ANA)
    assert found.rows["accepted/seen"] > 100 and found.rows["decisions"] == 2 and found.rows["quarantine/seen"] == 3
    assert set(found.learned) == {"c1", "c2", "r1"} and "r1" in found.mended
    assert holding(home, ANA), "looking changes nothing"
    versions = system.lake.versions()
    others = system.lake.read("seen").filter(pl.col("user") != ANA)

    done = forget_person(system, ANA, why="asked by letter 12", who="lee")
    assert holding(home, ANA) == set() and done.still == []
    (one,) = suspects(system.state)
    assert one.left_out.values == ("(forgotten)", "user-9") and one.reasons == ("(forgotten) has 8 times as many rows",)
    assert system.lake.versions() == versions
    assert system.lake.read("seen").equals(others), "nobody else lost a row"
    note = system.state.history()[-1]
    assert (note.act, note.who, note.why) == ("forget", "lee", "asked by letter 12")
    assert note.details["person"] == done.mark and note.details["learned"]["r1"] > 100
    assert [row.subject for row in system.state.history() if row.act == "forget"][:-1] == list(done.mended)
    assert look_for(system, ANA).rows == {}

    again = System.read(system.path)
    assert again.folder("r1").json("evidence")["examples"]["seen"], "other requests took the place of theirs"
    like = again.train(like="c1")
    rows = like.folder.json("evidence")["data"]["sources"]["seen"]
    assert rows["version"] == again.folder("c1").json("evidence")["data"]["sources"]["seen"]["version"]
    assert rows["rows"] < again.folder("c1").json("evidence")["data"]["sources"]["seen"]["rows"]
    server = Server(again)
    try:
        told = server.post("/v1/events/orders", {"id": "n", "seen_id": "n", "user": ANA, "at": "2026-01-01"})
        assert told["rows"] == [{"fate": "forgotten"}]
        visit(server, "user-4", 5)
        row = {"seen_id": "b", "page": "b", "visitor": ANA, "dish": "d", "place": 1, "price": -1, "at": "2026-01-01"}
        assert server.post("/v1/events/seen", row)["counts"] == {"forgotten": 1}
    finally:
        server.end()
    assert holding(home, ANA) == set()
    report = again.ingest(force=True)
    assert report["seen"].counts.forgotten > 100 and report["people"].counts.forgotten == 1
    assert report["seen"].counts.balanced() and holding(home, ANA) == set()

    remember(again, ANA)
    assert again.ingest(force=True)["people"].counts.accepted == 1


def test_what_is_refused(system: System) -> None:
    with pytest.raises(UsageError, match="the reason names the person"):
        forget_person(system, ANA, why=f"{ANA} asked")
    evidence = system.folder("c1").path / "evidence.json"
    evidence.chmod(0o644)
    evidence.write_text(evidence.read_text() + " ")
    before = holding(system.settings.home, ANA)
    with pytest.raises(Tampered):
        forget_person(system, ANA)
    assert holding(system.settings.home, ANA) == before, "nothing is sealed anew that is not what was sealed"


def test_a_kill_between_seal_and_folder_is_finished(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("poise.releases.forgetting.exchange", killed)
        with pytest.raises(KeyboardInterrupt):
            forget_person(system, ANA)
    with pytest.raises(Tampered):
        system.folder("c1")
    forget_person(System.read(system.path), ANA)
    assert holding(system.settings.home, ANA) == set()
    assert system.folder("c1").name == "c1"


def test_one_source_only(system: System) -> None:
    done = forget_person(system, "user-3", ["orders"])
    assert set(done.rows) == {"accepted/orders", "raw/orders"} or "decisions" in done.rows
    assert not system.lake.read("orders").filter(pl.col("user") == "user-3").height
    assert system.lake.read("seen").filter(pl.col("user") == "user-3").height
    assert done.still, "the other sources have their rows"


def test_the_command_says_what_would_go_and_does_it_when_told(system: System) -> None:
    asked = poise(system.path.parent, "forget", "user-5")
    assert asked.returncode == 2 and "say --yes to do it" in asked.stderr
    assert "accepted/seen" in asked.stdout and "c1 learned from" in asked.stdout
    told = json.loads(poise(system.path.parent, "forget", "user-5", "--json").stdout)
    assert not told["done"] and told["rows"]["accepted/people"] == 1
    done = poise(system.path.parent, "forget", "user-5", "--yes", "--why", "a letter", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["done"] and told["rows"]["accepted/people"] == 1 and not told["still"]
    shown = poise(system.path.parent, "forget", "user-5", "--yes").stdout
    assert "no row says that it is of this person" in shown and "seen.csv" in shown
    assert poise(system.path.parent, "forget", "user-5", "--undo").returncode == 0
    assert poise(system.path.parent, "forget", "user-5", "--undo").returncode == 6
    assert poise(system.path.parent, "forget", "x", "--source", "sean", "--yes").returncode == 2
