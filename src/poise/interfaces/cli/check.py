"""`poise check`: is the system file valid, and what does it describe?"""

from __future__ import annotations

from poise.features.plan import FeaturePlan
from poise.interfaces.cli.terminal import FILE, FileOption, JsonOption, print_json, say
from poise.interfaces.system import System
from poise.spec.default_features import sentence


def check(file: FileOption = FILE, as_json: JsonOption = False) -> None:
    """Say what is wrong with the system file, all of it at once; else what the file describes."""
    system = System.read(file).spec
    pers = dict.fromkeys(objective.per for objective in system.objectives.values())
    features = {per: [output.name for output in FeaturePlan.of(system, per).outputs] for per in pers}
    if as_json:
        print_json(
            {"system": system.system, "valid": True, "objectives": list(system.objectives), "features": features}
        )
        return
    say(f"{file} is valid: {system.system}. {system.purpose}", "green")
    kinds = ", ".join(f"{name} ({source.kind})" for name, source in system.sources.items())
    say(f"  sources       {kinds}")
    for per, names in features.items():
        said = sentence(system, per)
        say(f"  features      {len(names)} for each row of {per}" + (f": {said}" if said else ""))
    for name, objective in system.objectives.items():
        say(f"  objective     {name}: {objective.type}, per row of {objective.per}")
    if system.decision:
        say(f"  decision      {', '.join(system.decision.choose)} by {', '.join(system.decision.terms)}")
    owners = ", ".join(dict.fromkeys(r.who for r in system.requirements)) or "nobody"
    say(f"  requirements  {len(system.requirements)}, owned by {owners}")
