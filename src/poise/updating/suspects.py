"""What is held back and what judges: documents that stay until a person says otherwise.

A suspect is a document of the kind `suspect`: which rows, why, what learning from them would do, and whether they are
`held` or a person let them in (`cleared`). The trusted block that was sampled, where the file declares none, is one of
the kind `trusted`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poise.data.person import Person
from poise.errors import StateError, UsageError, did_you_mean
from poise.releases.forgetting import unnamed
from poise.releases.learn_from import LeftOut
from poise.stores.state_base import DocumentRow, Documents
from poise.updating.guard import Suspect

KIND, TRUSTED = "suspect", "trusted"
BLOCK = "block"
"""The name of the document with the trusted block."""
_STATES = {"held": "held back already", "cleared": "not held back: a person let it in"}
SLICES, ONE_IN = 40, 3
"""A known-good time is cut in so many slices, of which one in so many judges."""


@dataclass(frozen=True, slots=True)
class Held:
    """One suspect as it is kept: s1, s2, …; at: when it was last written (microseconds)."""

    name: str
    at: int
    state: str
    left_out: LeftOut
    reasons: tuple[str, ...]
    rows: int
    impact: Mapping[str, Any]

    @classmethod
    def of(cls, row: DocumentRow) -> Held:
        """As the state database has it."""
        value = dict(row.value)
        which = dict(value["left_out"])
        which["values"] = tuple(which["values"])
        reasons = tuple(value["reasons"])
        return cls(row.name, row.at, value["state"], LeftOut(**which), reasons, int(value["rows"]), value["impact"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        left = self.left_out.to_dict()
        return {"name": self.name, "at": self.at, "state": self.state, "rows": self.rows, "left_out": left,
                "reasons": list(self.reasons), "impact": dict(self.impact)}  # fmt: skip


def suspects(state: Documents) -> list[Held]:
    """All suspects, the oldest first."""
    return [Held.of(row) for row in state.documents(KIND)]


def held_back(state: Documents) -> tuple[LeftOut, ...]:
    """What nothing is learned from: suspects that are held, and the trusted block that was sampled."""
    return (*(one.left_out for one in suspects(state) if one.state == "held"), *sampled(state))


def cleared(state: Documents) -> set[tuple[str, str, str]]:
    """(source, column, level) that a person let in."""
    let_in = [one.left_out for one in suspects(state) if one.state == "cleared"]
    return {(one.source, one.column or "", level) for one in let_in for level in one.values}


def hold(state: Documents, found: Sequence[Suspect], who: str, people: Collection[tuple[str, str]] = ()) -> list[Held]:
    """Keep suspects whose rows are held back, each with its line in the history, which is never changed and so names
    nobody who may want to be forgotten. people: (source, column) that say whose rows are."""
    known = suspects(state)
    out: list[Held] = []
    for one in found:
        if one.held:
            name = f"s{len(known) + len(out) + 1}"
            value = {**one.to_dict(), "state": "held"}
            why = "; ".join(one.reasons[:3]) or one.left_out.sentence
            if (one.left_out.source, one.left_out.column) in people:
                count = len(one.left_out.values)
                why = f"{one.rows:,} rows of {count} {one.left_out.column}: see poise suspects {name}"
            row = state.put_document(
                KIND, name, value, expected=0, act="hold back", why=why, who=who, details={"rows": one.rows}
            )
            out.append(Held.of(row))
    return out


def let_in(state: Documents, name: str, why: str, who: str | None) -> Held:
    """Learn from a suspect's rows again, from the next training on. Raises `UsageError` where there is no such suspect,
    `StateError` where it is not held, `Stale` where somebody else decided in the meantime."""
    return _decided(state, name, "held", "cleared", "let in", why, who)


def hold_on(state: Documents, name: str, why: str, who: str | None) -> Held:
    """Hold back again what a person let in. Raises as `let_in` does, `StateError` where it is held."""
    return _decided(state, name, "cleared", "held", "hold back", why, who)


def _decided(state: Documents, name: str, now: str, then: str, act: str, why: str, who: str | None) -> Held:
    """A suspect that was `now` and is `then`, with the line of the history."""
    row = state.document(KIND, name)
    if row is None:
        names = [one.name for one in state.documents(KIND)]
        raise UsageError(f"there is no suspect '{name}'", hint=did_you_mean(name, names) or "see: poise suspects")
    if row.value["state"] != now:
        raise StateError(f"{name} is {_STATES[row.value['state']]}", hint=f"see: poise suspects {name}")
    value = {**row.value, "state": then}
    return Held.of(state.put_document(KIND, name, value, expected=row.version, act=act, why=why, who=who))


def forget_suspects(state: Documents, person: Person) -> None:
    """Take a person's name out of all suspects and what is said of them."""
    for row in state.documents(KIND):
        group = row.value["left_out"]
        theirs = person.columns.get(group["source"]) == group["column"]
        value = unnamed(row.value, replace(person, text=True) if theirs else person)
        if value != row.value:
            state.put_document(KIND, row.name, value, expected=row.version)


def sampled(state: Documents) -> tuple[LeftOut, ...]:
    """The trusted block that was sampled; empty where none was."""
    row = state.document(TRUSTED, BLOCK)
    if row is None:
        return ()
    why = "trusted, so that they judge"
    return tuple(LeftOut(per, since=since, until=until, why=why) for per, since, until in row.value["spans"])


def sample(state: Documents, spans: Mapping[str, tuple[int, int]], who: str) -> tuple[LeftOut, ...]:
    """Take a part of a known-good time as the trusted block, for good: of each span (source -> since, until in
    microseconds) one in `ONE_IN` of `SLICES` slices, so that it is not one moment that judges."""
    found = []
    for per, (since, until) in spans.items():
        edges = [since + (until - since) * at // SLICES for at in range(SLICES + 1)]
        found += [[per, edges[at], edges[at + 1]] for at in range(0, SLICES, ONE_IN)]
    state.put_document(
        TRUSTED, BLOCK, {"spans": found}, expected=0, act="trust", who=who, details={"slices": len(found)},
        why="sampled from the rows that the first live release was judged on: they judge what is new",
    )  # fmt: skip
    return sampled(state)
