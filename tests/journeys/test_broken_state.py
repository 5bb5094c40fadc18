"""What breaks around a system: state that is gone or damaged, folders that cannot be made, callers that are killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from poise.errors import StateError
from poise.interfaces.answering import start
from poise.interfaces.system import Report, System
from tests.journeys.conftest import Write
from tests.journeys.processes import alive, children, wait_for

TEXT = """
format: 1
system: visits
purpose: Say who comes again.
clock: replay
sources:
  visits:
    path: visits.csv
    id: row
    time: at
    columns: {row: string, at: time, who: string, x: float, y: bool}
    request: [who, x]
features:
  - columns: {from: visits, take: x}
  - window: {from: visits, by: who, over: 1d, take: count}
objectives:
  y: {type: binary, per: visits, label: {take: y}, rungs: [linear]}
"""


@pytest.fixture
def system(write: Write) -> System:
    rng = np.random.default_rng(0)
    n = 400
    x = rng.normal(size=n)
    frame = pl.DataFrame(
        {
            "row": [f"r{i}" for i in range(n)],
            "at": pl.from_epoch(pl.Series(1_700_000_000 + 3600 * np.arange(n))),
            "who": [f"w{i % 9}" for i in range(n)],
            "x": x,
            "y": (x + rng.normal(size=n) > 0).astype(int),
        }
    )
    made = write(TEXT, visits=frame)
    made.ingest()
    return made


def files(report: Report) -> dict[str, bytes]:
    models = report.folder.path / "models"
    return {str(path.relative_to(models)): path.read_bytes() for path in sorted(models.rglob("*")) if path.is_file()}


def test_the_same_versions_give_the_same_model_bytes_also_after_more_rows(system: System) -> None:
    first = files(system.train())
    assert files(system.train()) == first
    with (system.path.parent / "visits.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"n{i},2024-02-01T00:{i:02d}:00,w1,{i % 7}.5,{i % 2}\n" for i in range(60))
    assert system.ingest()["visits"].counts.accepted == 60
    assert files(system.train(like="c1")) == first
    assert files(system.train()) != first


def test_a_system_is_found_from_another_folder_and_after_a_move(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = system.path.parent
    monkeypatch.chdir(folder.parent)
    System.read(Path(folder.name) / "poise.yaml").train()
    monkeypatch.chdir(folder)
    assert System.read("poise.yaml").folder("c1").path.exists()
    moved = folder.rename(folder.with_name("moved"))
    monkeypatch.chdir("/")
    assert end(serve(System.read(moved / "poise.yaml"))) == 0


def test_training_goes_on_where_the_state_database_is_gone(system: System) -> None:
    first = system.train()
    (system.settings.home / "state.db").unlink()
    again = System.read(system.path).train()
    assert again.folder.path.name == "c2"
    assert files(again) == files(first)


def test_a_home_that_is_a_file_or_cannot_be_made_is_said_in_a_sentence(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = system.path.parent / "file"
    file.touch()
    for home in (file, file / "below"):
        monkeypatch.setenv("POISE_HOME", str(home))
        for act in (System.read(system.path).ingest, System.read(system.path).train):
            with pytest.raises(StateError, match="cannot be made"):
                act()


def serve(system: System) -> subprocess.Popen[str]:
    """A server of c1 that ends with its stdin; returns once it answers."""
    command = [sys.executable, "-m", "poise", "serve", "-f", str(system.path), "--release", "c1", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--json", "--with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None and '"address"' in server.stdout.readline()
    return server


def end(server: subprocess.Popen[str]) -> int:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.close()
    code = server.wait(timeout=30)
    server.stdout.close()
    return code


def test_a_damaged_snapshot_is_built_again_and_the_server_ends_with_its_caller(system: System) -> None:
    system.train()
    assert end(serve(system)) == 0
    for name in ("snapshot.json", "built.json"):
        for path in system.settings.online.rglob(name):
            path.write_text("junk", encoding="utf-8")
        assert end(serve(system)) == 0


def test_a_lake_that_is_gone_is_not_an_empty_world(system: System) -> None:
    system.train()
    shutil.rmtree(system.settings.lake)
    with pytest.raises(StateError, match="the lake has no rows of visits"):
        start(system.path, release="c1", port=0)


def test_no_server_outlives_a_release_that_is_killed(system: System) -> None:
    system.train()
    command = [sys.executable, "-m", "poise", "release", "-f", str(system.path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as release:
        try:
            servers = wait_for(lambda: children(release.pid), 40)
            assert servers, "the rehearsal has begun"
        finally:
            release.send_signal(signal.SIGKILL)
    assert wait_for(lambda: not any(map(alive, servers)), 20), "the server has ended too"
    assert System.read(system.path).state.live() is None
    assert System.read(system.path).release().outcome is not None
