"""Real requests of one person, taken out of candidates, releases and what was kept to judge them by.

A folder whose evidence names the person is copied, mended and sealed anew beside its place; the new seal is recorded
with a line of history that names both, and then the copy takes the folder's place. A kill in between leaves a folder
that is not what was recorded, and its copy, which is: `finish` puts that in place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poise.data.exchange import exchange
from poise.data.person import Person
from poise.errors import PoiseError
from poise.releases.account import EXAMPLES
from poise.releases.folder import MANIFEST, seal, verify
from poise.releases.plain_json import read_json, to_json
from poise.releases.report import render

ROWS = ("examples", "requests")
"""Keys under which real requests stand by source."""
LISTS = ("list_examples", "lists", "logged")
"""Keys under which real requests stand in a list."""
NOBODY = "(forgotten)"
"""What stands where an id was one of several values, such as the name of a slice."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A folder whose evidence changed, and nothing else of it; the seals it had and has."""

    folder: Path
    was: str
    now: str


def cleaned(content: dict[str, Any], person: Person) -> dict[str, Any]:
    """Evidence or judged rows without the requests that name the person, and with nobody's name elsewhere.

    >>> ana = Person("u17", {"orders": "user_id"}, text=True)
    >>> cleaned({"examples": {"orders": [{"user_id": "u17"}, {"user_id": "u2"}]}, "worst": "u17"}, ana)
    {'examples': {'orders': [{'user_id': 'u2'}]}, 'worst': '(forgotten)'}
    """
    found: dict[str, Any] = {}
    for key, value in content.items():
        if key in ROWS and isinstance(value, dict):
            found[key] = {per: [row for row in rows if not person.named(row)] for per, rows in value.items()}
        elif key in LISTS and isinstance(value, list):
            found[key] = [body for body in value if not person.named(body)]
        else:
            found[key] = unnamed(value, person, key)
    return found


def clean_judged(folder: Path, person: Person) -> bool:
    """Take the person out of the judged rows of a candidate; were they there?

    Numbers stay: truth and predictions of rows, which say nothing of whose they are.
    """
    path = folder / "judged.json"
    if not path.exists():
        return False
    content = json.loads(path.read_text(encoding="utf-8"))
    left = cleaned(content, person)
    if left == content:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(left))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    return True


def names(folder: Path, person: Person) -> bool:
    """Whether the evidence in a folder names the person."""
    content = _evidence(folder)
    return cleaned(content, person) != content


def clean_folder(folder: Path, person: Person, judged: Path, record: Callable[[Mended], None]) -> None:
    """Take the person out of a folder whose evidence names them; `record` writes the new seal down, and history.

    judged: the judged rows of its candidate, already clean, from which other real requests take the place of theirs.
    """
    aside = _aside(folder)
    shutil.rmtree(aside, ignore_errors=True)
    was = verify(folder)
    shutil.copytree(folder, aside, copy_function=shutil.copyfile)
    evidence = _refilled(cleaned(_evidence(folder), person), judged)
    (aside / MANIFEST).unlink()
    (aside / "evidence.json").write_text(to_json(evidence), encoding="utf-8")
    page = aside / "report.html"
    if page.exists():
        page.write_text(render(evidence), encoding="utf-8")
    record(Mended(folder, was, seal(aside)))
    exchange(aside, folder)
    shutil.rmtree(aside)


def finish(folder: Path, recorded: str | None) -> None:
    """Put in place what a kill left beside a folder, if its seal is the `recorded` one; else remove it."""
    aside = _aside(folder)
    if not aside.exists():
        return
    try:
        theirs = verify(aside)
    except PoiseError:  # it was not whole
        theirs = ""
    if recorded is not None and theirs == recorded and verify(folder) != recorded:
        exchange(aside, folder)
    shutil.rmtree(aside)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.forgetting")


def _evidence(folder: Path) -> dict[str, Any]:
    path = folder / "evidence.json"
    return read_json(path) if path.exists() else {}


def _refilled(evidence: dict[str, Any], judged: Path) -> dict[str, Any]:
    """Evidence with as many real requests as it has room for."""
    path = judged / "judged.json"
    if not path.exists():
        return evidence
    kept = json.loads(path.read_text(encoding="utf-8"))
    rows = {per: kept["requests"].get(per, [])[-EXAMPLES:][::-1] for per in evidence.get("examples", {})}
    lists = kept.get("logged", [])[-EXAMPLES:][::-1]
    return {
        **evidence,
        "examples": {per: rows[per] or shown for per, shown in evidence.get("examples", {}).items()},
        **({"list_examples": lists or evidence["list_examples"]} if "list_examples" in evidence else {}),
    }


def unnamed(value: Any, person: Person, key: str = "") -> Any:
    """A JSON value, which stands under `key`, with nobody's name where it is the person's, in sentences too.

    >>> ana = Person("u17", {"orders": "user_id"}, text=True)
    >>> unnamed({"why": "u17 has 80 rows, u171 has 2", "top": ["u17", "u2"]}, ana)
    {'why': '(forgotten) has 80 rows, u171 has 2', 'top': ['(forgotten)', 'u2']}
    """
    if isinstance(value, dict):
        if not person.text and value.get("column") in person.names:  # of levels, which are texts whatever the ids are
            person = replace(person, text=True)
        return {NOBODY if person.named(name) else name: unnamed(one, person, name) for name, one in value.items()}
    if isinstance(value, list):
        return [unnamed(one, person, key) for one in value]
    if not isinstance(value, str):
        return value
    if person.text and " " in value:
        return re.sub(rf"(?<![\w.-]){re.escape(person.id)}(?![\w-])", NOBODY, value)
    return NOBODY if person.named(value, key) else value
