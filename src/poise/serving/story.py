"""The history as sentences: what happened to a system, each line in words that its stakeholders read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poise.errors import UsageError, did_you_mean
from poise.stores.state_base import HistoryRow

KINDS: Mapping[str, tuple[str, ...]] = {
    "data": ("ingest", "readmit", "expire", "take up"),
    "people": ("forget", "remember"),
    "releases": ("train", "release", "refuse", "promote", "rollback", "retire", "switch", "stay"),
    "rollout": ("shadow", "canary", "share", "undo"),
    "updates": ("update", "resume", "override", "take over", "updated", "keep"),
    "weights": ("weights", "expire weights", "propose", "approve", "decline", "withdraw", "overtake", "limit"),
    "alarms": ("alarm", "alarm over"),
    "suspects": ("hold back", "let in", "trust"),
    "access": ("add", "revoke", "speak for"),
    "upkeep": ("backup",),
}
"""Kinds of lines -> the acts that are of it."""
OTHER = "other"
MOST_SOURCES = 6
"""Sources that a sentence about files names; of more it says how many."""


def kind_of(row: HistoryRow) -> str:
    """What a line is about: a key of `KINDS`, or `other`."""
    if row.subject.startswith("weights "):
        return "weights"
    return next((kind for kind, acts in KINDS.items() if row.act in acts), OTHER)


def kinds(asked: str) -> list[str]:
    """The kinds in `releases,weights`. Raises `UsageError` for what is none."""
    found = [one.strip() for one in asked.split(",") if one.strip()]
    for one in found:
        if one not in (*KINDS, OTHER):
            raise UsageError(f"there is no kind of lines '{one}'", hint=did_you_mean(one, [*KINDS, OTHER]))
    return found


def sentence(row: HistoryRow) -> str:
    """What happened, in one sentence without who and when.

    >>> sentence(HistoryRow(3, 0, "ana", "promote", "r2", "fewer complaints", {"from": "r1"}))
    'r2 is live, after r1: fewer complaints'
    """
    if row.subject.startswith("weights "):
        return _weights(row)
    say = _SAID.get(row.act)
    return f"{row.act} {row.subject}{_because(row)}" if say is None else say(row)


USUAL = ("", "asked for", "every requirement holds")
"""Reasons that say nothing beyond the act."""


def _because(row: HistoryRow) -> str:
    return "" if row.why in USUAL else f": {row.why}"


def _plain(words: str) -> Callable[[HistoryRow], str]:
    """A sentence of the subject and the reason: `{}` in the words is the subject."""
    return lambda row: words.format(row.subject) + _because(row)


def _ingest(row: HistoryRow) -> str:
    sources = [one for one in row.details.get("sources", {}).values() if any(map(one.get, ("accepted", "quarantined")))]
    parts = [f"{one.get('accepted', 0):,} rows of {one.get('source', '?')}{_apart(one)}" for one in sources]
    if len(parts) > MOST_SOURCES:
        parts = [*parts[:MOST_SOURCES], f"rows of {len(parts) - MOST_SOURCES} more sources"]
    return "files came in: " + (", ".join(parts) if parts else "nothing new")


def _apart(one: Mapping[str, Any]) -> str:
    return f" ({one['quarantined']:,} set apart)" if one.get("quarantined") else ""


def _readmit(row: HistoryRow) -> str:
    return f"rows were let out of quarantine: {_counts(row.details.get('sources', {}))}{_because(row)}"


def _expire(row: HistoryRow) -> str:
    return f"rows older than they may be kept were deleted: {_counts(row.details.get('rows', {}))}"


def _counts(found: Mapping[str, Any]) -> str:
    said = [f"{value:,} of {name}" for name, value in found.items() if isinstance(value, int)]
    return ", ".join(said or found)


def _train(row: HistoryRow) -> str:
    chosen = ", ".join(f"{name} by {rung}" for name, rung in row.details.get("chosen", {}).items())
    return f"{row.subject} was trained{f' ({chosen})' if chosen else ''}{_because(row)}"


def _promote(row: HistoryRow) -> str:
    before = row.details.get("from")
    return f"{row.subject} is live{f', after {before}' if before else ', the first'}{_because(row)}"


def _rollback(row: HistoryRow) -> str:
    return f"{row.subject} is live again, instead of {row.details.get('from')}{_because(row)}"


def _rolling(row: HistoryRow) -> str:
    share, beside = row.details.get("share"), row.details.get("against")
    part = "" if share is None else f" {100 * share:.3g}% of"
    what = {
        "shadow": f"begins as a shadow: it scores{part} the requests",
        "canary": f"is a canary: it answers{part} the callers",
        "share": f"answers{part} the callers now",
    }[row.act]
    return f"{row.subject} {what}{f', beside {beside}' if beside else ''}{_because(row)}"


def _retire(row: HistoryRow) -> str:
    return f"{row.subject} is used no more{_because(row)}"


def _forget(row: HistoryRow) -> str:
    if "person" not in row.details:
        return f"{row.subject} shows nothing of a person any more{_because(row)}"
    return f"a person was forgotten: {_counts(row.details.get('rows', {})) or 'no rows'}{_because(row)}"


def _weights(row: HistoryRow) -> str:
    values = ", ".join(f"{term} {value:g}" for term, value in row.details.get("values", {}).items())
    until = row.details.get("until")
    return f"{row.subject} hold{f': {values}' if values else ''}{f', until {until}' if until else ''} ({row.why})"


def _alarm(row: HistoryRow) -> str:
    return f"alarm{' is over' if row.act == 'alarm over' else ''}: {row.why}"


def _bare(words: str) -> Callable[[HistoryRow], str]:
    """A sentence in which the reason is the rest."""
    return lambda row: f"{words.format(row.subject)} {row.why}"


_SAID: Mapping[str, Callable[[HistoryRow], str]] = {
    "ingest": _ingest,
    "readmit": _readmit,
    "expire": _expire,
    "take up": _plain("a server takes up the rows of files"),
    "forget": _forget,
    "remember": _plain("rows of a person who was forgotten may come in again"),
    "train": _train,
    "release": _plain("{} passed every requirement"),
    "refuse": _plain("{} was refused"),
    "promote": _promote,
    "rollback": _rollback,
    "retire": _retire,
    "switch": _plain("a server answers with {}"),
    "stay": _plain("a server could not switch to {}"),
    "shadow": _rolling,
    "canary": _rolling,
    "share": _rolling,
    "undo": _plain("{} was taken back"),
    "update": _plain("update {} was begun"),
    "resume": _plain("update {} goes on"),
    "override": _bare("update {} is made"),
    "take over": _bare("the next update takes over:"),
    "updated": _plain("update {} is done"),
    "keep": _plain("update {} changes nothing"),
    "propose": _plain("{} was made"),
    "approve": _plain("{} was approved"),
    "decline": _plain("{} was declined"),
    "withdraw": _plain("{} was withdrawn"),
    "overtake": _plain("{} was overtaken"),
    "alarm": _alarm,
    "alarm over": _alarm,
    "hold back": _plain("nothing is learned from suspect {} any more"),
    "let in": _plain("suspect {} is learned from again"),
    "trust": _plain("rows were chosen that judge and are never learned from"),
    "add": _plain("{} was made"),
    "revoke": _plain("{} was revoked"),
    "speak for": _bare("{} speaks for"),
    "backup": _plain("a backup was made"),
}
