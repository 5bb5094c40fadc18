"""`poise history` and `poise weights --history`: what happened to a system, told alike."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from poise.interfaces.system import System

TEXT = """
format: 1
system: desk
purpose: Say who needs help.
timezone: Asia/Singapore
sources:
  calls: {path: calls.csv, id: call, columns: {call: string, minutes: float, late: bool}}
objectives:
  late: {type: binary, per: calls, label: {take: late}}
decision:
  per: calls
  choose: [help, wait]
  terms: {calm: {help: late, wait: 0}}
"""


def told(folder: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "poise", *words, "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)
    return found


def test_both_histories_tell_times_as_text_in_the_systems_zone(tmp_path: Path) -> None:
    (tmp_path / "poise.yaml").write_text(TEXT, encoding="utf-8")
    asked = {"values": {"calm": 2}, "why": "winter", "who": "ana", "expected_version": 0}
    System.read(tmp_path / "poise.yaml").weights.change(asked)
    lines = told(tmp_path, "history")["history"]
    assert [(line["subject"], line["why"]) for line in lines] == [
        ("weights 1", "the system file"),
        ("weights 2", "winter"),
    ]
    assert all(re.fullmatch(r"[-\d]{10}T[:\d]{8}\+08:00", line["at"]) for line in lines)
    versions = told(tmp_path, "weights", "--history")["versions"]
    assert [line["at"] for line in lines] == [one["when"] for one in reversed(versions)]
