"""How commands end is what `docs/exit-codes.md` says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from tests.interfaces.cli.in_process import poise

from poise.errors import PoiseError, UsageError
from poise.interfaces.cli import COMMANDS, STOPPED, UNREAD

ROOT = Path(__file__).parents[3]


def documented() -> dict[int, set[str]]:
    """Code -> the titles of its row."""
    lines = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("|")]
    return {int(row[1]): {title.strip() for title in row[2].split(";")} for row in rows if row[1].isdigit()}


def family(kind: type[PoiseError]) -> set[type[PoiseError]]:
    return {kind}.union(*(family(one) for one in kind.__subclasses__()))


def test_the_table_names_every_code_and_every_title_and_no_other() -> None:
    for module, _ in COMMANDS.values():  # some have an error of their own
        import_module(f"poise.interfaces.cli.{module.partition(':')[0]}")
    raised: dict[int, set[str]] = {0: {""}, STOPPED: {""}, UNREAD: {""}}
    for kind in family(PoiseError):
        mine = kind.__module__.startswith(("poise.errors", "poise.interfaces"))
        if not mine or kind.__module__.startswith("poise.interfaces.console"):
            continue  # a station's own, or of pages, which catch it themselves
        raised.setdefault(kind.exit_code, set()).add(kind.title)
    assert documented() == raised


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid system that decides nothing and has no data yet."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "poise.yaml").write_text(
        "format: 1\nsystem: shop\npurpose: Foresee sales.\n"
        "sources: {offers: {path: offers.csv, id: offer, columns: {offer: string, sold: bool}}}\n"
        "objectives: {sale: {type: binary, per: offers, label: {take: sold}}}\n"
    )
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ingst", "there is no command 'ingst'"),
        ("weights --set fare=1 --take-back --why x", "do not go together"),
        ("weights", "this system decides nothing"),
        ("quarantine offrs", "there is no source 'offrs' (did you mean 'offers'?)"),
        ("ingest --only offrs", "there is no source 'offrs' (did you mean 'offers'?)"),
        ("new x --template tabel", "there is no template 'tabel' (did you mean 'table'?)"),
        ("new .", "is not empty"),
    ],
)
def test_misuse_of_a_command_blames_the_command_and_not_the_file(words: str, said: str, shop: Path) -> None:
    done = poise(shop, *words.split(), "--json")
    assert done.returncode == UsageError.exit_code == 2
    told = json.loads(done.stdout)
    assert told["error"] == UsageError.title
    assert said in f"{told['detail']} ({told['hint']})" and "Traceback" not in done.stderr


def test_ctrl_c_ends_the_demo_of_the_flights_as_it_ends_a_command(tmp_path: Path) -> None:
    """`up`, `serve` and `poise demo` are stopped in tests of their own."""
    shutil.copy(ROOT / "examples" / "flights" / "demo.py", tmp_path)
    (tmp_path / "prepare.py").write_text("def main():\n    raise KeyboardInterrupt\n")
    assert subprocess.run([sys.executable, "demo.py"], cwd=tmp_path, check=False).returncode == STOPPED
