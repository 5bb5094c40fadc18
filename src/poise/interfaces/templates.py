"""The templates of `poise new`: the examples, copied as they stand, so that what is shown is what is tested."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from poise.errors import DataError, MissingExtra, PoiseError, StateError, UsageError, did_you_mean
from poise.settings import HOME_FOLDER
from poise.spec.schema import json_schema

SYSTEM_FILE, PREPARE, SCHEMA = "poise.yaml", "prepare.py", "poise.schema.json"
EDITOR_LINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""What editors read to know which schema checks the file."""
MADE = (HOME_FOLDER, "data", "__pycache__")
"""What running an example leaves in its folder; no part of the template."""
Progress = Callable[[str], None]


def examples() -> Path:
    """The folder of the examples: in the installed package, or in the checkout of an editable installation.

    >>> (examples() / "table" / "poise.yaml").is_file()
    True
    """
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "table" / SYSTEM_FILE).is_file():
            return folder
    raise StateError(f"the examples are not beside the package in {package}", hint="install Poise again")


def templates() -> dict[str, str]:
    """Template -> what its system is for: the first line of its file.

    >>> list(templates())[0]
    'flights'
    """
    files = sorted(examples().glob(f"*/{SYSTEM_FILE}"))
    return {file.parent.name: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for file in files}


def make(folder: Path, template: str, progress: Progress = lambda _: None) -> list[str]:
    """Fill `folder` with a system that trains as it stands: the files of `template`, the editor's schema, and data.

    Returns the names of what was written. Nothing is left behind where it fails.
    Raises `UsageError` for an unknown template or a folder that holds something, `PoiseError` where no folder can be
    made, `MissingExtra` where the template's data come from a package that is not installed, `DataError` where they
    could not be written.
    """
    known = templates()
    if template not in known:
        raise UsageError(f"there is no template '{template}'", hint=did_you_mean(template, known))
    _must_be_free(folder)
    being_made = _beside(folder)
    try:
        _fill(being_made, examples() / template, progress)
        folder.mkdir(exist_ok=True)
        for made in being_made.iterdir():
            made.rename(folder / made.name)
    finally:
        shutil.rmtree(being_made)
    return sorted(path.name for path in folder.iterdir())


def _beside(folder: Path) -> Path:
    """A new folder from which what is made can be moved into `folder`: inside it where it exists, as nothing beside it
    may be writable, else next to it. Raises `PoiseError`, which names the place, where nothing can be written there."""
    place = folder if folder.is_dir() else folder.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix=f".{folder.name or 'poise'}-", dir=place.resolve()))
    except OSError as error:
        where = "" if place == folder else f" in {place.resolve()}"
        hint = "choose a place where you may write"
        raise PoiseError(f"the folder {folder} cannot be made{where}: {error.strerror}", hint=hint) from None


def _must_be_free(folder: Path) -> None:
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        found = "a file" if folder.exists() else "a link to nothing"
        raise UsageError(f"{folder} is {found}", hint="name a folder that does not exist yet")
    if folder.is_dir() and (held := next(folder.iterdir(), None)):
        raise UsageError(
            f"the folder {folder} is not empty: it holds {held.name}", hint="name a folder that does not exist yet"
        )


def _fill(folder: Path, template: Path, progress: Progress) -> None:
    progress(f"copying {template.name}")
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns(*MADE), dirs_exist_ok=True)
    for file in folder.glob("*.yaml"):
        file.write_text(EDITOR_LINE + file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / SCHEMA).write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    progress("writing its data")
    done = subprocess.run([sys.executable, PREPARE], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == MissingExtra.exit_code:
        raise MissingExtra(done.stderr.strip())
    if done.returncode:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise DataError(f"{PREPARE} of the template '{template.name}' could not write its data: {last}")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
