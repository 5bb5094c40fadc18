"""What a contract promises its callers: a release that breaks it is refused, and one that is used is not retired.

Nobody declares what they use: servers count it, and here it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poise.clock import DAY, SECOND, to_text
from poise.errors import Refused, StateError
from poise.releases.compatibility import Change, compare
from poise.releases.contract import Contract
from poise.stores.state_base import UsageRow

LATELY = 7 * DAY
"""A contract that a caller used within this time is in use."""


def breaks(old: Contract, new: Contract) -> list[Change]:
    """What of `new` callers who know only `old` do not get along with."""
    return [change for change in compare(old, new) if change.kind == "breaking"]


def must_keep(
    live: str, old: Contract, candidate: str, new: Contract, used: Sequence[UsageRow], zone: str, *, major: bool
) -> list[Change]:
    """The changes by which `candidate` breaks the contract of `live`; none, or a new contract was asked for (`major`).

    Raises `Refused` for a break that was not asked for, naming each field, what is wrong with it and who uses it, and
    for a new contract where nothing breaks; `StateError` where the candidate was made beside another release.
    """
    found = breaks(old, new)
    if new.major != old.major + bool(found):
        raise StateError(
            f"{candidate} was trained beside another release than {live}, which is live", hint="run 'poise train' again"
        )
    if found and not major:
        said = [f"{one.field}: {one.sentence}{_by(_of_field(used, old.major, one.field), zone)}" for one in found]
        raise Refused(
            f"{candidate} breaks contract {old.major}, by which {live} answers:\n  " + "\n  ".join(said),
            hint=f"mend that, or serve it beside contract {old.major}: poise release {candidate} --major",
        )
    if major and not found:
        raise Refused(f"{candidate} breaks nothing of contract {old.major}", hint="release it without --major")
    return found


def must_be_unused(major: int, used: Sequence[UsageRow], now: int, zone: str) -> None:
    """Raises `Refused` where somebody used a contract in the last 7 days before `now` (microseconds)."""
    lately = [row for row in used if row.use.contract == major and row.last >= now - LATELY]
    if lately:
        raise Refused(
            f"contract {major} was used in the last 7 days{_by(lately, zone)}",
            hint="let them move to a later contract, or retire it all the same: --anyway",
        )


def _of_field(used: Sequence[UsageRow], major: int, field: str) -> list[UsageRow]:
    """Who sent a field by a contract; where it is none that is sent, who asked anything by that contract."""
    mine = [row for row in used if row.use.contract == major]
    sent = [row for row in mine if row.use.kind == "field" and row.use.name == field]
    return sent or [row for row in mine if row.use.kind == "route"]


def _by(rows: Iterable[UsageRow], zone: str) -> str:
    """Who used it, and when last.

    >>> from poise.stores.state_base import Use
    >>> _by([UsageRow(Use("web", 1, "field", "flights.carrier"), 5, 0, 0)], "UTC")
    ' (used by web, last 1970-01-01T00:00:00+00:00)'
    """
    last: dict[str, int] = {}
    for row in rows:
        last[row.use.token] = max(row.last, last.get(row.use.token, 0))
    told = [f"{token}, last {to_text(at // SECOND * SECOND, zone)}" for token, at in sorted(last.items())]
    return f" (used by {'; '.join(told)})" if told else ""
