from __future__ import annotations
from poise.errors import SpecError
from poise.spec.system import SystemSpec
from poise.spec.yaml_text import KeyPath


def faults(system: SystemSpec) -> list[tuple[KeyPath, SpecError]]:
    return []
