"""Which columns the label of an objective is made of, so that no more of the lake is read."""

from __future__ import annotations

from poise.features.label_take import Take
from poise.spec.expression import parse
from poise.spec.objective import Label
from poise.spec.system import SystemSpec


def label_reads(system: SystemSpec, objective: str) -> dict[str, set[str]]:
    """Source -> columns that the labels of `objective` and of its parents (`given`) need, identities included."""
    spec = system.objectives[objective]
    source = spec.label.from_ or spec.per
    found: dict[str, set[str]] = {spec.per: set(), source: set()}
    found[source].update(_taken(spec.label))
    for theirs, own in _matched(spec.label).items():
        found[source].add(theirs)
        found[spec.per].add(own)
    for name, columns in found.items():
        declared = system.sources[name]
        columns.update(column for column in declared.identity if column != declared.time)
    if spec.given is not None:
        for name, columns in label_reads(system, spec.given).items():
            found.setdefault(name, set()).update(columns)
    return found


def _taken(label: Label) -> set[str]:
    texts = () if label.take is None else (label.take,) if isinstance(label.take, str) else label.take
    takes = [Take.read(text) for text in texts]
    names = {name for take in takes if take.text for name in parse(take.text).names}
    return {name.rpartition(".")[2] for name in names}  # `orders.value` is `value` of the label's source


def _matched(label: Label) -> dict[str, str]:
    """Column of the label's source -> column of the row."""
    if label.match is None:
        return {}
    return dict(label.match) if isinstance(label.match, dict) else {name: name for name in label.match}
