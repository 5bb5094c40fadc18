"""`poise check`: is the system file valid, and what does it describe? `poise check skew`: did answers see what the lake
says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from poise.errors import UsageError, did_you_mean
from poise.features.plan import FeaturePlan
from poise.interfaces.cli.check_skew import check_skew
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System
from poise.monitoring.skew import MOST
from poise.spec.default_features import sentence
from poise.spec.in_words import decision_lines
from poise.spec.source_types import request_types
from poise.spec.system import SystemSpec

Instant = Annotated[
    str | None, typer.Option(metavar="TIME", help="skew: T, as ISO 8601, local where it has no offset.")
]


def check(
    what: Annotated[
        str | None, typer.Argument(help="skew: did answers see what the lake says? Default: the file.")
    ] = None,
    since: Instant = None,
    until: Instant = None,
    release: Annotated[str | None, typer.Option("--release", help="skew: only answers of this release.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help=f"skew: the newest so many answers; {MOST:,}.")
    ] = None,
    file: FileOption = FILE,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with the system file, all of it at once; else what the file describes.

    With 'skew': compute the features that answers were made from again from the lake; end with 4 where any disagrees.
    """
    if what == "skew":
        check_skew(System.read(file), since, until, release, limit or MOST, as_json)
        return
    if what is not None:
        raise UsageError(f"there is no check '{what}'", hint=did_you_mean(what, ["skew"]))
    if any(given is not None for given in (since, until, release, limit)):
        raise UsageError("--since, --until, --release and --limit are options of 'poise check skew'")
    check_file(file, as_json)


def check_file(file: Path, as_json: bool) -> None:
    """Say what the file describes."""
    system = System.read(file).spec
    pers = dict.fromkeys(objective.per for objective in system.objectives.values())
    features = {per: [output.name for output in FeaturePlan.of(system, per).outputs] for per in pers}
    if as_json:
        described: dict[str, Any] = {"system": system.system, "valid": True, "objectives": list(system.objectives)}
        sent = {per: list(request_types(system.sources[per], system)) for per in pers}
        print_json({**described, "features": features, "request": sent, "decision": _decision_json(system)})
        return
    say(f"{file} is valid: {system.system}. {system.purpose}", "green")
    kinds = ", ".join(f"{name} ({source.kind})" for name, source in system.sources.items())
    say(f"  sources       {kinds}")
    for per, names in features.items():
        said = sentence(system, per)
        say(f"  features      {len(names)} for each row of {per}" + (f": {said}" if said else ""))
    for name, objective in system.objectives.items():
        say(f"  objective     {name}: {objective.type}, per row of {objective.per}")
    for number, line in enumerate(decision_lines(system)):
        say(f"  {'' if number else 'decision':14}{line}")
    owners = ", ".join(dict.fromkeys(r.who for r in system.requirements)) or "nobody"
    say(f"  requirements  {len(system.requirements)}, owned by {owners}")


def _decision_json(system: SystemSpec) -> dict[str, Any] | None:
    decision = system.decision
    if decision is None:
        return None
    what: dict[str, Any] = {"choose": list(decision.actions)}
    if decision.lists:
        what = {"list": decision.list_, "item": decision.item, "show": decision.show}
    return {"per": decision.per, **what, "terms": {name: term.unit for name, term in decision.terms.items()}}
