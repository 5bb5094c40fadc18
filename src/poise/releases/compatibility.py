"""What changed between two contracts, and whether a caller who knows only the old one still gets along.

Compatible are a new optional input, a wider domain, a new output field. Breaking are a required input, a narrower
domain, a removed output, a changed unit or scale, a new action, a longer list. What cannot be shown to be wider
(another pattern) counts as narrower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from poise.releases.contract import Contract, Input, Output, TermOutput

Kind = Literal["compatible", "breaking"]
_STRINGS = frozenset({"string", "category", "text"})


@dataclass(frozen=True, slots=True)
class Change:
    """One change, of `field`, in a sentence."""

    kind: Kind
    field: str
    sentence: str


def compare(old: Contract, new: Contract) -> list[Change]:
    """Every change from `old` to `new`, the breaking ones first.

    >>> old = Contract("shop", (Input("price", "float", min=0.0, per="sales"),))
    >>> new = Contract("shop", (Input("price", "float", min=1.0, per="sales"),))
    >>> compare(old, new)
    [Change(kind='breaking', field='sales.price', sentence='its smallest value was 0 and is now 1')]
    """
    changes = [*_inputs(old, new), *_outputs(old, new), *_decisions(old, new)]
    if old.system != new.system:
        changes.append(_breaking("system", f"it was {old.system} and is now {new.system}"))
    return sorted(changes, key=lambda change: (change.kind != "breaking", change.field))


def _breaking(field: str, sentence: str) -> Change:
    return Change("breaking", field, sentence)


def _compatible(field: str, sentence: str) -> Change:
    return Change("compatible", field, sentence)


def _inputs(old: Contract, new: Contract) -> Iterator[Change]:
    before = {f"{i.per}.{i.name}": i for i in old.inputs}
    after = {f"{i.per}.{i.name}": i for i in new.inputs}
    for field in before.keys() - after.keys():
        yield _breaking(field, "it may no longer be sent")
    for field, spec in after.items():
        if field in before:
            for kind, sentence in _domain(before[field], spec):
                yield Change(kind, field, sentence)
        elif spec.required:
            yield _breaking(field, "it is new and must be sent")
        else:
            yield _compatible(field, "it is new and may be left out")


def _domain(old: Input, new: Input) -> Iterator[tuple[Kind, str]]:
    """What a caller may send for one input, before and after."""
    yield from _types(old, new)
    yield from _flag(old.required, new.required, "it must now be sent", "it may now be left out")
    yield from _flag(not old.nullable, not new.nullable, "it may no longer be null", "it may now be null")
    yield from _bound(old.min, new.min, "smallest", sign=1)
    yield from _bound(old.max, new.max, "largest", sign=-1)
    yield from _values(old, new)
    if old.pattern != new.pattern:
        if new.pattern is None:
            yield "compatible", "it need no longer match a pattern"
        else:
            yield "breaking", f"it must now match {new.pattern}"
    if old.timezone != new.timezone and old.type == new.type:
        yield "breaking", f"times without a zone were read in {old.timezone} and are now in {new.timezone}"


def _types(old: Input, new: Input) -> Iterator[tuple[Kind, str]]:
    if old.type == new.type or {old.type, new.type} <= _STRINGS:  # the three kinds of strings are one to a caller
        return
    wider = (old.type, new.type) == ("int", "float")
    yield "compatible" if wider else "breaking", f"it was of type {old.type} and is now {new.type}"


def _flag(old: bool, new: bool, set_now: str, lifted: str) -> Iterator[tuple[Kind, str]]:
    """A constraint that is set is breaking, one that is lifted compatible."""
    if old != new:
        yield ("breaking", set_now) if new else ("compatible", lifted)


def _bound(old: float | None, new: float | None, which: str, sign: int) -> Iterator[tuple[Kind, str]]:
    if old == new:
        return
    narrower = new is not None and (old is None or sign * new > sign * old)
    shown = ["not bounded" if v is None else f"{v:g}" for v in (old, new)]
    yield "breaking" if narrower else "compatible", f"its {which} value was {shown[0]} and is now {shown[1]}"


def _values(old: Input, new: Input) -> Iterator[tuple[Kind, str]]:
    before, after = old.values, new.values
    if after is None:
        if before is not None:
            yield "compatible", "it may now have any value"
        return
    if before is None:
        yield "breaking", f"it must now be one of {_some(after)}"
        return
    if gone := [v for v in before if v not in after]:
        yield "breaking", f"it may no longer be {_some(gone)}"
    if added := [v for v in after if v not in before]:
        yield "compatible", f"it may now also be {_some(added)}"


def _some(values: Sequence[object]) -> str:
    return ", ".join(str(v) for v in values[:5]) + (f" and {len(values) - 5} more" if len(values) > 5 else "")


def _outputs(old: Contract, new: Contract) -> Iterator[Change]:
    was, now = old.unless_said, new.unless_said
    if was not in (None, now) and old.decides_on is None:  # that decisions are on other rows is said of the decision
        yield _breaking("per", f"rows without it were of {was} and are now {f'of {now}' if now else 'refused'}")
    before, after = {o.name: o for o in old.outputs}, {o.name: o for o in new.outputs}
    for name in before.keys() - after.keys():
        yield _breaking(name, "it is no longer predicted")
    for name, output in after.items():
        if name in before:
            yield from _output(before[name], output)
        else:
            yield _compatible(name, "it is predicted too")


def _output(old: Output, new: Output) -> Iterator[Change]:
    if old.per != new.per:
        yield _breaking(new.name, f"it was predicted for rows of {old.per} and is now for rows of {new.per}")
    if old.type != new.type:
        yield _breaking(new.name, f"it was {old.type} and is now {new.type}")
        return
    if old.unit != new.unit:
        yield _breaking(new.name, _unit(old.unit, new.unit))
    if gone := [c for c in old.classes if c not in new.classes]:
        yield _breaking(new.name, f"it no longer has the class {_some(gone)}")
    if added := [c for c in new.classes if c not in old.classes]:
        # Classes exclude each other: whoever takes the likeliest may get one they do not know. Labels stand alone.
        kind: Kind = "breaking" if new.type == "multi-class" else "compatible"
        yield Change(kind, new.name, f"it now has the class {_some(added)}")


def _unit(old: str | None, new: str | None) -> str:
    return f"its unit was {old or 'not given'} and is now {new or 'not given'}"


def _decisions(old: Contract, new: Contract) -> Iterator[Change]:
    if old.decides_on is None:
        if new.decides_on is not None:
            yield _compatible("decision", f"decisions on rows of {new.decides_on} can be asked for")
        return
    if new.decides_on != old.decides_on:
        now = "no longer" if new.decides_on is None else f"now for rows of {new.decides_on}, no longer"
        yield _breaking("decision", f"decisions are {now} for rows of {old.decides_on}")
        return
    if (old.item is None) != (new.item is None):
        now = "choose one of the actions" if new.item is None else "list items"
        yield _breaking("decision", f"decisions now {now}: requests and answers have another form")
        return
    if old.price != new.price:
        shown = [price or "no input" for price in (old.price, new.price)]
        yield _breaking("decision.price", f"decisions set {shown[0]} and now set {shown[1]}")
    yield from _lists(old, new)
    for action in old.actions:
        if action not in new.actions:
            yield _breaking(f"decision.{action}", "this action is no longer offered")
    for action in new.actions:
        if action not in old.actions:
            yield _breaking(f"decision.{action}", "this action is new: callers do not know how to carry it out")
    yield from _terms({t.name: t for t in old.terms}, {t.name: t for t in new.terms})


def _lists(old: Contract, new: Contract) -> Iterator[Change]:
    """What lists are of and how long they are: callers who have room for so many items have none for more."""
    if old.item != new.item:
        yield _breaking("decision.item", f"the item was {old.item} and is now {new.item}")
    if old.show is not None and new.show is not None and old.show != new.show:
        kind: Kind = "breaking" if new.show > old.show else "compatible"
        yield Change(kind, "decision.show", f"at most {old.show:,} items were shown and are now {new.show:,}")


def _terms(old: dict[str, TermOutput], new: dict[str, TermOutput]) -> Iterator[Change]:
    for name in old.keys() - new.keys():
        yield _breaking(f"decision.{name}", "this term is no longer reported")
    for name, term in new.items():
        if name not in old:
            yield _compatible(f"decision.{name}", "this term is reported too")
        elif old[name].unit != term.unit:
            yield _breaking(f"decision.{name}", _unit(old[name].unit, term.unit))
