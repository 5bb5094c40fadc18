"""README and docs are in step: links lead somewhere, commands and options exist, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from poise.interfaces.cli import COMMANDS
from poise.interfaces.http.roles import NEEDED
from poise.serving.caller import ROLES
from tests.interfaces.cli.in_process import poise

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def commands(page: Path) -> list[list[str]]:
    """Every `poise …` line of the page's plain blocks, without its comment."""
    lines = [line.strip() for text in blocks(page, "") for line in text.splitlines()]
    calls = [line.removeprefix("$ ").split("#")[0].split() for line in lines]
    return [words for words in calls if words and words[0] == "poise"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#", "mailto:")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_shown_commands_exist(page: Path) -> None:
    for words in commands(page):
        assert words[1].startswith("-") or words[1] in COMMANDS, f"{page.name} shows {' '.join(words)}"


def test_shown_options_exist() -> None:
    shown = {(w[1], o.split("=")[0]) for page in PAGES for w in commands(page) for o in w[2:] if o.startswith("-")}
    for command in sorted({name for name, _ in shown}):
        told = poise(ROOT, command, "--help")
        assert told.returncode == 0, told.stderr
        out = told.stdout
        for name, option in sorted(shown):
            if name == command:
                assert re.search(rf"(^|\s|,){re.escape(option)}\b", out), f"docs show poise {command} {option}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"^make (\w+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name} shows make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_of_pages_compiles(page: Path) -> None:
    for text in blocks(page, "python"):
        code = "\n".join(
            line[4:] for line in text.splitlines() if line.startswith((">>> ", "... "))
        ) if ">>>" in text else text  # fmt: skip
        compile(code, page.name, "exec")


def test_readme_first_system_runs(tmp_path: Path) -> None:
    """The README's own first system, typed as it stands there, ends in an answer."""
    page = ROOT / "README.md"
    data, system = blocks(page, "python")[0], next(b for b in blocks(page, "yaml") if "system: bikes" in b)
    (tmp_path / "poise.yaml").write_text(system, encoding="utf-8")
    subprocess.run([sys.executable, "-c", data], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "poise", "up", "--once", "--port", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is live" in done.stdout and '"predictions"' in done.stdout


def test_the_page_about_security_has_the_table_of_roles() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `([A-Z]+ /\S*)` \| ([a-z ]+) \|$", page, re.MULTILINE))
    words = {(): "none needed", ROLES: "any"}
    assert shown == {route: words.get(roles, " or ".join(roles)) for route, roles in NEEDED.items()}
