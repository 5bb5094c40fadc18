"""The command line as a person and a script use it: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.interfaces.cli.in_process import poise

from poise.interfaces.cli import COMMANDS, STOPPED
from poise.interfaces.system import System

SYSTEM = """
format: 1
system: shop
purpose: Foresee sales.
sources:
  offers:
    path: offers.csv
    id: offer
    columns: {offer: string, price: {type: float, min: 0, max: 100}, size: float, sold: bool}
    request: [price, size]
features:
  - columns: {from: offers, take: [price, size]}
objectives:
  sale: {type: binary, per: offers, label: {take: sold}}
requirements:
  - {who: sales, metric: sale.auc, at_least: BOUND}
  - {who: platform, metric: release_size, at_most: 1MB}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a system file and its data, of which three rows are too dear."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    n = 1500
    price, size = rng.uniform(1, 90, n).round(2), rng.normal(size=n).round(3)
    price[:3] = [101, 250, 999]
    sold = rng.random(n) < 1 / (1 + np.exp((price - 45) / 8 - size))
    frame = {"offer": [f"o{i}" for i in range(n)], "price": price, "size": size, "sold": sold}
    pl.DataFrame(frame).write_csv(folder / "offers.csv")
    (folder / "poise.yaml").write_text(SYSTEM.replace("BOUND", "0.8"), encoding="utf-8")
    (folder / "strict.yaml").write_text(SYSTEM.replace("BOUND", "0.999"), encoding="utf-8")
    return folder


def started(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, as a shell starts it."""
    # Without PYTHONUNBUFFERED, as users have it: output that is not flushed leaves `poise up` waiting for its server.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("POISE_", "PYTHON"))} | {"COLUMNS": "100"}
    command = [sys.executable, "-m", "poise", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def stopped(folder: Path, command: str) -> int:
    """How a command that serves ends when a terminal tells it and all that it started of Ctrl-C."""
    words = [sys.executable, "-m", "poise", command, "--port", "0"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout is not None
        assert any("Ctrl-C" in line for line in running.stdout), "it says how to stop it"
        os.killpg(running.pid, signal.SIGINT)
        return running.wait(30)


def parsed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 4), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["format"] == 1
    return found


def test_help_lists_every_command(tmp_path: Path) -> None:
    out = started(tmp_path, "--help").stdout
    assert all(f"  {name}" in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, tmp_path: Path) -> None:
    done = poise(tmp_path, name, "--help")
    assert done.returncode == 0, done.stderr
    assert COMMANDS[name][1][:20] in done.stdout


def test_a_misspelt_command_says_what_was_meant(tmp_path: Path) -> None:
    done = started(tmp_path, "ingst")
    assert done.returncode == 2
    assert done.stderr == "poise: there is no command 'ingst' (did you mean 'ingest'?)\n"


def test_no_file_is_a_sentence(tmp_path: Path) -> None:
    done = poise(tmp_path, "check")
    assert done.returncode == 2
    assert done.stderr.startswith("poise: there is no file poise.yaml")
    as_json = poise(tmp_path, "check", "--json")
    assert json.loads(as_json.stdout)["error"] == "The system file is not valid"


def test_check_names_every_fault_with_its_place(shop: Path) -> None:
    text = (
        SYSTEM.replace("BOUND", "0.8")
        .replace("purpose", "porpose")
        .replace("request: [price, size]", "request: [prise]")
    )
    (shop / "faulty.yaml").write_text(text, encoding="utf-8")
    done = poise(shop, "check", "-f", "faulty.yaml")
    assert done.returncode == 2
    assert "faulty.yaml:4:" in done.stderr and "did you mean 'purpose'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_from_data_to_a_release_and_its_history(shop: Path) -> None:
    """One story: ingest, quarantine, train, a refusal, a release, the history."""
    one = parsed(started(shop, "ingest", "--json"))["sources"][0]
    assert (one["rows_in"], one["accepted"], one["quarantined"]) == (1500, 1497, 3)
    again = parsed(poise(shop, "ingest", "--json"))["sources"][0]
    assert (again["accepted"], again["duplicates"]) == (0, 1497)

    groups = parsed(poise(shop, "quarantine", "--json"))["groups"]
    assert [(g["reason"], g["rows"]) for g in groups] == [("range:price", 3)]
    told = poise(shop, "quarantine", "offers", str(groups[0]["entry"]))
    assert "above its max 100" in told.stdout and "offers.csv" in told.stdout

    refused = started(shop, "up", "-f", "strict.yaml", "--once", "--port", "0")
    assert refused.returncode == 4
    assert "sales refuses: sale.auc" in refused.stdout and "r1 was refused by sales" in refused.stdout

    trained = parsed(started(shop, "train", "--json"))
    assert trained["evidence"]["objectives"]["sale"]["chosen"] == "linear"
    released = parsed(started(shop, "release", trained["candidate"], "--json"))
    assert (released["release"], released["verdict"]) == ("r2", "released")
    assert [r["status"] for r in released["requirements"]] == ["pass", "pass"]

    for command in ("serve", "up"):
        assert stopped(shop, command) == STOPPED

    lines = poise(shop, "history").stdout
    story = ("files came in", "was trained", "r1 was refused", "r2 passed every requirement", "r2 is live")
    assert [words for words in story if words not in lines] == []
    assert lines.rstrip().endswith("live: r2")

    nothing = poise(shop, "rollback", "--why", "a try")
    assert nothing.returncode == 6 and "no earlier release" in nothing.stderr


def test_rows_come_back_once_their_rule_is_mended(shop: Path) -> None:
    text = SYSTEM.replace("BOUND", "0.8").replace("max: 100", "max: 500").replace("system: shop", "system: mended")
    folder = shop / "mended"
    folder.mkdir()
    (folder / "offers.csv").write_bytes((shop / "offers.csv").read_bytes())
    (folder / "poise.yaml").write_text(text.replace("max: 500", "max: 100"), encoding="utf-8")
    assert parsed(poise(folder, "ingest", "--json"))["sources"][0]["quarantined"] == 3
    (folder / "poise.yaml").write_text(text, encoding="utf-8")
    counts = parsed(poise(folder, "quarantine", "offers", "--readmit", "--json"))["sources"]["offers"]
    assert (counts["accepted"], counts["quarantined"]) == (2, 1)


def test_weights_are_seeded_once_and_changed_with_a_reason(shop: Path) -> None:
    folder = shop / "deciding"
    folder.mkdir()
    (folder / "offers.csv").write_bytes((shop / "offers.csv").read_bytes())
    decides = """
decision:
  per: offers
  choose: [hold, push]
  terms: {profit: {unit: USD, hold: 0, push: 10 * sale - 2}, calm: {unit: points, hold: 1, push: 0}}
  weights: {profit: 1, calm: WEIGHT}
"""
    text = SYSTEM.replace("BOUND", "0.8") + decides
    (folder / "poise.yaml").write_text(text.replace("WEIGHT", "0.5"), encoding="utf-8")
    done = started(folder, "up", "--once", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert parsed(poise(folder, "weights", "--json"))["values"] == {"profit": 1.0, "calm": 0.5}

    (folder / "poise.yaml").write_text(text.replace("WEIGHT", "2"), encoding="utf-8")
    told = poise(folder, "weights").stdout
    assert "1 point (calm) = 0.50 USD (profit)" in told
    assert "the file says calm = 2; 0.5 is live and stays until you change it" in told

    assert poise(folder, "weights", "--set", "calm=2").returncode == 2, "a change needs a reason"
    assert "did you mean 'calm'" in poise(folder, "weights", "--set", "clam=2", "--why", "x").stderr
    done = started(folder, "weights", "--set", "calm=2", "--why", "winter", "--who", "ana", "--expect", "1")
    assert done.returncode == 0, done.stderr
    assert "weights 2 are live, after 1." in done.stdout
    assert "1 point (calm) was worth 0.50 USD (profit) and is now worth 2.00 USD" in done.stdout
    nothing = poise(folder, "weights", "--set", "calm=0", "--set", "profit=0", "--why", "x")
    assert nothing.returncode == 2 and "give at least one term a weight other than 0" in nothing.stderr
    late = poise(folder, "weights", "--set", "calm=3", "--why", "mine", "--expect", "1")
    assert late.returncode == 9 and ": winter" in late.stderr
    assert f"weights 2 are live, by ana, {parsed(poise(folder, 'weights', '--json'))['when']}" in late.stderr
    again = poise(folder, "weights", "--set", "calm=2", "--why", "winter")
    assert "Nothing changed: these values are live already, as weights 2." in again.stdout
    back = parsed(poise(folder, "weights", "--take-back", "--why", "spring", "--json"))
    assert (back["version"], back["values"]["calm"]) == (3, 0.5)
    told = poise(folder, "weights", "--history").stdout
    assert [line.split(",")[0] for line in told.splitlines() if line.startswith("weights")] == [
        "weights 1",
        "weights 2",
        "weights 3",
    ]
    for options in (["--to", "1"], ["--why", "x"], ["--take-back", "--history"], ["--set", "calm=x", "--why", "x"]):
        assert poise(folder, "weights", *options).returncode == 2, options
    assert "winter" in poise(folder, "history").stdout
    state = System.read(folder / "poise.yaml").state
    for number in range(4, 106):
        state.set_weights({"calm": number}, why="\x1b[2Jmore")
    told = poise(folder, "weights", "--history").stdout
    assert "weights 1," in told and "weights 105," in told, "every version, however many"
    assert "\x1b" not in told and "\ufffd[2Jmore" in told, "a reason commands no terminal"
