"""What `/openapi.json` says holds: Schemathesis sends what it allows and what it does not, to real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from poise.interfaces.system import System
from poise.serving.caller import ROLES
from tests.journeys import shop
from tests.journeys.replaying import serving
from tests.releases import little_market

SAME = ("--exclude-path-regex", "/versions/")
"""What is left out where time is short: routes with a release in them take and answer what those without do."""
OF_CHOICES = ("--include-path-regex", "^/v1/(predict|decide|explain)|^/v2/")
"""The routes that differ where actions are chosen; all are tried where items are listed."""
SETTINGS = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
"""
"""What counts as a refusal of what the schema does not allow: by itself Schemathesis does not know 413, too large."""
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_a_system_that_lists_for_callers_with_tokens(tmp_path: Path) -> None:
    system = little_market.write(tmp_path, **little_market.tables(1200))
    system.ingest()
    system.train()
    roles = [word for role in ROLES for word in ("--role", role)]
    command = [sys.executable, "-m", "poise", "tokens", "add", "all", *roles, "--json"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    holds(tmp_path, 2, *SAME, "--header", f"Authorization: Bearer {json.loads(told.stdout)['token']}")


def test_a_system_that_chooses(tmp_path: Path) -> None:
    for name, table in shop.tables(2500).items():
        table.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "poise.yaml").write_text(shop.SYSTEM, encoding="utf-8")
    system = System.read(tmp_path / "poise.yaml")
    system.ingest()
    system.train()
    holds(tmp_path, 2, *SAME, *OF_CHOICES)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["flights", "restaurants"])
def test_the_examples(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    subprocess.run([sys.executable, "-m", "poise", "new", str(folder), "--template", name], check=True)
    if not any((folder / "data").glob("*")):
        subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)
    system = System.read(folder / "poise.yaml")
    system.ingest()
    system.train()
    holds(folder, 100)


def holds(folder: Path, cases: int, *more: str) -> None:
    """All checks of Schemathesis, on `cases` drawn requests of each kind beside those that follow from the schemas.

    more: what it is told beside that."""
    with serving(folder / "poise.yaml") as server:
        settings = folder / "schemathesis.toml"
        settings.write_text(SETTINGS, encoding="utf-8")
        command = [
            str(SCHEMATHESIS),
            "--config-file",
            str(settings),
            "run",
            f"http://127.0.0.1:{server.port}/openapi.json",
        ]
        options = ["--max-examples", str(cases), "--continue-on-failure", "--no-color", "--seed", "1"]
        options += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "60", *more]
        told = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
        assert told.returncode == 0, _short(told.stdout)


def _short(said: str) -> str:
    """What Schemathesis said, with the bodies of megabytes cut: they would hide the other failures."""
    return "\n".join(
        line if len(line) <= 600 else f"{line[:600]}… ({len(line)} characters)" for line in said.splitlines()
    )
