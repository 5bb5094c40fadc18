"""docs/spec.md is in step: its systems read, its tables name every key, its functions are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from poise import registry
from poise.spec.decision import Decision, Explore
from poise.spec.functions import FUNCTIONS
from poise.spec.metric_name import SERVING
from poise.spec.monitoring import Monitoring
from poise.spec.objective import Label, Objective
from poise.spec.reading import read_text
from poise.spec.record import Record
from poise.spec.requirement import Requirement
from poise.spec.rollout import Guardrails, Hold, Rollout
from poise.spec.schema import json_schema
from poise.spec.source import ColumnSpec, Source
from poise.spec.system import SystemSpec
from poise.spec.units import DURATIONS
from poise.spec.updates import Trusted, Updates
from poise.spec.yaml_text import load

PAGE = (Path(__file__).parents[2] / "docs" / "spec.md").read_text()
SYSTEMS = re.findall(r"```yaml\n(format: 1\n.*?)```", PAGE, re.DOTALL)
SECTIONS: list[tuple[str, type[Record]]] = [
    ("## Top level", SystemSpec),
    ("## Sources", Source),
    ("### Columns", ColumnSpec),
    ("## Objectives", Objective),
    ("### Labels", Label),
    ("## Decision", Decision),
    ("### Exploration", Explore),
    ("## Requirements", Requirement),
    ("## Monitoring", Monitoring),
    ("## Rollout", Rollout),
    ("### Hold", Hold),
    ("### Guardrails", Guardrails),
    ("## Updates", Updates),
    ("### Trusted rows", Trusted),
]


@pytest.mark.parametrize("text", SYSTEMS, ids=lambda text: text.split("system: ")[1].split("\n")[0])
def test_the_systems_are_valid(text: str) -> None:
    system = read_text(text)
    assert system.objectives


def test_every_problem_type_has_an_example() -> None:
    assert len(SYSTEMS) == 6
    types = {objective.type for text in SYSTEMS for objective in read_text(text).objectives.values()}
    assert types == {"binary", "regression", "multi-class", "multi-label"}


@pytest.mark.parametrize(("heading", "record"), SECTIONS, ids=lambda value: getattr(value, "__name__", None))
def test_every_key_of_a_record_has_its_row(heading: str, record: type[Record]) -> None:
    section = PAGE.split(f"\n{heading}\n")[1]
    table = section.split("| key | meaning | default |\n")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert rows == [field.alias or name for name, field in record.model_fields.items()]


def test_the_functions_are_those_of_the_code() -> None:
    table = PAGE.split("| function | gives |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    assert table == [f"| `{function.usage(name)}` | {function.does} |" for name, function in FUNCTIONS.items()]


def test_kinds_metrics_and_units_are_all_named() -> None:
    for kind in registry.names("feature"):
        assert f"| `{kind}: " in PAGE
    for metric in (*SERVING, *(f".{name}" for name in registry.names("metric"))):
        assert f"{metric}`" in PAGE
    for unit in DURATIONS:
        assert re.search(rf"units .*\b{unit}\b", PAGE)


def test_the_schema_knows_the_keys_of_the_examples() -> None:
    known = set(json_schema()["properties"])
    for text in SYSTEMS:
        assert set(load(text, "f").content) <= known


def test_the_python_example_runs() -> None:
    code = PAGE.split("## From Python")[1].split("```python\n")[1].split("```")[0].split("'log'\n")[1]
    *lines, last = code.strip().splitlines()
    room: dict[str, object] = {}
    exec("\n".join(lines), room)
    call, expected = last.split("   # ")
    assert str(eval(call, room)) == expected
