"""Everything stored carries a format, and reading walks the migrations of its kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poise import formats
from poise.clock import Clock
from poise.data.forgotten import Forgotten
from poise.data.journal import Journal
from poise.errors import SpecError, StateError
from poise.interfaces.backup import restore
from poise.models.calibration import Calibration
from poise.models.constant import ConstantModel
from poise.models.predictor import Predictor
from poise.releases.built import Built
from poise.releases.contract import Contract
from poise.releases.evidence import Evidence
from poise.releases.folder import ReleaseFolder, building
from poise.releases.judged import Judged
from poise.releases.profile import FILE as PROFILE
from poise.releases.profile import Profile
from poise.spec.reading import read_text
from poise.stores.memory import MemoryStore
from poise.stores.state import State

SYSTEM = """
format: 1
system: small
purpose: To be read.
sources: {rows: {path: rows.csv, columns: {x: float, y: bool}, request: [x]}}
features: [columns: {from: rows, take: x}]
objectives: {y: {type: binary, per: rows, label: {take: y}}}
"""


def a_release(folder: Path) -> None:
    with building(folder / "r1") as work:
        (work / "release.json").write_text('{"format": 1, "name": "r1"}', encoding="utf-8")


def a_predictor(folder: Path) -> None:
    Predictor(ConstantModel(np.array([0.5]), many=False), Calibration.identity("binary")).save(folder)


def a_contract(folder: Path) -> None:
    (folder / "contract.json").write_text(json.dumps(Contract("small").to_json()), encoding="utf-8")


def nothing(folder: Path) -> None:
    """What is read is a text of this test."""


def state(folder: Path) -> State:
    return State(f"sqlite:///{folder / 'state.db'}", "small")


def journal(folder: Path) -> Journal:
    return Journal.open(folder / "journal", Clock())


def a_backup(folder: Path) -> None:
    names = ("poise.yaml", "home/state.db")
    for name in names:
        (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "copy" / name).write_text(SYSTEM)
    file = {"bytes": len(SYSTEM), "sha256": hashlib.sha256(SYSTEM.encode()).hexdigest()}
    listed = {"format": 1, "made": 0, "file": "poise.yaml", "files": dict.fromkeys(names, file)}
    (folder / "copy" / "backup.json").write_text(json.dumps(listed))


def a_profile(folder: Path) -> None:
    (folder / PROFILE).write_text(json.dumps(Profile(0, 0, "row", {}, {}).to_json()))


KINDS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    "system": (nothing, lambda _: read_text(SYSTEM)),
    "release": (a_release, lambda folder: ReleaseFolder.open(folder / "r1")),
    "manifest": (a_release, lambda folder: ReleaseFolder.open(folder / "r1")),
    "contract": (a_contract, lambda folder: Contract.from_json(json.loads((folder / "contract.json").read_text()))),
    "evidence": (nothing, lambda _: Evidence.of({"format": 1, "system": "small"})),
    "state": (lambda folder: state(folder).history(), lambda folder: state(folder).history()),
    "snapshot": (lambda folder: MemoryStore().save(folder), lambda folder: MemoryStore().load(folder)),
    "built": (lambda folder: Built("d", {}, 0).write(folder), Built.read),
    "backup": (a_backup, lambda folder: restore(folder / "copy", folder / "home", folder / "poise.yaml")),
    "forgotten": (lambda folder: Forgotten.read(folder).add("u1"), Forgotten.read),
    "journal": (lambda folder: journal(folder).close(), lambda folder: journal(folder).close()),
    "judged": (lambda folder: Judged({}, None, {}).save(folder), Judged.load),
    "model": (a_predictor, Predictor.load),
    "profile": (a_profile, Profile.read),
}
"""Kind -> how it is written and how it is read."""


def test_every_kind_is_tried_here() -> None:
    assert {*KINDS, "json"} == set(formats.CURRENT), "what --json prints is never read back"


@pytest.mark.parametrize("kind", KINDS)
def test_a_later_poise_reads_what_this_one_wrote(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = KINDS[kind]
    write(tmp_path)
    walked = []

    def migration(content: dict[str, Any]) -> dict[str, Any]:
        walked.append(content["format"])
        return content

    now = formats.CURRENT[kind]
    monkeypatch.setitem(formats.CURRENT, kind, now + 1)
    monkeypatch.setitem(formats.MIGRATIONS, (kind, now), migration)
    # The record of the system file names the one format that this version knows, and refuses the next.
    with pytest.raises(SpecError) if kind == "system" else nullcontext():
        read(tmp_path)
    assert walked and set(walked) == {now}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"system", "evidence"}))
def test_an_earlier_poise_says_so(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = KINDS[kind]
    write(tmp_path)
    monkeypatch.setitem(formats.CURRENT, kind, formats.CURRENT[kind] - 1)
    with pytest.raises(StateError, match=r"upgrade Poise"):
        read(tmp_path)
