"""What is remembered of findings between looks: since when they are known, whether somebody was told, what is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from poise.clock import Clock
from poise.monitoring.finding import Finding
from poise.stores.state import State
from poise.stores.state_base import DocumentRow

KIND = "finding"
LOOK = "look"
MOST = 1_000
"""Findings that are remembered; of more the ones that ended first are forgotten."""
_LONGEST = 110


@dataclass(frozen=True, slots=True)
class Remembered:
    """A finding that asked for attention: when it was first and last seen (microseconds), whether the webhook was told,
    and whether it is over."""

    first: int
    last: int
    level: str
    told: bool = False
    over: bool = False


def remember(
    state: State, findings: Mapping[str, Finding], release: str, *, told: bool = False
) -> dict[str, Remembered]:
    """Note alarms and notices by their key, and that those are over which are fine now; what is known of each.

    An alarm that begins or ends is a line of the history. told: the webhook was told of all alarms among them.
    """
    now, known = Clock().now(), {row.name: row for row in state.documents(KIND)}
    out = {}
    for key, finding in findings.items():
        row = known.get(_name(key))
        before = None if row is None else _read(row)
        if finding.level in ("alarm", "notice"):
            out[key] = _noted(state, key, finding, before, now, release, told)
        elif before is not None and not before.over and finding.level == "fine":
            ended = asdict(Remembered(before.first, now, finding.level, told=False, over=True))
            act = "alarm over" if before.level == "alarm" else None
            state.put_document(KIND, _name(key), {**ended, "key": key}, act=act, why=finding.what)
    _forget(state)
    return out


def _noted(
    state: State, key: str, finding: Finding, before: Remembered | None, now: int, release: str, told: bool
) -> Remembered:
    again = before is not None and not before.over
    alarm = finding.level == "alarm"
    first = before.first if again and before is not None else now
    was_told = again and before is not None and before.told and before.level == "alarm"
    made = Remembered(first, now, finding.level, told=alarm and (told or was_told))
    begins = alarm and not (again and before is not None and before.level == "alarm")
    details = {"release": release, "monitor": finding.monitor, "code": finding.code, "who": list(finding.who)}
    value = {**asdict(made), "key": key, "what": finding.what, "since": finding.since}
    state.put_document(KIND, _name(key), value, act="alarm" if begins else None, why=finding.what, details=details)
    return made


def last_look(state: State) -> dict[str, Any] | None:
    """What the newest look found, as `Monitored.to_dict` gives it; None before the first. No monitor runs for it."""
    row = state.document(LOOK, "last")
    return None if row is None else dict(row.value)


def _read(row: DocumentRow) -> Remembered:
    value = row.value
    return Remembered(value["first"], value["last"], value["level"], bool(value["told"]), bool(value["over"]))


def _name(key: str) -> str:
    """The document of a key, which may be longer than the name of one may."""
    return key if len(key) <= _LONGEST else f"{key[: _LONGEST - 17]} {sha256(key.encode()).hexdigest()[:16]}"


def _forget(state: State) -> None:
    rows = state.documents(KIND)
    over = sorted((row for row in rows if row.value.get("over")), key=lambda row: row.at)
    for row in over[: max(0, len(rows) - MOST)]:
        state.drop_document(KIND, row.name)
