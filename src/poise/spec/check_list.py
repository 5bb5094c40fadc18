"""Cross-checks of a decision with `list`: its columns, what callers send, `where`, `rule`, `explore`, its terms."""

from __future__ import annotations

from poise.errors import did_you_mean
from poise.spec.check_features import Carried
from poise.spec.check_terms import number_hint, objectives_in
from poise.spec.decision import Decision
from poise.spec.faults import Faults
from poise.spec.source import AllBut, ColumnType
from poise.spec.source_types import given_to_rows, why_not_sent
from poise.spec.yaml_text import KeyPath

_NAMES: tuple[ColumnType, ...] = ("string", "category", "int")
"""Types of columns that name something: an item, a list."""


def check_list_rows(faults: Faults, decision: Decision) -> None:
    """Note columns of `per`, which exists, that cannot be a list, its items or their positions, and wrong requests."""
    _columns(faults, decision)
    _position(faults, decision)
    _request(faults, decision)


def check_list(faults: Faults, decision: Decision) -> None:
    """Note terms that say nothing of an item, and costs of what is no term."""
    for term in decision.terms:
        _term(faults, decision, term)
    for term in (decision.explore and decision.explore.cost) or ():
        faults.one_of(("decision", "explore", "cost", term), term, decision.terms, "term")


def check_sorting(faults: Faults, decision: Decision, carried: Carried) -> None:
    """Note a `where` that is no condition, and a `rule` by which nothing can be sorted."""
    _where(faults, decision, carried)
    _rule(faults, decision, carried)


def _columns(faults: Faults, decision: Decision) -> None:
    """The list and the item are columns of the row that name something, and neither is what the row itself is."""
    source = faults.system.sources[decision.per]
    identity = source.id or source.key or ()
    for key, column in (("list", decision.list_), ("item", decision.item)):
        assert column is not None
        path: KeyPath = ("decision", key)
        kind = faults.column(path, decision.per, column)
        if kind is not None and kind not in _NAMES:
            faults.add(path, f"'{column}' is {kind}; {_a(key)} is one of {', '.join(_NAMES)}")
        if identity == (column,):
            what = "shows another item" if key == "item" else "is a list of its own"
            hint = f"name the column that {_MEANT[key]}"
            faults.add(path, f"'{column}' identifies the rows of '{decision.per}', so that each {what}", hint)
    if decision.item == decision.list_:
        faults.add(("decision", "item"), f"'{decision.item}' is the list as well; a list shows different items")


_MEANT = {"item": "says which item a row shows", "list": "rows of one list share"}


def _a(key: str) -> str:
    return f"{'an' if key == 'item' else 'a'} {key}"


def _position(faults: Faults, decision: Decision) -> None:
    """The position counts from 1, and is no other column of the decision."""
    column, path = decision.position, ("decision", "position")
    if column is None:
        return
    source = faults.system.sources[decision.per]
    kind = faults.column(path, decision.per, column)
    if kind is not None and kind != "int" and not (kind == "float" and column in source.derive):
        hint = f"declare {column}: int, or derive a number from it"
        faults.add(path, f"'{column}' is {kind}; a position is a whole number, 1 for the first place", hint)
    for key, other in (("list", decision.list_), ("item", decision.item)):
        if column == other:
            faults.add(path, f"'{column}' is the {key} as well; the position says where in the list the item was")
    spec = source.columns.get(column)
    lowest = [] if spec is None else [spec.min, *(v for v in spec.values or () if not isinstance(v, str))]
    if any(value is not None and value < 1 for value in lowest):
        hint = f"where the file counts from 0, derive place: {column} + 1 and write position: place"
        faults.add(path, f"'{column}' may be {min(v for v in lowest if v is not None):g}; places count from 1", hint)


def _request(faults: Faults, decision: Decision) -> None:
    """Callers send the item, and nothing that Poise gives to the rows of an answer."""
    source = faults.system.sources[decision.per]
    if source.request is None:
        return
    path: KeyPath = ("sources", decision.per, "request")
    left_out = isinstance(source.request, AllBut)
    if decision.item in faults.types[decision.per] and decision.item not in faults.sent(decision.per):
        hint = f"take '{decision.item}' out of except:" if left_out else f"add '{decision.item}' to it"
        faults.add(path, f"callers send one '{decision.item}' per candidate, as it is the decision's item", hint)
    for column in () if isinstance(source.request, AllBut) else source.request:
        if column in given_to_rows(source, faults.system, decision):
            why, hint = why_not_sent(source, faults.system, column)
            faults.add(path, f"'{column}' cannot be sent: it {why}", f"take it out; {hint}")


def _term(faults: Faults, decision: Decision, term: str) -> None:
    """A term of an item is one expression."""
    path: KeyPath = ("decision", "terms", term)
    spec = decision.terms[term]
    if spec.actions:
        came = ", ".join(f"'{action}'" for action in spec.actions)
        why = f"the term '{term}' says what {came} is worth, and this decision lists items"
        faults.add(path, why, f"write {term}: {{is: EXPRESSION, unit: UNIT}}; actions go with 'choose'")
    elif spec.is_ is None:
        faults.add(path, f"the term '{term}' does not say what an item is worth", "write is: EXPRESSION")


def _where(faults: Faults, decision: Decision, carried: Carried) -> None:
    text, path = decision.where, ("decision", "where")
    if text is None or not _before_predicting(faults, path, text):
        return
    found = carried.expression(path, text, decision.per, {})
    if found not in (None, "bool"):
        hint = f"compare it, e.g. {text} > 0" if found == "number" else "compare it"
        faults.add(path, f"'{text}' is a {found}; 'where' is true or false", hint)


def _rule(faults: Faults, decision: Decision, carried: Carried) -> None:
    text, path = decision.rule, ("decision", "rule")
    if text is None or not _before_predicting(faults, path, text):
        return
    parsed = faults.parsed(text)
    if parsed is not None and not parsed.names:
        faults.add(path, f"'{text}' is the same for every item, and so sorts nothing", _sorted_by(decision, carried))
        return
    found = carried.expression(path, text, decision.per, {})
    if found not in (None, "number", "bool"):
        hint = number_hint(text, found) or _sorted_by(decision, carried)
        faults.add(path, f"'{text}' is a {found}; items are sorted by a number, the largest first", hint)


def _before_predicting(faults: Faults, path: KeyPath, text: str) -> bool:
    """Whether an expression does without predictions; noted if not."""
    used = objectives_in(faults, text)
    for name, _, _ in used:
        why = f"'{name}' is predicted, and '{path[-1]}' is known before anything is"
        faults.add(path, why, "use columns and features; what is predicted goes into terms")
    return not used


def _sorted_by(decision: Decision, carried: Carried) -> str:
    """What one could sort by: a number among the features that looks like popularity, else the words for it."""
    numbers = [name for name, kind in carried.names(decision.per).items() if kind == "number"]
    counts = [name for name in numbers if "_count_" in name]
    return f"e.g. rule: {(counts or numbers)[0]}" if numbers else did_you_mean("", numbers)
