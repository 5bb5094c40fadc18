"""`poise new`: what a stranger gets, and that it trains as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import pytest

from poise.errors import PoiseError
from poise.interfaces.templates import EDITOR_LINE, SCHEMA, make, templates


def poise(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("POISE_", "PYTHON"))} | environ
    return subprocess.run(
        [sys.executable, "-m", "poise", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_every_template_says_in_one_line_what_it_is_for(tmp_path: Path) -> None:
    known = templates()
    assert set(known) == {"flights", "fraud", "pricing", "restaurants", "table"}
    listed = poise(tmp_path, "new").stdout
    assert all(name in listed and line in listed for name, line in known.items())
    assert all(10 < len(line) < 120 for line in known.values())
    assert json.loads(poise(tmp_path, "new", "--json").stdout)["templates"] == known


@pytest.mark.parametrize("template", ["flights", "fraud", "pricing", "restaurants", "table"])
def test_a_new_folder_holds_a_valid_system_with_data(template: str, tmp_path: Path) -> None:
    done = poise(tmp_path, "new", "mine", "--template", template, "--json")
    assert done.returncode == 0, done.stderr
    made = tmp_path / "mine"
    assert json.loads(done.stdout)["files"] == sorted(path.name for path in made.iterdir())
    assert not (made / ".poise").exists() and not (made / "__pycache__").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    for file in made.glob("*.yaml"):
        assert file.read_text(encoding="utf-8").startswith(EDITOR_LINE)
    checked = poise(made, "check", "--json")
    assert json.loads(checked.stdout)["valid"], checked.stderr
    assert json.loads((made / SCHEMA).read_text()) == json.loads(poise(made, "schema").stdout)


def test_what_to_do_next_can_be_typed_whatever_the_folder_is_called(tmp_path: Path) -> None:
    done = poise(tmp_path, "new", "my shöp", PYTHONUTF8="1")
    assert "cd 'my shöp' && poise up" in done.stdout


def test_the_plain_table_trains_as_it_stands(tmp_path: Path) -> None:
    assert poise(tmp_path, "new", "shop").returncode == 0
    done = poise(tmp_path / "shop", "up", "--once", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "r1 is live" in done.stdout and '"chosen"' in done.stdout
    assert "3 quarantined" in done.stdout


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert poise(tmp_path / "empty", "new", ".").returncode == 0
    assert (tmp_path / "empty" / "poise.yaml").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    refused = poise(tmp_path, "new", "full")
    assert refused.returncode == 2
    assert "the folder full is not empty: it holds mine.txt" in refused.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert "mine.txt is a file" in poise(tmp_path / "full", "new", "mine.txt").stderr
    (tmp_path / "gone").symlink_to("nowhere")
    assert "gone is a link to nothing" in poise(tmp_path, "new", "gone").stderr


def test_where_nothing_can_be_written_the_place_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder that is there needs no other: what is beside it may belong to somebody else."""

    def refusing(prefix: str, dir: Path) -> str:
        if dir != tmp_path / "mine":
            raise PermissionError(13, "Permission denied")
        return mkdtemp(prefix=prefix, dir=dir)

    monkeypatch.setattr("poise.interfaces.templates.mkdtemp", refusing)
    with pytest.raises(PoiseError) as refused:
        make(tmp_path / "mine", "table")
    assert f"the folder {tmp_path / 'mine'} cannot be made in {tmp_path}: Permission denied" in str(refused.value)
    assert "where you may write" in str(refused.value)
    (tmp_path / "mine").mkdir()
    made = make(tmp_path / "mine", "table")
    assert "poise.yaml" in made and sorted(path.name for path in (tmp_path / "mine").iterdir()) == made


def test_an_unknown_template_says_which_was_meant(tmp_path: Path) -> None:
    refused = poise(tmp_path, "new", "x", "-t", "restaurant")
    assert refused.returncode == 2
    assert "there is no template 'restaurant' (did you mean 'restaurants'?)" in refused.stderr
    assert not (tmp_path / "x").exists()


def test_data_that_are_not_installed_are_asked_for_by_name(tmp_path: Path) -> None:
    """As where the extra `examples` was never installed: the package's metadata is not found."""
    hiding = (
        "import importlib.metadata as m\ndef files(name):\n    raise m.PackageNotFoundError(name)\nm.files = files\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hiding)
    refused = poise(tmp_path, "new", "air", "-t", "flights", PYTHONPATH=str(tmp_path))
    assert refused.returncode == 7
    assert refused.stderr.rstrip().endswith("pip install 'poise[examples]'")
    assert not (tmp_path / "air").exists() and not list(tmp_path.glob(".air-*"))
