"""The drain beside a server: what it does with the journal and the lake, and what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError
from polars.exceptions import ComputeError

from poise.clock import Clock
from poise.data import rows_file
from poise.data.journal import Journal
from poise.data.journal_record import Entry
from poise.data.taking_up import TAKE_UP
from poise.interfaces.draining import Draining
from poise.interfaces.snapshotting import made_ready
from poise.interfaces.system import System
from poise.releases.built import Built, fingerprint, kept_for
from poise.serving.loaded import Loaded

SYSTEM = """
format: 1
system: bare
purpose: Show what is liked.
sources:
  shown:
    path: shown.csv
    id: shown_id
    time: at
    columns: {shown_id: string, page: string, dish: {type: string, required: true}, price: float, at: time}
    request: [dish, price]
  likes: {path: likes.csv, id: id, time: at, columns: {id: string, shown_id: string, at: time}}
features:
  - window: {from: shown, by: dish, over: [1d], take: [count]}
objectives:
  liked: {type: binary, per: shown, label: {from: likes, match: shown_id, within: 1h}}
decision: {per: shown, list: page, item: dish, show: 3, terms: {joy: liked}, rule: shown_count_1d_by_dish}
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    for name in ("POISE_HOME", "POISE_STATE_URL", "POISE_LAKE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "poise.yaml").write_text(SYSTEM, encoding="utf-8")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    return system


class Child:
    """A drain as a server would start it."""

    def __init__(self, system: System, folder: Path) -> None:
        command = [sys.executable, "-m", "poise.interfaces.draining", str(system.path), str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hear("ready")

    def hear(self, word: str) -> dict[str, object]:
        """The next line that says `word`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            assert "trouble" not in said, said
            if word in said:
                return said
        raise AssertionError(f"it ended without a word of {word}")

    def say(self, **what: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def end(self) -> list[dict[str, object]]:
        """Close its input; what it says last."""
        said = self.process.communicate(timeout=60)[0]
        assert self.process.returncode == 0
        return [json.loads(line) for line in said.splitlines()]


def shown(journal: Journal, *names: str) -> int:
    """Acknowledge rows."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    rows = [{"shown_id": name, "page": "p", "dish": "soup", "price": 1, "at": at} for name in names]
    (first,) = journal.append([Entry("events", "shown", len(rows), b"\n".join(json.dumps(r).encode() for r in rows))])
    journal.append([], [(first, journal.at)])
    return first + len(rows) - 1


def test_rows_reach_lake_and_snapshot_and_may_then_be_dropped(system: System) -> None:
    folder = system.train().folder
    journal = Journal.open(system.settings.journal, Clock())
    last = shown(journal, "a", "b")
    journal.append([Entry("decisions", "", 1, b'{"kind":"list","at":1,"release":"r1","per":"shown"}')])
    child = Child(system, folder.path)
    child.say(versions=system.lake.versions())
    child.say(all=True)
    assert child.hear("drained")["prune"] == {"shown": 0, "": last + 1}, "no snapshot has them yet"
    assert child.hear("all")
    assert system.lake.read("shown")["shown_id"].to_list() == ["a", "b"]
    declarations = Loaded.of(folder).declarations
    assert kept_for(system.settings.journal) == fingerprint(declarations)

    (system.path.parent / "shown.csv").write_text("shown_id,page,dish,price,at\nf,p,soup,2,2025-01-02\n")
    report = system.ingest()
    assert "a server answers meanwhile" in report["shown"].warnings[0]
    assert system.lake.read("shown", ["_known"])["_known"].dt.year().min() > 2025, "nobody knew the old row before now"
    told = child.hear("lake")
    assert told["lake"]["shown"][1] == system.lake.version("shown") and told["rewritten"] == []  # type: ignore[index]
    ((part, upto),) = told["rows"]["shown"]  # type: ignore[index]
    assert upto == system.lake.largest_seq("shown", system.lake.version("shown"))
    rows, prints = rows_file.read(Path(part))
    assert rows.rows["dish"].to_list() == ["soup"] and rows.height == 1 and prints is not None
    child.say(taken={"shown": [journal.last, told["lake"]["shown"][1]]}, seen={"shown": [[upto, 7]]})  # type: ignore[index]

    last = shown(journal, "c")
    said = child.end()
    (noted,) = [line.details for line in system.state.history() if line.act == TAKE_UP]
    assert noted == {"source": "shown", "rows": [[upto - 1, upto, 7]]}
    assert {"snapshot", "drained"} <= {key for one in said for key in one}
    assert said[-1]["prune"] == {"shown": last, "": last - 1}
    built = Built.read(system.settings.online / fingerprint(declarations))
    assert built is not None and built.position(journal.id, "shown") == last
    assert built.holds(system.settings.lake, system.settings.journal, journal.id)
    assert len(built.known_ids(system.settings.online / fingerprint(declarations))["shown"]) == 4
    while journal.prune(said[-1]["prune"]):  # type: ignore[arg-type]
        pass
    assert journal.rows_waiting == 0
    journal.close()


def test_without_a_journal_it_says_so(system: System) -> None:
    folder = system.train().folder
    command = [sys.executable, "-m", "poise.interfaces.draining", str(system.path), str(folder.path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "there is no journal" in done.stderr


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), DeltaError("no"), ComputeError("os error 28")]
)
def test_a_disk_that_fails_does_not_end_it(
    system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    folder = system.train().folder
    journal = Journal.open(system.settings.journal, Clock())
    draining = Draining(system.path, [folder.path])

    def full(**_: object) -> bool:
        raise error

    monkeypatch.setattr(draining._drain, "expire", full)
    draining.step()
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "trouble" in line]
    assert "is the disk full or read-only?" in said
    draining._journal.close()
    journal.close()


def test_rows_of_files_are_told_until_the_server_has_them(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    folder = system.train().folder
    journal = Journal.open(system.settings.journal, Clock())
    left = [system.settings.journal / name for name in ("lake-shown-1-2.npz", ".lake-shown-1-2.npz.77")]
    for path in left:
        path.write_bytes(b"of one that was killed")
    draining = Draining(system.path, [folder.path])
    assert not any(path.exists() for path in left)
    draining.obey(json.dumps({"versions": system.lake.versions()}))

    def told() -> list[dict[str, object]]:
        draining.step()
        return [said for line in capsys.readouterr().out.splitlines() if "lake" in (said := json.loads(line))]

    def file(*names: str) -> int:
        lines = "".join(f"{name},p,soup,2,2025-01-02\n" for name in names)
        (system.path.parent / "shown.csv").write_text("shown_id,page,dish,price,at\n" + lines)
        system.ingest()
        version = system.lake.version("shown")
        assert version is not None
        return version

    before, after = system.lake.version("shown"), file("f")
    assert [said["lake"] for said in told()] == [{"shown": [before, after]}]
    assert not told(), "it waits for the answer"
    newer = file("f", "g")
    assert not told()
    draining.obey(json.dumps({"taken": {"shown": [journal.last, after]}}))
    assert [said["lake"] for said in told()] == [{"shown": [after, newer]}]
    draining._journal.close()
    journal.close()


def test_the_drain_of_another_release_begins_with_its_snapshot_at_the_lake_before_it_drops_anything(
    system: System,
) -> None:
    first = system.train().folder
    system.path.write_text(SYSTEM.replace("over: [1d]", "over: [1d, 7d]").replace("_1d_", "_7d_"))
    second = System.read(system.path).train().folder
    snapshot = system.settings.online / fingerprint(Loaded.of(second).declarations)
    journal = Journal.open(system.settings.journal, Clock())
    made_ready(system.settings, system.lake, second)
    last = shown(journal, "a", "b")
    child = Child(system, first.path)
    child.say(versions=system.lake.versions())
    said = child.end()
    assert said[-1]["prune"]["shown"] == last, "they are in the snapshot of the first release"  # type: ignore[index]
    before = Built.read(snapshot)
    assert before is not None and before.position(journal.id, "shown") < last
    journal.prune({"shown": last})
    child = Child(system, second.path)
    after = Built.read(snapshot)
    assert after is not None and after.position(journal.id, "shown") == last
    assert kept_for(system.settings.journal) == after.declarations
    child.end()
    journal.close()
