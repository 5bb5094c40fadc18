"""The release folder: sealed whole or not at all; whatever is changed later is named."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poise.errors import StateError, Tampered
from poise.releases.folder import ReleaseFolder, building, seal, verify
from poise.releases.plain_json import write_json


def build(path: Path, **release: object) -> Path:
    with building(path) as work:
        write_json(work / "release.json", {"format": 1, "name": path.name, **release})
        write_json(work / "evidence.json", {"format": 1, "system": "shop"})
        (work / "system.yaml").write_text("system: shop\n")
        (work / "models" / "late").mkdir(parents=True)
        (work / "models" / "late" / "trees.txt").write_text("tree\n")
        (work / "models" / "late" / "Größe 猫.npy").write_bytes(b"\x93NUMPY" * 100)
    return path


def test_a_sealed_folder_opens_and_hands_out_its_content(tmp_path: Path) -> None:
    release = ReleaseFolder.open(build(tmp_path / "releases" / "r1"))
    assert release.name == "r1"
    assert release.json("evidence") == {"format": 1, "system": "shop"}
    assert release.system_file.read_text() == "system: shop\n"
    assert release.model("late").is_dir()
    assert release.size == sum(p.stat().st_size for p in release.path.rglob("*") if p.is_file())
    with pytest.raises(StateError, match="no model of the objective 'early'"):
        release.model("early")


def test_the_same_content_gives_the_same_seal(tmp_path: Path) -> None:
    seals = {ReleaseFolder.open(build(tmp_path / name / "r1")).seal for name in ("a", "b")}
    assert len(seals) == 1
    assert (tmp_path / "a/r1/manifest.json").read_bytes() == (tmp_path / "b/r1/manifest.json").read_bytes()


def test_files_are_read_only(tmp_path: Path) -> None:
    release = build(tmp_path / "r1")
    modes = {stat.S_IMODE(os.stat(p).st_mode) for p in release.rglob("*") if p.is_file()}
    assert modes == {0o444}


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    path = build(tmp_path / "r1") / "models" / "late" / "trees.txt"
    path.chmod(0o644)
    path.write_text("tred\n")
    with pytest.raises(Tampered, match=r"models/late/trees\.txt was changed after sealing"):
        ReleaseFolder.open(tmp_path / "r1")


def test_a_missing_and_an_added_file_are_named(tmp_path: Path) -> None:
    build(tmp_path / "r1")
    (tmp_path / "r1" / "models" / "late" / "trees.txt").unlink()
    with pytest.raises(Tampered, match=r"trees\.txt is missing"):
        verify(tmp_path / "r1")
    build(tmp_path / "r2")
    (tmp_path / "r2" / "models" / "new.txt").write_text("")
    with pytest.raises(Tampered, match=r"models/new\.txt was added"):
        verify(tmp_path / "r2")


def test_a_manifest_made_to_fit_is_found_by_its_seal(tmp_path: Path) -> None:
    release = ReleaseFolder.open(build(tmp_path / "r1"))
    (release.path / "system.yaml").unlink()
    (release.path / "system.yaml").write_text("system: mine\n")
    seal(release.path)
    verify(release.path)
    with pytest.raises(Tampered, match=r"manifest\.json is not the one that was sealed"):
        ReleaseFolder.open(release.path, seal=release.seal)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "files": []}', "{\ud800"])
def test_a_broken_manifest_is_an_error_and_no_traceback(tmp_path: Path, content: str) -> None:
    manifest = build(tmp_path / "r1") / "manifest.json"
    manifest.unlink()
    manifest.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises((Tampered, StateError), match=r"manifest"):
        verify(tmp_path / "r1")


def test_a_manifest_of_a_newer_poise_is_named(tmp_path: Path) -> None:
    manifest = build(tmp_path / "r1") / "manifest.json"
    manifest.unlink()
    manifest.write_text(json.dumps({"format": 5, "files": {}}))
    with pytest.raises(StateError, match="manifest has format 5"):
        verify(tmp_path / "r1")


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(StateError, match=r"link\.txt is a link"), building(tmp_path / "r1") as work:
        (work / "link.txt").symlink_to(tmp_path / "secret")
    build(tmp_path / "r2")
    (tmp_path / "r2" / "link.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(Tampered, match=r"link\.txt is a link"):
        verify(tmp_path / "r2")


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError), building(tmp_path / "r1") as work:
        write_json(work / "release.json", {"when": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_never_written_over(tmp_path: Path) -> None:
    build(tmp_path / "r1", note="first")
    with pytest.raises(StateError, match="never written over"):
        build(tmp_path / "r1", note="second")
    with pytest.raises(StateError, match="never written over"), building(tmp_path / "r2"):
        build(tmp_path / "r2", note="meanwhile")
    assert ReleaseFolder.open(tmp_path / "r2").release["note"] == "meanwhile"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r1", "r2"]


def test_a_release_starts_from_a_verified_candidate(tmp_path: Path) -> None:
    candidate = build(tmp_path / "c1")
    with building(tmp_path / "r1", start=candidate) as work:
        write_json(work / "release.json", {"format": 1, "name": "r1", "candidate": "c1"})
    assert ReleaseFolder.open(tmp_path / "r1").release["candidate"] == "c1"
    assert (tmp_path / "r1" / "models" / "late" / "trees.txt").read_text() == "tree\n"
    ReleaseFolder.open(candidate)
    (candidate / "extra").write_text("")
    with pytest.raises(Tampered, match="extra was added"), building(tmp_path / "r2", start=candidate):
        pytest.fail("a changed candidate is not copied")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no release at"):
        ReleaseFolder.open(tmp_path / "r7")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_flipped_byte_of_any_file_is_found(tmp_path_factory: pytest.TempPathFactory, place: int, flip: int) -> None:
    release = build(tmp_path_factory.mktemp("flip") / "r1")
    sealed = verify(release)
    files = sorted(p for p in release.rglob("*") if p.is_file())
    path = files[place % len(files)]
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= flip
    path.unlink()
    path.write_bytes(content)
    with pytest.raises((Tampered, StateError)):
        verify(release, seal=sealed)
