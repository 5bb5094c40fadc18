"""Making, revoking and listing tokens: what `poise tokens` does, for whoever holds the state database.

There is no route for it: who may hand out access is who may write the state database, not who holds a token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from poise.clock import SECOND, Clock, to_text
from poise.errors import UsageError, did_you_mean
from poise.serving.caller import ROLES
from poise.serving.field import instant_of
from poise.serving.proposals import SPEAKS_FOR
from poise.serving.tokens import digest_of, new_token
from poise.spec.units import parse_duration
from poise.stores.state import State
from poise.stores.state_base import TokenRow

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. secret: the token itself, which is nowhere else and never shown again. first: callers needed none
    before."""

    row: TokenRow
    secret: str
    first: bool


def add(
    state: State,
    name: str,
    roles: Sequence[str],
    *,
    speaks_for: Sequence[str] = (),
    per_second: float | None = None,
    expires: str | None = None,
    zone: str = "UTC",
    who: str | None = None,
    why: str = "",
) -> Made:
    """Make a token. speaks_for: stakeholders whose approval of weights it gives.

    expires: a duration from now (`90d`) or an ISO 8601 time, local in `zone` where it has no offset.

    Raises `UsageError` for what cannot be, `StateError` where the name is in use.
    """
    if _NAME.fullmatch(name) is None:
        hint = "lower-case letters, digits, '-', '_' and '.', at most 63, a letter or digit first"
        raise UsageError(f"'{name[:80]}' is no name of a token", hint=hint)
    if not roles:
        raise UsageError("a token without a role may do nothing", hint=f"add --role, one or more of {', '.join(ROLES)}")
    for role in roles:
        if role not in ROLES:
            raise UsageError(f"there is no role '{role[:80]}'", hint=did_you_mean(role[:80], ROLES))
    if per_second is not None and not 0.001 <= per_second <= 1e6:
        raise UsageError(f"{per_second:g} requests per second cannot be", hint="0.001 to 1,000,000")
    first = not state.tokens()
    secret, until = new_token(), None if expires is None else _until(expires, zone)
    given = [role for role in ROLES if role in roles]
    if (speaks_for or state.document(SPEAKS_FOR, name) is not None) and not _in_use(state, name):
        # Before the token is there: one that is made again must never speak as the one before it did.
        said = list(dict.fromkeys(speaks_for))
        state.put_document(SPEAKS_FOR, name, {"for": said}, act="speak for", why=", ".join(said) or "nobody", who=who)
    row = state.add_token(name, digest_of(secret), given, per_second=per_second, expires=until, who=who, why=why)
    return Made(row, secret, first)


def _in_use(state: State, name: str) -> bool:
    return any(row.name == name and row.revoked is None for row in state.tokens())


def listed(state: State, zone: str = "UTC") -> list[dict[str, Any]]:
    """Every token, by name, with what became of it and when a server last saw it (within seconds)."""
    seen: dict[str, int] = {}
    for one in state.usage():
        seen[one.use.token] = max(seen.get(one.use.token, 0), one.last)
    now = Clock().now()
    speaks = {one.name: list(one.value["for"]) for one in state.documents(SPEAKS_FOR)}
    return [
        _told(row, seen.get(row.name), now, zone) | {"speaks_for": speaks.get(row.name, [])} for row in state.tokens()
    ]


def _told(row: TokenRow, seen: int | None, now: int, zone: str) -> dict[str, Any]:
    status = "in force"
    if row.revoked is not None:
        status = "revoked"
    elif row.expires is not None and row.expires <= now:
        status = "expired"
    return {
        "name": row.name,
        "roles": list(row.roles),
        "per_second": row.per_second,
        "status": status,
        "made": _text(row.made, zone),
        "who": row.who,
        "expires": _text(row.expires, zone),
        "revoked": _text(row.revoked, zone),
        "seen": _text(seen if seen is not None and seen >= row.made else None, zone),
    }


def _text(instant: int | None, zone: str) -> str | None:
    return None if instant is None else to_text(instant // SECOND * SECOND, zone)


def _until(text: str, zone: str) -> int:
    now = Clock().now()
    try:
        until = now + parse_duration(text)
    except ValueError:
        try:
            until = instant_of(text, zone)
        except ValueError:
            hint = "a duration as 90d, or a time as 2027-03-01T08:00+01:00"
            raise UsageError(f"--expires {text[:80]} is neither a duration nor a time", hint=hint) from None
    if until <= now:
        raise UsageError(f"a token that expires {_text(until, zone)} is void already", hint="choose a later time")
    return until
