"""The sides of a list's features: what says something of the request, what of each item, and what of the two together.

Of one request many candidates are asked for. What only its own columns say is made once for all of them; what only the
item says is the same in the next request, and may be kept; the rest is made for every candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from poise.features.base import Feature
from poise.features.lookup import RowLookup

Step = Feature | RowLookup
Side = Literal["request", "item", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The steps of a plan by side, in order, and the side of everything that they read or make."""

    request: tuple[Step, ...]
    item: tuple[Step, ...]
    both: tuple[Step, ...]
    of: Mapping[str, Side]


def sides_of(steps: Sequence[Step], columns: Iterable[str], once: Iterable[str], item: str) -> Sides:
    """Which side each step is on.

    columns: what the request's rows say; once: those that are the same for all candidates; item: the one that says
    which item a candidate is. What is made of the item alone and does not hold until the store says otherwise counts as
    of both.
    """
    shared = frozenset(once)
    of: dict[str, Side] = {name: "request" if name in shared else "both" for name in columns}
    of[item] = "item"
    parts: dict[Side, list[Step]] = {"request": [], "item": [], "both": []}
    for step in steps:
        filled = step.fills & of.keys() if isinstance(step, Feature) else frozenset[str]()
        read = {of[name] for name in (*reads(step), *filled)}
        side: Side = "request" if read <= {"request"} else "item" if read <= {"item"} else "both"
        if side == "item" and step.holds() is None:
            side = "both"
        parts[side].append(step)
        of |= dict.fromkeys(makes(step), side)
    return Sides(tuple(parts["request"]), tuple(parts["item"]), tuple(parts["both"]), of)


def reads(step: Step) -> tuple[str, ...]:
    """The names that a step reads: columns of the request, look-ups, other features.

    >>> from poise.stores.base import RowDeclaration
    >>> from poise.features.base import Lookup
    >>> row = RowDeclaration("users", ("user",), ("city",))
    >>> city = RowLookup([Lookup("users", "city", ("user",), "users.city")], row)
    >>> reads(city), makes(city)
    (('user',), ('users.city',))
    """
    if isinstance(step, RowLookup):
        return step.by
    needs = step.needs
    return (*sorted(needs.request), *sorted(lookup.name for lookup in needs.lookups), *sorted(needs.features))


def makes(step: Step) -> tuple[str, ...]:
    """The names that a step gives values to."""
    if isinstance(step, RowLookup):
        return tuple(step.gives)
    return tuple(output.name for output in step.outputs)
