"""What a system without `features:` has: the columns that callers send, as they stand.

So a plain table needs no second list of its columns. A list of `features:`, even an empty one, is the whole list.
"""

from __future__ import annotations

from poise import registry
from poise.spec.source_types import listed_by, position_feature, request_types
from poise.spec.system import FeatureEntry, SystemSpec


def entries(system: SystemSpec, per: str) -> tuple[FeatureEntry, ...]:
    """The entries of `features:` for the rows of `per`; where the file has none, one that takes all request columns."""
    if system.features is not None:
        return system.features
    sent = request_types(system.sources[per], system)
    if all(kind == "time" for kind in sent.values()):
        return ()
    spec = registry.get("feature", "columns").Spec.model_validate({"from": per, "take": "all"})
    return (FeatureEntry(kind="columns", spec=spec),)


def left_out(system: SystemSpec, per: str) -> list[str]:
    """The request columns that are no features by default: instants, which are none by themselves."""
    if system.features is not None:
        return []
    return [name for name, kind in request_types(system.sources[per], system).items() if kind == "time"]


def sentence(system: SystemSpec, per: str) -> str | None:
    """What was taken by default, for readers; None where the file lists its features."""
    if system.features is not None:
        return None
    source = system.sources[per]
    if source.request is None and listed_by(source, system) is not None:
        sent = ", ".join(request_types(source, system))
        also = "" if position_feature(system, per) is None else " and the position"
        return f"no features: in the file, so what callers send of '{per}' ({sent}){also} is all that models see"
    if source.request is None:
        return f"no features: in the file, and no request: in source '{per}' to take them from"
    without = left_out(system, per)
    rest = f", but not {', '.join(without)}: a time is no feature by itself" if without else ""
    return f"no features: in the file, so all request columns of '{per}' are features{rest}"


def by_default(system: SystemSpec, per: str) -> str | None:
    """`sentence` as a warning, where something that readers may expect is no feature."""
    said = sentence(system, per)
    expected = system.sources[per].request is None or left_out(system, per)
    return f"There are {said}." if said and expected else None
