"""The house: which station may import which, and what must not be imported where."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "poise"

STATIONS = [
    "spec",
    "data",
    "features",
    "models",
    "decisions",
    "evaluation",
    "releases",
    "serving",
    "monitoring",
    "rollout",
    "updating",
    "assessment",
    "stores",
    "engine",
    "interfaces",
]
"""In the order of the data's path: a station imports only those above it, and the foundation."""
FOUNDATION = {"clock", "encoding", "errors", "formats", "jit", "one_row", "registry", "settings", "table"}
BASES = {"poise.stores.base", "poise.engine.base", "poise.stores.state_base"}
LAZY = {"registry.py"}
"""The table of plug-ins imports on demand; so does the table of CLI commands (the folder interfaces/cli)."""


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> list[tuple[str, bool]]:
    """(dotted name, stands inside a function) of every import of Poise in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in inner) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "poise"
                else [node.module or ""]
            )
            found += [(name, id(node) in inner) for name in names]
    return found


def test_every_folder_is_a_station() -> None:
    folders = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == set(STATIONS)
    for folder in folders:
        text = (SOURCE / folder / "__init__.py").read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{folder}/__init__.py says nothing about its station"


def test_imports_run_one_way() -> None:
    faults = []
    for path in modules():
        place = path.relative_to(SOURCE).parts
        station = place[0] if len(place) > 1 else None
        above = set(STATIONS[: STATIONS.index(station)]) if station else set()
        for name, _ in imported(path):
            parts = name.split(".")
            if parts[0] != "poise" or len(parts) < 2 or name in BASES:
                continue
            target = parts[1]
            if target in FOUNDATION or target == "__version__" or target == station or target in above:
                continue
            if station is None and place[0] in ("__init__.py", "__main__.py"):
                continue
            faults.append(f"{path.relative_to(SOURCE)} imports {name}")
    assert not faults, "\n".join(faults)


def test_imports_stand_at_the_top() -> None:
    faults = [
        f"{path.relative_to(SOURCE)}: {name}"
        for path in modules()
        if path.name not in LAZY and path.relative_to(SOURCE).parts[:2] != ("interfaces", "cli")
        for name, inner in imported(path)
        if inner
    ]
    allowed = {f for f in faults if f.startswith("models/lightgbm_fallback.py") or f.startswith("__init__.py")}
    assert set(faults) == allowed, "\n".join(sorted(set(faults) - allowed))


HEAVY = {"polars", "deltalake", "sklearn", "lightgbm", "pandas", "optuna"}


@pytest.mark.parametrize(
    "module", ["poise.serving.answer", "poise.interfaces.http.app", "poise.stores.memory", "poise.data.journal_writer"]
)
def test_answering_needs_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {HEAVY!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_import_of_poise_is_light() -> None:
    code = "import sys, poise; print(sorted(m for m in sys.modules if m in ('numpy', 'polars', 'pydantic', 'typer')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_no_vague_names() -> None:
    vague = {"util", "utils", "core", "common", "helpers", "helper", "manager", "misc"}
    assert not [p for p in modules() if p.stem in vague]
