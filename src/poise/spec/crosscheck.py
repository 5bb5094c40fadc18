"""Cross-checks: whether the parts of a system file fit together. Every fault is told, each with the path of its key."""

from __future__ import annotations

from poise.errors import SpecError
from poise.spec.check_columns import check_zone
from poise.spec.check_decision import check_decided_rows, check_decision
from poise.spec.check_features import Carried, check_used
from poise.spec.check_monitoring import check_monitoring
from poise.spec.check_objectives import check_objectives, check_parts
from poise.spec.check_requirements import check_requirements
from poise.spec.check_rollout import check_rollout
from poise.spec.check_sources import check_sources
from poise.spec.check_updates import check_updates
from poise.spec.faults import Faults
from poise.spec.system import SystemSpec
from poise.spec.yaml_text import KeyPath


def check(system: SystemSpec) -> list[SpecError]:
    """What does not fit, in the order of the checks; `where` of each is the dotted path of its key."""
    return [error for _, error in faults(system)]


def faults(system: SystemSpec) -> list[tuple[KeyPath, SpecError]]:
    """As `check`, with the paths as tuples, so that a reader can find line and column.

    Features are bound only to sources and objectives that are sound, and to the rows that are decided on: a kind may
    rely on all of them.
    """
    found = Faults(system)
    _whole(found)
    check_sources(found)
    check_objectives(found)
    check_decided_rows(found)
    carried = None
    if not found.found:
        carried = Carried(found)
        carried.bind()
        carried = None if found.found else carried
    if carried is not None:
        check_used(found, carried)
    check_decision(found, carried)
    check_requirements(found, carried)
    check_monitoring(found, carried)
    check_rollout(found)
    check_updates(found)
    return found.found


def _whole(found: Faults) -> None:
    system = found.system
    check_zone(found, ("timezone",), system.timezone)
    check_parts(found)
    if not system.purpose.strip():
        found.add(("purpose",), "a sentence is needed: what the business wants")
    if system.clock == "replay" and all(source.time is None for source in system.sources.values()):
        found.add(("clock",), "'replay' is moved by event times, and no source has a 'time'")
