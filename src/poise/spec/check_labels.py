"""Cross-checks of labels: where the truth comes from, how it is matched, what is taken, and that it is not sent."""

from __future__ import annotations

from poise.spec.aggregate import aggregate_of
from poise.spec.expression import Expression, Type, type_of
from poise.spec.faults import Faults
from poise.spec.objective import Label, Objective
from poise.spec.yaml_text import KeyPath

_ALLOWED: dict[str, tuple[Type, ...]] = {
    "binary": ("bool", "number"),
    "regression": ("number", "bool"),
    "multi-class": ("string", "number", "bool"),
    "multi-label": ("bool", "number"),
}


def check_label(faults: Faults, path: KeyPath, objective: Objective) -> None:
    """Note what is wrong with the label of an objective whose `per` exists."""
    label = objective.label
    if label.from_ is not None and not faults.one_of((*path, "from"), label.from_, faults.system.sources, "source"):
        return
    _match(faults, path, objective)
    _within(faults, path, objective)
    takes = _takes(label)
    _shape(faults, path, objective, takes)
    for place, text in takes:
        _take(faults, (*path, *place), text, objective)


def _takes(label: Label) -> list[tuple[KeyPath, str]]:
    if label.take is None:
        return []
    if isinstance(label.take, str):
        return [(("take",), label.take)]
    return [(("take", index), text) for index, text in enumerate(label.take)]


def _match(faults: Faults, path: KeyPath, objective: Objective) -> None:
    label = objective.label
    if label.from_ is None:
        if label.match is not None:
            faults.add((*path, "match"), "'match' goes with 'from'; without it the label is in the row itself")
        return
    if not label.match:
        hint = f"columns that '{label.from_}' and '{objective.per}' both have"
        faults.add(path, f"a label from '{label.from_}' needs 'match'", hint)
        return
    pairs = label.match if isinstance(label.match, dict) else {name: name for name in label.match}
    for theirs, ours in pairs.items():
        kinds = [
            faults.column((*path, "match"), source, column)
            for source, column in ((label.from_, theirs), (objective.per, ours))
        ]
        if None not in kinds and type_of(kinds[0]) != type_of(kinds[1]):  # type: ignore[arg-type]
            message = f"'{theirs}' of '{label.from_}' is {kinds[0]}, '{ours}' of '{objective.per}' {kinds[1]}"
            faults.add((*path, "match"), f"{message}: they never match")


def _within(faults: Faults, path: KeyPath, objective: Objective) -> None:
    label, timed = objective.label, faults.is_timed(objective.per)
    if label.within < 0:
        faults.add((*path, "within"), "a duration of 0 or more is needed")
    if label.within and not timed:
        faults.add((*path, "within"), f"'within' counts from a row's time, and '{objective.per}' declares none")
    if label.from_ is not None and faults.system.sources[label.from_].time is not None and not timed:
        why = f"'{label.from_}' has times, but the rows of '{objective.per}' have none to compare them with"
        faults.add((*path, "from"), why, f"declare sources.{objective.per}.time")


def _shape(faults: Faults, path: KeyPath, objective: Objective, takes: list[tuple[KeyPath, str]]) -> None:
    """How many things are taken, and whether they are to be split."""
    label, many = objective.label, isinstance(objective.label.take, tuple)
    if label.split is not None and (objective.type != "multi-label" or many):
        faults.add((*path, "split"), "'split' goes with a multi-label objective that takes one text column")
    if label.split == "":
        faults.add((*path, "split"), "a separator is needed, e.g. ','")
    if not takes:
        if many:
            faults.add((*path, "take"), "an empty list takes nothing")
        elif label.from_ is None:
            faults.add(path, "a label in the row itself needs 'take': a column, or an expression over its columns")
        elif objective.type != "binary":
            faults.add(path, f"a {objective.type} label needs 'take': a column of '{label.from_}', or an expression")
    elif many and objective.type != "multi-label":
        faults.add(
            (*path, "take"), f"a list of {len(takes)} makes a multi-label objective; this one is {objective.type}"
        )
    elif objective.type == "multi-label" and label.split is None and len(takes) < 2:
        hint = "take a list of columns, or one text column with 'split'"
        faults.add((*path, "take"), "a multi-label objective needs several labels", hint)


def _take(faults: Faults, path: KeyPath, text: str, objective: Objective) -> None:
    source = objective.label.from_ or objective.per
    names = faults.names_of(source)
    names |= {f"{source}.{name}": kind for name, kind in names.items()}
    aggregate, inner = aggregate_of(text)
    if aggregate is not None and (objective.label.from_ is None or isinstance(objective.label.take, tuple)):
        where = "a label in the row itself" if objective.label.from_ is None else "a list"
        faults.add(path, f"{aggregate} is taken over matched rows; {where} has none")
        return
    if aggregate == "count":
        return
    found = faults.expression(path, inner, names, untyped=faults.untyped[source])
    if found is None:
        return
    expression, kind = found
    allowed = ("string",) if objective.label.split is not None else _ALLOWED[objective.type]
    if aggregate is not None:
        allowed = ("number", "bool")
    if kind not in allowed:
        faults.add(path, f"'{inner}' is a {kind}; {_needs(objective, aggregate)}", _hint(inner, kind, objective))
    elif not expression.names:
        faults.add(path, f"'{text}' is the same in every row; there is nothing to learn")
    else:
        _leak(faults, path, expression, objective)


def _needs(objective: Objective, aggregate: str | None) -> str:
    if aggregate is not None:
        return f"{aggregate} is taken of numbers"
    if objective.label.split is not None:
        return "'split' needs text"
    return {
        "binary": "a binary label is true or false (or 1 or 0)",
        "regression": "a regression learns a number",
        "multi-class": "a class is a word or a number",
        "multi-label": "each label of a list is true or false (or 1 or 0)",
    }[objective.type]


def _hint(text: str, kind: Type, objective: Objective) -> str | None:
    if kind == "duration":
        return f"divide it: ({text}) / 1min"
    if kind == "string" and objective.type in ("binary", "multi-label"):
        return f"compare it, e.g. {text} == 'yes'"
    if kind == "string" and objective.type == "regression":
        return f"number({text}) reads a number out of text; classes are of type multi-class"
    return None


def _same_row(faults: Faults, objective: Objective) -> bool:
    """Whether the label is read off the row that is asked about: itself, or the same one under another source."""
    label, own = objective.label, faults.system.sources[objective.per]
    if label.from_ is None:
        return True
    ours = set(label.match.values() if isinstance(label.match, dict) else label.match or ())
    same_file = label.from_ != objective.per and faults.system.sources[label.from_].path == own.path
    return same_file and bool(own.id) and ours >= set(own.id or ())


def _leak(faults: Faults, path: KeyPath, expression: Expression, objective: Objective) -> None:
    """Note a label that is made of nothing but what callers send is known when they ask."""
    names = {name.rpartition(".")[2] for name in expression.names}
    if names and names <= set(faults.sent(objective.per)) and _same_row(faults, objective):
        listed = ", ".join(f"'{name}'" for name in sorted(names))
        hint = f"take {listed} out of request: of '{objective.per}'"
        faults.add(path, f"the label is made of {listed}, which callers send: it would be its own feature", hint)
